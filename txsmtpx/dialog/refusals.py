"""
Why clients are refused, for the log: one line a refusal, where an operator finds why a device cannot send.

One connection does not flood the log. Its refused commands cause at most `MOST` lines; if there are more, one line at
the end has their number. Refused logins, of which `max_auth_failures` end a connection, and the reply that closes the
connection are always logged. Postfix logs each refusal.

A line shows no secret. Of AUTH it shows the mechanism. Of a line that is no known command it shows the length: after a
refused AUTH it may be a password.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from txsmtpx.dialog.connection import Connection
from txsmtpx.dialog.fields import fields
from txsmtpx.grammar import asciitext
from txsmtpx.grammar.reply import Reply

if TYPE_CHECKING:
    from txsmtpx.extensions.extension import Verb

log = Logger(__name__)

MOST = 10
"""Lines that the refused commands of one connection may cause."""

LONGEST = 200
"""Characters of a client's words in a line."""


def refused(connection: Connection, queue_id: str, command: str, reply: Reply) -> None:
    """
    Count a refused command, and log it if it is among the first `MOST` of the connection, or closes it.

    Args:
        connection: whose `refused` counts it.
        queue_id: of the open transaction, "-" without one.
        command: as `shown` returns it.
        reply: 4xx or 5xx.
    """
    connection.refused += 1
    if connection.refused <= MOST or reply.code == 421:
        _write("refused", connection, queue_id, {"command": command, "reply": reply.one_line})


def over(connection: Connection) -> None:
    """Log how many refused commands of a connection that has ended are not in the log."""
    if connection.refused > MOST:
        _write("more commands were refused", connection, "-", {"more": connection.refused - MOST})


def login_refused(connection: Connection, mechanism: str, username: str, count: int, reply: Reply) -> None:
    """
    Log a refused login.

    Args:
        connection: the client's.
        mechanism: the name of the SASL mechanism.
        username: as the client sent it; "" where it is not known.
        count: refused logins of this connection, with this one.
        reply: the answer.
    """
    said = {"mechanism": mechanism, "user": username[:LONGEST], "count": count, "reply": reply.one_line}
    _write("login refused", connection, "-", said)


def closing(connection: Connection, queue_id: str, command: str, reply: Reply) -> None:
    """
    Log that the server closes the connection with `reply`.

    Args:
        connection: the client's.
        queue_id: of the open transaction, "-" without one.
        command: the last one, as `shown` returns it; "" if none came.
        reply: the last one.
    """
    _write("closing", connection, queue_id, {"after": command, "reply": reply.one_line})


def shown(line: bytes, verbs: Mapping[str, Verb]) -> str:
    """
    Return a command line as the log may show it.

    Args:
        line: without its line end.
        verbs: the known ones, by their names.
    """
    text = line.decode("utf-8", "backslashreplace")
    name, _, argument = text.replace("\t", " ").partition(" ")
    verb = verbs.get(asciitext.upper(name))
    if verb is None:
        return f"(no command, {len(line)} octets)" if line else ""
    if verb.shown is not None:
        return " ".join(filter(None, [verb.name, verb.shown(argument.strip(" "))]))
    return text[:LONGEST]


def _write(what: str, connection: Connection, queue_id: str, said: dict[str, Any]) -> None:
    known: dict[str, Any] = {
        "peer": connection.peer_host,
        "helo": connection.helo[:LONGEST],
        "login": (connection.username or "")[:LONGEST],
        **said,
    }
    ids = {"session": connection.session_id, "queue": queue_id}
    log.info(f"session={{session}} queue={{queue}} {what}: {{fields}}", fields=fields(known), **ids, **known)
