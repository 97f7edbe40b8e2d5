"""
What can go wrong, all of it.

L{SMTPError}: they said no.  A backend raises it to refuse, the client raises it when it was refused;
so a relay need not translate.  L{ProtocolError}: they talked nonsense.  L{NotOffered}: we asked for what
they do not offer.  L{RecipientsRefused}: nobody was left to deliver to.  Lost connections and time-outs
keep Twisted's classes.

The functions make a new error each time, since an exception carries its traceback with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import EnhancedCode, Reply


class SMTPError(Exception):
    """
    A reply that says no.

    @ivar reply: the whole reply.
    @ivar command: on the client, the verb it answered; "" where none was in flight.
    """

    def __init__(self, code: int, enhanced_code: EnhancedCode | None = None, message: str = "", *, command: str = ""):
        """
        @param code: 400 to 599 (any reply code will do where an outcome is given as an error).
        @param enhanced_code: RFC 3463; None for X.0.0.
        @param message: the text; newlines make a multi-line reply.
        @raise ValueError: no reply has such a code.
        """
        enhanced_code = enhanced_code or replies.default_enhanced_code(code)
        self.reply = Reply(code, enhanced_code, *message.split("\n"))
        self.command = command
        super().__init__(code, enhanced_code, message)

    @classmethod
    def from_reply(cls, reply: Reply, command: str = "") -> SMTPError:
        """An error that says what C{reply} says, to the letter."""
        error = cls(reply.code, reply.enhanced_code, reply.text, command=command)
        error.reply = reply
        return error

    @property
    def code(self) -> int:
        """The reply code."""
        return self.reply.code

    @property
    def enhanced_code(self) -> EnhancedCode | None:
        """The enhanced code, None where a server sent none."""
        return self.reply.enhanced_code

    @property
    def message(self) -> str:
        """The text, its lines joined by newlines."""
        return self.reply.text

    @property
    def temporary(self) -> bool:
        """Whether trying again later may help."""
        return self.reply.temporary

    def __str__(self) -> str:
        return f"{self.command}: {self.reply}" if self.command else str(self.reply)


class ProtocolError(Exception):
    """The peer talked nonsense; the connection is not to be used any more."""


class NotOffered(Exception):
    """The server does not offer what was asked for, and leaving it away would change the meaning."""


class RecipientsRefused(Exception):
    """
    Every recipient was refused.

    @ivar refused: (recipient, reply) for each, in RCPT order.
    """

    def __init__(self, refused: Sequence[tuple[str, Reply]]) -> None:
        super().__init__(refused)
        self.refused = list(refused)

    def __str__(self) -> str:
        return "; ".join(f"<{recipient}>: {reply}" for recipient, reply in self.refused)


def auth_required() -> SMTPError:
    """530 5.7.0, RFC 4954 §6: for C{anonymous_login}."""
    return SMTPError.from_reply(replies.AUTH_FIRST_530)


def auth_failed() -> SMTPError:
    """535 5.7.8, RFC 4954 §6: for C{login}."""
    return SMTPError.from_reply(replies.BAD_CREDENTIALS_535)


def auth_unsupported() -> SMTPError:
    """502 5.5.1: a backend that knows no logins."""
    return SMTPError.from_reply(replies.NOT_OFFERED_502)


def message_too_big() -> SMTPError:
    """552 5.3.4, RFC 1870 §6.1."""
    return SMTPError.from_reply(replies.TOO_BIG_552)
