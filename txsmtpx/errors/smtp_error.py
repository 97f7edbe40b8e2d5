"""
Rejections: errors that are replies.

An exception keeps its traceback.  So the functions make a new error each time, and no two connections share one.
"""

from __future__ import annotations

from collections.abc import Sequence

from txsmtpx.errors.delivery_error import Delivered, DeliveryError
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import EnhancedCode, Reply


class SMTPError(DeliveryError):
    """
    A reply that rejects something: a reply of the server to the client, or of a backend to the server.

    Args:
        code: The reply code, 400 to 599.  An error that is the outcome of a delivery may have any reply code.
        enhanced_code: The enhanced code (RFC 3463); None for X.0.0.
        message: The text of the reply.  Newlines make a multi-line reply.
        command: The command that was rejected; "" for an error that a backend makes.

    Attributes:
        reply: The whole reply.

    Raises:
        ValueError: The code is no reply code, or the enhanced code does not match it.
        TypeError: An argument has a wrong type.

    Example:
        >>> error = SMTPError(550, (5, 1, 1), "No such mailbox here")
        >>> print(error)
        550 5.1.1 No such mailbox here
        >>> error.temporary
        False
    """

    reply: Reply

    def __init__(self, code: int, enhanced_code: EnhancedCode | None = None, message: str = "", *, command: str = ""):
        if not isinstance(message, str):
            raise TypeError(f"the message of an SMTPError is a str, not {type(message).__name__}")
        enhanced_code = enhanced_code or replies.default_enhanced_code(code)
        self.reply = Reply(code, enhanced_code, *message.split("\n"))
        self.command = command
        self.temporary: bool = self.reply.temporary
        Exception.__init__(self, code, enhanced_code, message)

    @classmethod
    def from_reply(cls, reply: Reply, command: str = "") -> SMTPError:
        """
        Make an error of a reply.

        Args:
            reply: The reply.
            command: The command that the reply rejects; "" for an error that a backend makes.

        Returns:
            The error, whose ``reply`` is the given one.

        Example:
            >>> SMTPError.from_reply(Reply(452, (4, 5, 3), "Too many recipients"), "RCPT").temporary
            True
        """
        error = cls(reply.code, reply.enhanced_code, reply.text, command=command)
        error.reply = reply
        return error

    @property
    def code(self) -> int:
        """The reply code."""
        return self.reply.code

    @property
    def enhanced_code(self) -> EnhancedCode | None:
        """The enhanced code; None if the server sent none."""
        return self.reply.enhanced_code

    @property
    def message(self) -> str:
        """The text of the reply, its lines joined by newlines."""
        return self.reply.text

    def __str__(self) -> str:
        return f"{self.command}: {self.reply}" if self.command else str(self.reply)


class RecipientsRefused(DeliveryError):
    """
    The message was delivered to no recipient: the server rejected each one, by RCPT or after the message.

    The error is temporary if the error of one recipient is.

    Args:
        refused: The recipients, each with its error, in RCPT order.

    Example:
        >>> greylisted, unknown = SMTPError(450, None, "Try later"), SMTPError(550, (5, 1, 1), "No such mailbox here")
        >>> error = RecipientsRefused([("ann@example.org", greylisted), ("bob@example.org", unknown)])
        >>> error.temporary
        True
        >>> print(error)
        <ann@example.org>: 450 4.0.0 Try later; <bob@example.org>: 550 5.1.1 No such mailbox here
    """

    def __init__(self, refused: Sequence[tuple[str, DeliveryError]]) -> None:
        Exception.__init__(self, refused)
        self.refused: list[tuple[str, DeliveryError]] = list(refused)
        errors = [error for _, error in self.refused]
        self.temporary: bool = any(error.temporary for error in errors)
        # If a recipient was accepted, the last phase was the message.
        self.command: str = next((error.command for error in errors if error.command != "RCPT"), "RCPT")
        # If one recipient may have the message, a second attempt may deliver it twice.
        if any(error.delivered is not Delivered.NO for error in errors):
            self.delivered = Delivered.MAYBE

    def __str__(self) -> str:
        return "; ".join(f"<{recipient}>: {error}" for recipient, error in self.refused)


def auth_required() -> SMTPError:
    """
    Make the error with which ``anonymous_login`` of a backend requires authentication: 530 5.7.0 (RFC 4954 §6).

    Returns:
        A new error.

    Example:
        >>> print(auth_required())
        530 5.7.0 Authentication required
    """
    return SMTPError.from_reply(replies.AUTH_FIRST_530)


def auth_failed() -> SMTPError:
    """
    Make the error with which ``login`` of a backend rejects credentials: 535 5.7.8 (RFC 4954 §6).

    Returns:
        A new error.

    Example:
        >>> print(auth_failed())
        535 5.7.8 Authentication credentials invalid
    """
    return SMTPError.from_reply(replies.BAD_CREDENTIALS_535)


def auth_unsupported() -> SMTPError:
    """
    Make the error of a backend that does not support authentication: 502 5.5.1.

    Returns:
        A new error.

    Example:
        >>> print(auth_unsupported())
        502 5.5.1 Command not offered here
    """
    return SMTPError.from_reply(replies.NOT_OFFERED_502)


def message_too_big() -> SMTPError:
    """
    Make the error of a message that is larger than the server allows: 552 5.3.4 (RFC 1870 §6.1).

    Returns:
        A new error.

    Example:
        >>> print(message_too_big())
        552 5.3.4 Message too big
    """
    return SMTPError.from_reply(replies.TOO_BIG_552)
