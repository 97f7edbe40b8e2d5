"""The replies of a next server, as a relay sends them on to the client, and logs them."""

from __future__ import annotations

from txsmtpx.dialog.client_result import Outcome
from txsmtpx.dialog.fields import printable
from txsmtpx.errors import SMTPError
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply

NO_NEXT_SERVER_451 = Reply(451, (4, 4, 1), "The next server cannot be reached")
"""To RCPT, if no next server can be used. The log has the reason for each server."""
NEXT_BUSY_451 = Reply(451, (4, 3, 2), "All connections to the next server are in use, try again later")
"""To RCPT, if no connection to a next server is free within `--relay-wait`."""
NEXT_TAKEN_451 = Reply(451, (4, 3, 2), "The message came too slowly while others waited, try again later")
"""To a message that takes longer than `--relay-hold` while another client waits."""
NEXT_LOST_451 = Reply(451, (4, 4, 2), "The connection to the next server was lost")
"""To RCPT or a message, if the next server closes the connection or does not reply in time."""
RELAYING_DENIED_550 = Reply(550, (5, 7, 1), "Relaying denied")
"""To RCPT without a login, if the domain is not a `--relay-domain`."""
NEXT_CANNOT_550 = Reply(550, (5, 6, 7), "The next server does not offer what that message needs")
"""To RCPT or a message that needs an extension which the next server does not offer."""
REQUIRETLS_550 = Reply(550, (5, 7, 30), "REQUIRETLS cannot be passed on")
"""To RCPT, if the message has REQUIRETLS and the next server does not offer it."""
NEXT_SENDER_553 = Reply(553, (5, 1, 7), "That sender cannot be sent to the next server")
"""To RCPT, if the sender cannot be written in a command to the next server."""
NEXT_RECIPIENT_553 = Reply(553, (5, 1, 3), "That recipient cannot be sent to the next server")
"""To RCPT, if the recipient cannot be written in a command to the next server."""
NEXT_SEVEN_BITS_554 = Reply(554, (5, 6, 3), "The next server does not accept 8-bit content")
"""To a message with octets above 127, if the next server does not offer 8BITMIME."""

MAX_LINES = 20
"""Lines of a reply that are passed on, each with at most MAX_CHARACTERS."""

MAX_CHARACTERS = 500
"""About as many as a reply line has (RFC 5321 §4.5.3.1.5)."""


def passed_on(reply: Reply) -> Reply:
    """
    Return a reply of the next server as the relay's own.

    A 421 becomes 451, since it ends the connection to the next server only.  A missing enhanced code is added.

    Args:
        reply: The reply of the next server.

    Returns:
        The reply to the client.
    """
    code = 451 if reply.code == 421 else reply.code
    lines = [line[:MAX_CHARACTERS] for line in reply.lines[:MAX_LINES]]
    return Reply(code, reply.enhanced_code or replies.default_enhanced_code(code), *lines)


def for_recipient(outcome: Outcome) -> Reply:
    """
    Return the reply to the client for one recipient.

    Args:
        outcome: The reply of the next server, or the error of the transfer.

    Returns:
        The reply: 451 4.4.2 if the next server was lost before its reply.
    """
    if isinstance(outcome, Reply):
        return passed_on(outcome)
    return passed_on(outcome.reply) if isinstance(outcome, SMTPError) else NEXT_LOST_451


def shortened(reply: object) -> str:
    """
    Return the text of a reply or an error for the log, at most `MAX_CHARACTERS` in one line.

    The next server chooses the text, so control characters, which a terminal would obey, are escaped.

    Args:
        reply: The reply or error.

    Returns:
        The text.
    """
    text = reply.one_line if isinstance(reply, Reply) else " / ".join(str(reply).split("\n"))
    return printable(text[:MAX_CHARACTERS])
