"""
Why clients are refused, for the log: one line a refusal, where an operator finds why a device cannot send.

One connection does not flood the log. Its refused commands cause at most `MOST` lines; if there are more, one line at
the end has their number. Refused logins, of which `max_auth_failures` end a connection, and the reply that closes the
connection are always logged. Postfix logs each refusal.

A line shows no credentials: see `redacted` for those in commands. The reply to a login is hidden if it repeats them.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger

from txsmtpx.dialog.fields import clipped, fields
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection

log = Logger(__name__)

MOST = 10
"""Lines that the refused commands of one connection may cause, and so many its transactions that came to nothing."""


def refused(connection: Connection, queue_id: str, command: str, reply: Reply) -> None:
    """
    Log a refused command.

    Args:
        connection: the client's.
        queue_id: of the open transaction, "-" without one.
        command: as `redacted` returns it.
        reply: 4xx or 5xx.
    """
    _write("refused", connection, queue_id, {"command": clipped(command), "reply": clipped(reply.one_line)})


def more_refused(connection: Connection, count: int) -> None:
    """Log how many refused commands of a connection that has ended are not in the log."""
    _write("more commands were refused", connection, "-", {"more": count})


def more_reset(connection: Connection, count: int) -> None:
    """Log how many transactions of a connection that has ended were reset and are not in the log."""
    _write("more transactions were reset", connection, "-", {"more": count})


def login_refused(connection: Connection, mechanism: str, username: str, count: int, reply: str) -> None:
    """
    Log a refused login.

    Args:
        connection: the client's.
        mechanism: the name of the SASL mechanism.
        username: as the client sent it; "" where it is not known.
        count: refused logins of this connection, with this one.
        reply: the answer in one line, without credentials.
    """
    said = {"mechanism": mechanism, "user": clipped(username), "count": count, "reply": clipped(reply)}
    _write("login refused", connection, "-", said)


def closing(connection: Connection, queue_id: str, command: str, reply: Reply) -> None:
    """
    Log that the server closes the connection with `reply`.

    Args:
        connection: the client's.
        queue_id: of the open transaction, "-" without one.
        command: the last one, as `redacted` returns it; "" if none came.
        reply: the last one.
    """
    _write("closing", connection, queue_id, {"after": clipped(command), "reply": clipped(reply.one_line)})


def _write(what: str, connection: Connection, queue_id: str, said: dict[str, Any]) -> None:
    known: dict[str, Any] = {
        "peer": connection.peer_host,
        "helo": clipped(connection.helo),
        "login": clipped(connection.username or ""),
        **said,
    }
    session_id = connection.session_id
    line = f"session={session_id} queue={queue_id} {what}: {fields(known)}"
    log.info("{smtpx_line}", smtpx_line=line, smtpx_event=what, session=session_id, queue=queue_id, **known)
