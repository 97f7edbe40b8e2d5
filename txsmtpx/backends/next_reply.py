"""
What a relay passes on of what its next server says: to the client, and to the log.
"""

from __future__ import annotations

from txsmtpx.dialog.fields import printable
from txsmtpx.dialog.transfer import Outcome
from txsmtpx.errors import SMTPError
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply

MAX_LINES = 20
"""Lines of a reply that are passed on, each with at most MAX_CHARACTERS."""

MAX_CHARACTERS = 500
"""About as many as a reply line has (RFC 5321 §4.5.3.1.5)."""


def passed_on(reply: Reply) -> Reply:
    """
    Return a reply of the next server as the relay's own.

    Its 421 ends that connection, not the one of the client.  An enhanced code is added if there is none.
    """
    code = 451 if reply.code == 421 else reply.code
    lines = [line[:MAX_CHARACTERS] for line in reply.lines[:MAX_LINES]]
    return Reply(code, reply.enhanced_code or replies.default_enhanced_code(code), *lines)


def for_recipient(outcome: Outcome) -> Reply:
    """Return what became of a message for one recipient: 451 4.4.2 if the next server was lost before its reply."""
    if isinstance(outcome, Reply):
        return passed_on(outcome)
    return passed_on(outcome.reply) if isinstance(outcome, SMTPError) else replies.NEXT_LOST_451


def shortened(said: object) -> str:
    """
    Return the text of a reply or an error for the log, cut to what a line has room for.

    A next server chooses it: so it is one line, and control characters, which a terminal obeys, are escaped.
    """
    text = said.one_line if isinstance(said, Reply) else " / ".join(str(said).split("\n"))
    return printable(text[:MAX_CHARACTERS])
