"""
The fields of a transaction, as one line of text and as members of a JSON object.  docs/logs.md describes them.

A busy server logs a line for each message, so a line must be cheap.  Twisted takes 30 microseconds to format twenty
fields, more than the whole dialog takes.  Each form is therefore one expression.
"""

from __future__ import annotations

from collections.abc import Mapping
from json.encoder import encode_basestring_ascii as json_string

from twisted.logger import LogEvent, LogLevel

from txsmtpx.dialog.fields import addresses, clipped, fields, limited, quoted
from txsmtpx.interfaces import Summary

FIELDS = (
    "session", "queue", "listener", "end", "peer", "helo", "login", "tls", "from", "to", "recipients", "rejected",
    "delivered", "deferred", "refused", "octets", "seconds", "backend", "code", "reply",
)  # fmt: skip
"""The names of the fields, in the order of the line."""

Values = tuple[
    str, str, str, str, str, str, str, str, str, str, int, int, int, int, int, int, float, float, int, str
]  # fmt: skip
"""The values of the fields, in the same order."""

_OF_OTHERS = frozenset(FIELDS.index(name) for name in ("helo", "login", "from", "to", "reply"))
"""Fields whose values a client or a backend chooses.  They are cut if one of them is too long."""

_WITHIN_QUOTES = bytes(range(0x20, 0x7F)).translate(None, b'"\\')
"""The characters that need no escape in quotes: printable ASCII but the quote and the backslash."""

_SURELY_SHORT = 500
"""Characters of all these values and of the facts, if none needs escapes: in JSON none takes 1,000 octets."""


def transaction_fields(listener: str, summary: Summary) -> tuple[Values, Mapping[str, object], bool]:
    """
    Return the fields of a transaction, and the facts of its backend and of filters.

    Args:
        listener: The name of the server.
        summary: The transaction.

    Returns:
        The values of `FIELDS`; the facts with other names; and True if no value needs quotes or escapes, but for the
        reply, which needs quotes.  Long values are cut.
    """
    connection, recipients, reply = summary.connection, summary.recipients, summary.reply
    if summary.outcomes:  # a reply for each recipient; the first rejection is shown
        kinds = [outcome.code // 100 for outcome in summary.outcomes]
        delivered, deferred, refused = kinds.count(2), kinds.count(4), kinds.count(5)
        reply = next((outcome for outcome in summary.outcomes if outcome.code >= 400), summary.outcomes[0])
    else:
        kind, count = reply.code // 100 if reply is not None else 0, len(recipients)
        delivered, deferred, refused = count * (kind == 2), count * (kind == 4), count * (kind == 5)
    helo, login, sender = connection.helo, connection.username or "", f"<{summary.sender}>"
    to = f"<{recipients[0]}>" if len(recipients) == 1 else addresses(recipients)
    text = reply.one_line if reply is not None else ""
    values = (
        connection.session_id, summary.queue_id, listener, summary.end, connection.peer_host,
        helo, login, getattr(connection.tls, "version", ""), sender, to,
        len(recipients), summary.rejected, delivered, deferred, refused,
        summary.octets, summary.seconds, summary.backend_seconds, reply.code if reply is not None else 0, text,
    )  # fmt: skip
    facts = summary.facts
    if connection.kept_results is not None and summary.end != "answered":  # otherwise they are among the facts
        facts = {**connection.kept_results.facts(), **facts}
    names = f"{listener}{connection.peer_host}{helo}{login}{sender}{to}"
    of_others = names + text
    if facts:
        of_others += "".join(map(str, (*facts, *facts.values())))
        if not facts.keys().isdisjoint(FIELDS):
            facts = {name: fact for name, fact in facts.items() if name not in FIELDS}
    # One check of all is cheaper than one of each, and `translate` is cheaper than a regular expression.
    if len(of_others) > _SURELY_SHORT or not of_others.isascii() or of_others.encode().translate(None, _WITHIN_QUOTES):
        return _limited(values), limited(facts), False
    return values, facts, " " not in names and "=" not in names


def _limited(values: Values) -> Values:
    cut = [clipped(value) if at in _OF_OTHERS else value for at, value in enumerate(values)]  # type: ignore[arg-type]
    return tuple(cut)  # type: ignore[return-value]


def as_text(values: Values, facts: Mapping[str, object], simple: bool = False) -> str:
    """
    Return the fields as text.

    Args:
        values: The values of `FIELDS`.
        facts: Other fields.
        simple: True if `transaction_fields` has found that no value but the reply needs quotes.

    Returns:
        ``name=value`` for each, with a space between.
    """
    (
        session, queue, listener, end, peer, helo, login, tls, sender, to, recipients, rejected,
        delivered, deferred, refused, octets, seconds, backend, code, reply,
    ) = values  # fmt: skip
    if simple:
        reply = f'"{reply}"' if reply else ""
    else:
        listener, peer, helo, login = quoted(listener), quoted(peer), quoted(helo), quoted(login)
        sender, to, reply = quoted(sender), quoted(to), quoted(reply)
    line = (
        f"session={session} queue={queue} listener={listener} end={end} peer={peer} helo={helo} login={login} tls={tls}"
        f" from={sender} to={to} recipients={recipients} rejected={rejected}"
        f" delivered={delivered} deferred={deferred} refused={refused}"
        f" octets={octets} seconds={seconds:.6f} backend={backend:.6f} code={code} reply={reply}"
    )
    return f"{line} {fields(facts)}" if facts else line


def as_json(values: Values, simple: bool = False) -> str:
    """
    Return the fields as members of a JSON object.

    Args:
        values: The values of `FIELDS`.
        simple: True if `transaction_fields` has found that no value needs escapes.

    Returns:
        The members, without the braces around them.
    """
    (
        session, queue, listener, end, peer, helo, login, tls, sender, to, recipients, rejected,
        delivered, deferred, refused, octets, seconds, backend, code, reply,
    ) = values  # fmt: skip
    if not simple:
        listener, peer, helo, login = _escaped(listener), _escaped(peer), _escaped(helo), _escaped(login)
        tls, sender, to, reply = _escaped(tls), _escaped(sender), _escaped(to), _escaped(reply)
    return (
        f'"session":"{session}","queue":"{queue}","listener":"{listener}","end":"{end}","peer":"{peer}","helo":"{helo}"'
        f',"login":"{login}","tls":"{tls}","from":"{sender}","to":"{to}","recipients":{recipients},"rejected":{rejected}'
        f',"delivered":{delivered},"deferred":{deferred},"refused":{refused}'
        f',"octets":{octets},"seconds":{seconds:.6f},"backend":{backend:.6f},"code":{code},"reply":"{reply}"'
    )


def _escaped(text: str) -> str:
    return json_string(text)[1:-1]


def transaction_event(
    now: float, namespace: str, values: Values, facts: Mapping[str, object], simple: bool = False
) -> LogEvent:
    """
    Return the event for a transaction.

    Args:
        now: Seconds since 1970.
        namespace: The namespace of the logger.
        values: The values of `FIELDS`.
        facts: Other fields.
        simple: As for `as_text`.

    Returns:
        The event, with the line in ``smtpx_line``.
    """
    line = as_text(values, facts, simple)
    event: LogEvent = dict(zip(FIELDS, values, strict=True))
    event["seconds"] = round(event["seconds"], 6)
    event["backend"] = round(event["backend"], 6)
    event |= facts
    event["smtpx_line"] = line
    event["log_format"] = line.replace("{", "{{").replace("}", "}}")  # a format without fields
    event["log_level"] = LogLevel.info
    event["log_time"] = now
    event["log_namespace"] = namespace
    return event
