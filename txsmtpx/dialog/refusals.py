"""
Why clients were refused, for the log: one line a refusal, so that an operator finds there why a device cannot send.

One connection does not flood the log.  It causes at most L{MOST} lines by refused commands; their number, where there
were more, is in one line at its end.  Refused logins (C{max_auth_failures} end a connection) and the reply that closes
the connection are always logged.  Postfix logs each refusal.

A line never shows what may be a secret: of AUTH the mechanism alone, and nothing of a line that is no known command,
which after a refused AUTH may be a password.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from txsmtpx.dialog.connection import Connection
from txsmtpx.dialog.fields import fields
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
    Count a refused command, and log it if it is not one of too many.

    @param command: as L{shown} makes it.
    @param reply: 4xx or 5xx.
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

    @param username: as the client gave it; "" where it is not known.
    @param count: refused logins of this connection, with this one.
    """
    said = {"mechanism": mechanism, "user": username[:LONGEST], "count": count, "reply": reply.one_line}
    _write("login refused", connection, "-", said)


def closing(connection: Connection, queue_id: str, command: str, reply: Reply) -> None:
    """
    Log that the server closes the connection with C{reply}.

    @param command: the last one, as L{shown}; "" where none came.
    """
    _write("closing", connection, queue_id, {"after": command, "reply": reply.one_line})


def shown(line: bytes, verbs: Mapping[str, Verb]) -> str:
    """
    A command line as the log may show it.

    @param verbs: those known, by their names.
    """
    text = line.decode("utf-8", "backslashreplace")
    name, _, argument = text.replace("\t", " ").partition(" ")
    verb = verbs.get(name.upper()) if name.isascii() else None
    if verb is None:
        return f"(no command, {len(line)} octets)" if line else ""
    if verb.shown is not None:
        return f"{verb.name} {verb.shown(argument.strip(' '))}".rstrip()
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
