"""
VRFY and EXPN (RFC 5321 §3.5): VRFY returns the mailbox of a user, EXPN the members of a list.

Every server implements both commands.  EHLO advertises VRFY if sessions have ``verify``, and EXPN if they have
``expand`` (§3.5.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from txsmtpx.dialog.extension import Answer, Extension, Verb
from txsmtpx.dialog.outcome_reply import answer
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.dialog.server_session import with_session
from txsmtpx.dialog.state import ANY
from txsmtpx.grammar import asciitext, replies
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import ExpandingSessionLike, VerifyingSessionLike, provides
from txsmtpx.settling import then

NEEDS_UTF8_252 = Reply(252, (2, 6, 8), "The reply needs SMTPUTF8")
"""To VRFY or EXPN without SMTPUTF8, if the answer is not ASCII."""
CANNOT_VERIFY_252 = Reply(252, (2, 5, 0), "Cannot verify that user, but will take mail and attempt delivery")
"""To VRFY, if the session does not know the user, or does not verify users."""


def found_250(*lines: str) -> Reply:
    """
    Return the reply to VRFY or EXPN, if the session has found mailboxes.

    Args:
        lines: A mailbox a line.

    Returns:
        250.
    """
    return Reply(250, (2, 1, 5), *lines)


def vrfy(dialog: ServerDialog, argument: str) -> Answer:
    """
    Answer VRFY (§4.1.1.6).

    Args:
        dialog: The dialog of the client.
        argument: The name of a user.

    Returns:
        A reply, or a Deferred of it: 252, unless the session is an `IVerifyingSession` that knows the user.
    """
    return _look_up(dialog, argument, "verify", VRFY, CANNOT_VERIFY_252)


def expn(dialog: ServerDialog, argument: str) -> Answer:
    """
    Answer EXPN (§4.1.1.7).

    Args:
        dialog: The dialog of the client.
        argument: The name of a list.

    Returns:
        A reply, or a Deferred of it: 502, unless the session is an `IExpandingSession` that knows the list.
    """
    return _look_up(dialog, argument, "expand", EXPN, replies.NOT_OFFERED_502)


def _look_up(
    dialog: ServerDialog, argument: str, method: Literal["verify", "expand"], verb: Verb[ServerDialog], unknown: Reply
) -> Answer:
    if not argument:
        return replies.syntax_501(verb.syntax)
    argument, utf8 = _asks_for_utf8(dialog, argument)
    if not argument.isascii() and not utf8:
        return replies.NOT_ASCII_553

    def ask(session: object) -> Answer:
        if method == "verify" and provides(session, VerifyingSessionLike):
            found = session.verify(argument)
        elif method == "expand" and provides(session, ExpandingSessionLike):
            found = session.expand(argument)
        else:
            return unknown
        reply: Answer = then(found, lambda answered: _found(answered, unknown, utf8, session, method))
        return reply

    answered: Answer = with_session(dialog, ask)
    return answered


def _found(answered: object, unknown: Reply, utf8: bool, session: object, method: str) -> Reply:
    """
    Return the reply for what the session gave.

    Returns:
        The reply.

    Raises:
        TypeError: It is neither None nor a `str` or several of them, nor a `Reply` that may be given.
    """
    lines = [answered] if isinstance(answered, str) else list(answered) if isinstance(answered, Iterable) else None
    if lines is None or not all(isinstance(line, str) for line in lines):
        return unknown if answered is None else answer(answered, session, method)
    if not lines:
        return unknown
    return found_250(*lines) if utf8 or all(map(str.isascii, lines)) else NEEDS_UTF8_252


def _asks_for_utf8(dialog: ServerDialog, argument: str) -> tuple[str, bool]:
    """Return the argument without the parameter SMTPUTF8, and whether that was there (RFC 6531 §3.7.4.2)."""
    name, _, last = argument.rpartition(" ")
    if name and asciitext.upper(last) == "SMTPUTF8" and "SMTPUTF8" in dialog.table.keywords:
        return name.rstrip(" "), True
    return argument, False


VRFY = Verb("VRFY", vrfy, "VRFY address", ANY)
EXPN = Verb("EXPN", expn, "EXPN list", ANY)

VERIFY = Extension("VRFY", "RFC 5321", needs_backend=True, session_type=VerifyingSessionLike)
EXPAND = Extension("EXPN", "RFC 5321", needs_backend=True, session_type=ExpandingSessionLike)
