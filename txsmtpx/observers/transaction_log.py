"""
Log one line for each transaction.  docs/logs.md describes its fields.

The line must be cheap, since a busy server writes one for each message.  Twisted takes 30 microseconds to format twenty
fields, more than the whole dialog takes.  So the line is formatted here, in one expression, and is the field
``smtpx_line`` of the event.  The event has all fields too, for log observers that use them.  It goes directly to the
observer of the logger: `Logger.info` would check and copy it first.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal

from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from txsmtpx.arguments import checked_except
from txsmtpx.dialog.fields import addresses, clipped, fields, fits, limited, plain, quoted
from txsmtpx.dialog.observer import Observer
from txsmtpx.dialog.refusals import MOST, log_more_reset
from txsmtpx.interfaces import Connection, Summary

log = Logger(__name__)

Which = Literal["all", "refused"]
"""All transactions, or those that have a 4xx or 5xx reply to the message."""

_OF_OTHERS = ("helo", "login", "from", "to", "reply")
"""Fields whose values a client or a backend chooses.  They are cut if the line is too long."""


class TransactionLog(Observer):
    """
    Log a line for each transaction of one server.  ``twistd smtpx`` creates one for each listener.

    Args:
        which: "all", or "refused" for those that have a 4xx or 5xx reply to the message.
        listener: The name of the server, for the field ``listener``.
        logger: The logger that gets the events.

    Example:
        >>> from txsmtpx import MemoryBackend, SMTPServerFactory
        >>> factory = SMTPServerFactory(MemoryBackend(), observers=[TransactionLog("refused")])
    """

    @checked_except("logger")
    def __init__(self, which: Which = "all", listener: str = "", logger: Logger = log) -> None:
        self._refused_only = which == "refused"
        self._listener = listener
        self._logger = logger
        self._resets: dict[str, int] = {}

    def concluded(self, summary: Summary) -> None:
        """
        Log a line for a transaction.  Of those with ``end=reset``, only the first `MOST` of a connection have a line.

        Args:
            summary: The transaction.
        """
        if self._refused_only and all(reply.code < 400 for reply in summary.replies):
            return
        if summary.end == "reset" and self._is_one_too_many(summary.connection.session_id):
            return
        event = _event(self._listener, summary)
        facts = summary.facts
        if facts.keys() & event.keys():
            facts = {name: fact for name, fact in facts.items() if name not in event}
        line = _line(event, facts)
        if not fits(line):
            event |= {name: clipped(event[name]) for name in _OF_OTHERS}
            facts = limited(facts)
            line = _line(event, facts)
        event |= facts
        event["smtpx_line"] = line
        event["log_format"] = line if "{" not in line and "}" not in line else _literal(line)
        event["log_level"] = LogLevel.info
        event["log_time"] = time.time()
        event["log_namespace"] = self._logger.namespace
        event["log_source"] = None
        event["log_logger"] = self._logger
        self._logger.observer(event)

    def disconnected(self, connection: Connection, reason: Failure) -> None:
        """
        Log the number of the transactions that have no line, if there are any.

        Args:
            connection: The connection.
            reason: Why it was closed, which is not logged.
        """
        more = self._resets.pop(connection.session_id, 0) - MOST
        if more > 0:
            log_more_reset(connection, more)

    def _is_one_too_many(self, session_id: str) -> bool:
        # A client that repeats MAIL and RSET must not fill the log.
        count = self._resets[session_id] = self._resets.get(session_id, 0) + 1
        return count > MOST


def _literal(line: str) -> str:
    """Return a format without fields for a line.  Twisted formats it in a third of the time."""
    return line.replace("{", "{{").replace("}", "}}")


def _event(listener: str, summary: Summary) -> dict[str, Any]:
    """Return the fields, in the order of the line."""
    connection, recipients, reply = summary.connection, summary.recipients, summary.reply
    if summary.outcomes:  # a reply for each recipient; the first rejection is shown
        kinds = [outcome.code // 100 for outcome in summary.outcomes]
        counts = kinds.count(2), kinds.count(4), kinds.count(5)
        reply = next((outcome for outcome in summary.outcomes if outcome.code >= 400), summary.outcomes[0])
    else:
        kind, count = reply.code // 100 if reply is not None else 0, len(recipients)
        counts = count if kind == 2 else 0, count if kind == 4 else 0, count if kind == 5 else 0
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
        "to": addresses(recipients),
        "recipients": len(recipients),
        "rejected": summary.rejected,
        "delivered": counts[0],
        "deferred": counts[1],
        "refused": counts[2],
        "octets": summary.octets,
        "seconds": round(summary.seconds, 6),
        "backend": round(summary.backend_seconds, 6),
        "code": reply.code if reply is not None else 0,
        "reply": reply.one_line if reply is not None else "",
    }


def _line(of: dict[str, Any], facts: Mapping[str, object]) -> str:
    texts = [of["listener"], of["peer"], of["helo"], of["login"], of["from"], of["to"]]
    if not plain("".join(texts)):  # one check of all values is cheaper than one check of each
        texts = [quoted(text) for text in texts]
    listener, peer, helo, login, sender, recipients = texts
    line = (
        f"session={of['session']} queue={of['queue']} listener={listener} end={of['end']} "
        f"peer={peer} helo={helo} login={login} tls={of['tls']} "
        f"from={sender} to={recipients} recipients={of['recipients']} "
        f"rejected={of['rejected']} delivered={of['delivered']} deferred={of['deferred']} refused={of['refused']} "
        f"octets={of['octets']} seconds={of['seconds']:.6f} backend={of['backend']:.6f} "
        f"code={of['code']} reply={quoted(of['reply'])}"
    )
    return f"{line} {fields(facts)}" if facts else line
