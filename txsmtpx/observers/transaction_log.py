"""
One line a transaction, in a fixed form, which docs/logs.md describes.

A busy server writes one for every message, so it must not cost like one: a format of twenty fields takes Twisted 30
microseconds, more than the whole dialog.  Here the text is made once, in one expression, and stands ready in the
field ``smtpx_line``; the event has all fields besides, for observers that want them, and goes where `Logger.info` would
send it, without the checks on the way.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal

from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from txsmtpx.dialog.fields import addresses, clipped, fields, fits, limited, plain, quoted
from txsmtpx.dialog.observer import Observer
from txsmtpx.dialog.refusals import MOST, log_more_reset
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection, Summary

log = Logger(__name__)

Which = Literal["all", "refused"]
"""All transactions, or those with an answer that is no yes."""

_OF_OTHERS = ("helo", "login", "from", "to", "reply")
"""Fields that a peer or a backend fills as it likes."""


class TransactionLog(Observer):
    """
    Watches a server and writes a line for each transaction.

    Args:
        which: `Which`.
        listener: The name of the server, where there is more than one.
        logger: Gets the events.
    """

    def __init__(self, which: Which = "all", listener: str = "", logger: Logger = log) -> None:
        self._refused_only = which == "refused"
        self._listener = listener
        self._logger = logger
        self._resets: dict[str, int] = {}

    def concluded(self, summary: Summary) -> None:
        """A line for it, unless the connection has had many that came to nothing."""
        replies = summary.replies
        if self._refused_only and all(reply.code < 400 for reply in replies):
            return
        if summary.end == "reset" and self._is_one_too_many(summary.connection.session_id):
            return
        event = _event(self._listener, summary, replies)
        line = _line(event)
        if not fits(line):
            event |= {name: clipped(event[name]) for name in _OF_OTHERS}
            line = _line(event)
        if summary.facts:
            more: Mapping[str, Any] = {name: fact for name, fact in summary.facts.items() if name not in event}
            text = fields(more)
            if not fits(text):
                more = limited(more)
                text = fields(more)
            line = f"{line} {text}"
            event |= more
        event["smtpx_line"] = line
        event["log_format"] = line if "{" not in line and "}" not in line else _literal(line)
        event["log_level"] = LogLevel.info
        event["log_time"] = time.time()
        event["log_namespace"] = self._logger.namespace
        event["log_source"] = None
        event["log_logger"] = self._logger
        self._logger.observer(event)


    def disconnected(self, connection: Connection, reason: Failure) -> None:
        """A line for the transactions that had none."""
        more = self._resets.pop(connection.session_id, 0) - MOST
        if more > 0:
            log_more_reset(connection, more)

    def _is_one_too_many(self, session_id: str) -> bool:
        """MAIL and RSET without end must not fill the log."""
        count = self._resets[session_id] = self._resets.get(session_id, 0) + 1
        return count > MOST


def _literal(line: str) -> str:
    """A format that stands for ``line``: Twisted formats one without fields in a third of the time."""
    return line.replace("{", "{{").replace("}", "}}")


def _event(listener: str, summary: Summary, replies: Any) -> dict[str, Any]:
    """The fields; their order is that of the line."""
    connection = summary.connection
    delivered, deferred, refused = _counted(summary, replies)
    said: Reply | None = replies[0] if replies else None
    if deferred or refused:
        said = next(reply for reply in replies if reply.code >= 400)
    return {
        "session": connection.session_id,
        "queue": summary.queue_id,
        "listener": listener,
        "end": summary.end,
        "peer": connection.peer_host,
        "helo": connection.helo,
        "login": connection.username or "",
        "tls": getattr(connection.tls, "version", ""),
        "from": f"<{summary.sender}>",
        "to": addresses(summary.recipients),
        "recipients": len(summary.recipients),
        "rejected": summary.rejected,
        "delivered": delivered,
        "deferred": deferred,
        "refused": refused,
        "octets": summary.octets,
        "seconds": round(summary.seconds, 6),
        "backend": round(summary.backend_seconds, 6),
        "code": said.code if said is not None else 0,
        "reply": said.one_line if said is not None else "",
    }


def _counted(summary: Summary, replies: Any) -> tuple[int, int, int]:
    """Recipients with a yes, with a no for now, with a no for good."""
    if not summary.outcomes:
        count = len(summary.recipients)
        kind = replies[0].code // 100 if replies else 0
        return (count if kind == 2 else 0, count if kind == 4 else 0, count if kind == 5 else 0)
    kinds = [reply.code // 100 for reply in replies]
    return kinds.count(2), kinds.count(4), kinds.count(5)


def _line(of: dict[str, Any]) -> str:
    texts = [of["listener"], of["peer"], of["helo"], of["login"], of["from"], of["to"]]
    if not plain("".join(texts)):  # one look at all of them is cheaper than one at each
        texts = [quoted(text) for text in texts]
    listener, peer, helo, login, sender, recipients = texts
    return (
        f"session={of['session']} queue={of['queue']} listener={listener} end={of['end']} "
        f"peer={peer} helo={helo} login={login} tls={of['tls']} "
        f"from={sender} to={recipients} recipients={of['recipients']} "
        f"rejected={of['rejected']} delivered={of['delivered']} deferred={of['deferred']} refused={of['refused']} "
        f"octets={of['octets']} seconds={of['seconds']:.6f} backend={of['backend']:.6f} "
        f"code={of['code']} reply={quoted(of['reply'])}"
    )
