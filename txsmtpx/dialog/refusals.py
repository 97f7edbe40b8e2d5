"""
Rejected commands: how they are answered, counted and logged, so that an operator finds why a device cannot send.

One connection does not flood the log.  Its rejected commands cause at most `MOST` lines; if there are more, one line at
the end has their number.  Rejected logins, of which `max_auth_failures` end a connection, and the reply that closes the
connection are always logged.  Postfix logs each rejection.

A line shows no credentials: see `redacted` for those in commands.  The reply to a login is hidden if it repeats them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from twisted.logger import Logger

from txsmtpx.dialog.fields import clipped, fields
from txsmtpx.dialog.outcome_reply import complete
from txsmtpx.dialog.redaction import redacted
from txsmtpx.dialog.state import CLOSED, OPEN
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection

if TYPE_CHECKING:
    from txsmtpx.dialog.server import ServerDialog

log = Logger(__name__)

MOST = 10
"""Lines that the rejected commands of one connection may cause, and so many its transactions that were reset."""

_OTHER_PROTOCOLS = frozenset({"GET", "POST", "CONNECT", "PUT", "HEAD", "OPTIONS"})
"""
First words of HTTP.  A browser sends them in a cross-protocol attack, so the connection is closed.  Postfix does the
same (smtpd_forbidden_commands).
"""


def refuse(dialog: ServerDialog, reply: Reply, logged: bool = False) -> None:
    """
    Reject a command, and count it.  `max_errors` of 5xx close the connection.

    Args:
        dialog: The client's dialog.
        reply: 4xx or 5xx.
        logged: True if the rejection is in the log already.
    """
    line = dialog.line
    if dialog.transaction is not None and line is not None and line[:4].upper() == b"RCPT":
        dialog.transaction.rejected += 1
    if not logged:
        log_refusal(dialog, reply, _last_command(dialog))
    dialog.reply(complete(reply))
    if dialog.connection.closing:
        dialog.close()
    if reply.code < 500:
        return
    dialog.errors += 1
    limit = dialog.settings.max_errors
    if 0 < limit <= dialog.errors and not dialog.settings.lmtp:  # clients of LMTP are mail servers of one's own
        dialog.say_goodbye(replies.TOO_MANY_ERRORS_421)


def refuse_answer(dialog: ServerDialog, outcome: object) -> None:
    """
    Reject a command whose function has answered with something that is no reply, and log that.

    Args:
        dialog: The client's dialog.
        outcome: What the function has returned.
    """
    text = "session={session} a verb answered with {outcome!r}, which is no Reply that it may give"
    log.error(text, session=dialog.connection.session_id, outcome=outcome)
    refuse(dialog, replies.LOCAL_ERROR_451)


def unexpected_input(dialog: ServerDialog, octets: bool) -> RuntimeError:
    """
    Return the error for a caller that hands over what the dialog does not accept now.

    Args:
        dialog: The client's dialog.
        octets: True if the caller has handed over octets of a message, False for a line.

    Returns:
        The error.
    """
    given = "octets of a message" if octets else "a line"
    expected = "it expects a line; call line_received"
    why = expected if dialog.link is OPEN else f"the link is {dialog.link.name}"
    return RuntimeError(f"the dialog does not accept {given} now: {why}")


def refuse_line(dialog: ServerDialog, line: bytes, reply: Reply) -> None:
    """
    Reject a line that cannot be read as a command.

    Args:
        dialog: The client's dialog.
        line: The line, without its line end.
        reply: 500 or 501.
    """
    _no_command(dialog, line)
    refuse(dialog, reply)
    if line[:4].upper() == b"BDAT" and dialog.link is not CLOSED:
        dialog.close()  # octets follow, their number is unknown, and they must not be run as commands


def refuse_long_line(dialog: ServerDialog, beginning: bytes) -> None:
    """
    Reject a line that is too long: a command, or a response of an AUTH exchange, which ends by that.

    Args:
        dialog: The client's dialog.
        beginning: The first octets of the line.
    """
    reply = replies.LINE_TOO_LONG_500 if dialog.exchange is None else replies.RESPONSE_TOO_LONG_500
    dialog.end_exchange()
    refuse_line(dialog, beginning, reply)


def refuse_unknown(dialog: ServerDialog, line: bytes, verb: str) -> None:
    """
    Reject a command that is not in the table.

    Args:
        dialog: The client's dialog.
        line: The line, without its line end.
        verb: Its first word, in upper case.
    """
    first = dialog.line is None
    _no_command(dialog, line)
    if first and verb in _OTHER_PROTOCOLS:
        text = "session={session} {verb} from [{peer}] is no mail client's first command: closing"
        log.warn(text, session=dialog.connection.session_id, verb=verb, peer=dialog.connection.peer_host)
        dialog.close()
    elif dialog.settings.lmtp and verb in ("HELO", "EHLO"):
        refuse(dialog, replies.LMTP_ONLY_500)
    else:
        refuse(dialog, replies.UNKNOWN_COMMAND_500)


def _no_command(dialog: ServerDialog, line: bytes) -> None:
    dialog.line = line
    dialog.grouped = False
    if dialog.observers.commanded is not None:
        dialog.observers.commanded(dialog.connection, "")


def _last_command(dialog: ServerDialog) -> str:
    """Return the last command as the log may show it; "" if none has come."""
    return "" if dialog.line is None else redacted(dialog.line, dialog.table)[0]


def log_refusal(dialog: ServerDialog, reply: Reply, command: str) -> None:
    """
    Log a rejected command, unless the connection has had `MOST` such lines.

    Args:
        dialog: The client's dialog.
        reply: 4xx or 5xx.
        command: As `redacted` returns it.
    """
    if reply.code != 421:  # which is the last
        dialog.refusals += 1
        if dialog.refusals > MOST:
            return
    facts = {"command": clipped(command), "reply": clipped(reply.one_line)}
    _write("refused", dialog.connection, dialog.queue_id, facts)


def log_more_refused(dialog: ServerDialog) -> None:
    """
    Log how many rejected commands are not in the log; called at the end of the connection.

    Args:
        dialog: The client's dialog.
    """
    more, dialog.refusals = dialog.refusals - MOST, 0
    if more > 0:
        _write("more commands were refused", dialog.connection, "-", {"more": more})


def log_more_reset(connection: Connection, count: int) -> None:
    """
    Log how many transactions of a connection that has ended were reset and are not in the log.

    Args:
        connection: The client's connection.
        count: The number of such transactions.
    """
    _write("more transactions were reset", connection, "-", {"more": count})


def log_refused_login(connection: Connection, mechanism: str, username: str, count: int, reply: str) -> None:
    """
    Log a rejected login.

    Args:
        connection: The client's connection.
        mechanism: The name of the SASL mechanism.
        username: As the client sent it; "" if it is not known.
        count: Rejected logins of this connection, with this one.
        reply: The answer in one line, without credentials.
    """
    user, reply = clipped(username), clipped(reply)
    _write("login refused", connection, "-", {"mechanism": mechanism, "user": user, "count": count, "reply": reply})


def log_closing(dialog: ServerDialog, reply: Reply) -> None:
    """
    Log that the server closes the connection with a reply.

    Args:
        dialog: The client's dialog.
        reply: The last reply of the connection.
    """
    after = clipped(_last_command(dialog))
    _write("closing", dialog.connection, dialog.queue_id, {"after": after, "reply": clipped(reply.one_line)})


def _write(what: str, connection: Connection, queue_id: str, facts: Mapping[str, object]) -> None:
    known: dict[str, object] = {
        "peer": connection.peer_host,
        "helo": clipped(connection.helo),
        "login": clipped(connection.username or ""),
        **facts,
    }
    session_id = connection.session_id
    line = f"session={session_id} queue={queue_id} {what}: {fields(known)}"
    log.info("{smtpx_line}", smtpx_line=line, smtpx_event=what, session=session_id, queue=queue_id, **known)
