"""
The errors of txsmtpx.

`DeliveryError` is the base of all errors that a client raises for a command, a message or a connection.  Each says
which command or phase failed, whose fault that is, whether to try again, and whether the message was delivered.  A
backend raises one of them, `SMTPError`, to reject a command or a message.

Errors of the network are instances of Twisted's classes too: ``ConnectionRefusedError``, ``ConnectionDone``,
``TimeoutError`` and the others of `twisted.internet.error`.

The functions make a new error each time, since an exception carries its traceback with it.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from twisted.internet import defer
from twisted.internet import error as twisted_error

from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import EnhancedCode, Reply


class Delivered(enum.Enum):
    """Whether the server has the message."""

    NO = "no"
    """The server has rejected the message, or has not received its end."""

    MAYBE = "maybe"
    """The end of the message was sent, and no reply came.  A second attempt may deliver it twice."""

    YES = "yes"
    """The server has accepted the message for at least one recipient."""


class Fault(enum.Enum):
    """Who can mend it."""

    SERVER = "server"
    """The server: it rejected something, lacks something, or broke the protocol."""

    CALLER = "caller"
    """The program that uses the client: it cancelled, or asked for what this server cannot do."""

    NETWORK = "network"
    """What lies between: DNS, a lost connection, silence."""


class DeliveryError(Exception):
    """
    The base of all errors of the client.

    Attributes:
        command: The command that failed, such as "RCPT"; or the phase: "DNS", "connect", "greeting", "TLS", or "idle"
            where no command was sent.  "" for an error that a backend has made.
        temporary: Whether a later attempt may succeed.
        delivered: Whether the server has the message; ``Delivered.NO`` where there is none.
        fault: Who can mend it.
        reply: The server's reply; None where none came.
        accepted: (recipient, reply) for each recipient that the message was delivered to nevertheless.
        refused: (recipient, error) for each recipient that has an error of its own, such as a refusal by RCPT; this
            error is that of all the others.

    Args:
        text: What was wrong, with which value.
        command: None for that of the class, as for the others.
    """

    command: str = ""
    temporary: bool = False
    delivered: Delivered = Delivered.NO
    fault: Fault = Fault.SERVER
    reply: Reply | None = None
    accepted: Sequence[tuple[str, Reply]] = ()
    refused: Sequence[tuple[str, DeliveryError]] = ()

    def __init__(
        self, text: str = "", *, command: str | None = None, temporary: bool | None = None, fault: Fault | None = None
    ) -> None:
        Exception.__init__(self, text)  # and not that of a class of Twisted's
        if command is not None:
            self.command = command
        if temporary is not None:
            self.temporary = temporary
        if fault is not None:
            self.fault = fault

    @property
    def code(self) -> int | None:
        """The code of the server's reply; None where none came."""
        return None if self.reply is None else self.reply.code

    def __str__(self) -> str:
        return " ".join(map(str, self.args))


class SMTPError(DeliveryError):
    """
    A reply that says no: the server's on the client, the backend's on the server.

    Attributes:
        reply: The whole reply.

    Args:
        code: 400 to 599 (any reply code will do where an outcome is given as an error).
        enhanced_code: RFC 3463; None for X.0.0.
        message: The text; newlines make a multi-line reply.

    Raises:
        ValueError: No reply has such a code.
    """

    reply: Reply

    def __init__(self, code: int, enhanced_code: EnhancedCode | None = None, message: str = "", *, command: str = ""):
        enhanced_code = enhanced_code or replies.default_enhanced_code(code)
        self.reply = Reply(code, enhanced_code, *message.split("\n"))
        self.command = command
        self.temporary = self.reply.temporary
        Exception.__init__(self, code, enhanced_code, message)

    @classmethod
    def from_reply(cls, reply: Reply, command: str = "") -> SMTPError:
        """An error that says what ``reply`` says, to the letter."""
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

    def __str__(self) -> str:
        return f"{self.command}: {self.reply}" if self.command else str(self.reply)


class RecipientsRefused(DeliveryError):
    """
    The message was delivered to no recipient: each was refused, by RCPT or after the message.

    It is temporary if one of the refusals is: that recipient is worth another attempt.

    Attributes:
        refused: (recipient, error) for each, in RCPT order.
    """

    def __init__(self, refused: Sequence[tuple[str, DeliveryError]]) -> None:
        Exception.__init__(self, refused)
        self.refused = list(refused)
        errors = [error for _, error in self.refused]
        self.temporary = any(error.temporary for error in errors)
        self.command = next((error.command for error in errors if error.command != "RCPT"), "RCPT")
        if any(error.delivered is not Delivered.NO for error in errors):
            self.delivered = Delivered.MAYBE

    def __str__(self) -> str:
        return "; ".join(f"<{recipient}>: {error}" for recipient, error in self.refused)


class NotOffered(DeliveryError):
    """
    The server does not offer what was asked for, and without it the message would be another.

    It is temporary where another session may have it: STARTTLS, AUTH, and what RFC 9422 counts by the session.
    """

    command = "MAIL"


class MessageTooBig(NotOffered):
    """The message is larger than the server takes, as it says by SIZE (RFC 1870); nothing was sent."""

    fault = Fault.CALLER


class EightBitContent(NotOffered):
    """
    The message holds octets above 127, and the server does not offer 8BITMIME (RFC 6152 §3).

    ``eight_bit="send"`` sends the octets as they are.
    """

    fault = Fault.CALLER


class ProtocolError(DeliveryError):
    """The server broke the protocol: no reply at all, one to nothing, or one without end.  The connection is closed."""

    temporary = True


class TLSFailed(DeliveryError, twisted_error.ConnectionLost):
    """The TLS handshake failed, or the server's certificate was not verified; the text says why."""

    command = "TLS"
    temporary = True


class NetworkError(DeliveryError):
    """
    The network failed: DNS, connecting, a lost connection, or no reply in time.

    Each is also an instance of the class that Twisted has for it, in `twisted.internet.error`.
    """

    temporary = True
    fault = Fault.NETWORK
    _kind: type[Exception] | None = None

    @classmethod
    def like(cls, kind: type[Exception], text: str, command: str = "") -> NetworkError:
        """
        An error that is also an instance of ``kind``.

        Args:
            kind: A class of `twisted.internet.error`.
            command: The command or phase.
        """
        made: NetworkError = _class_like(kind)(text, command=command)  # type: ignore[arg-type]
        return made

    @classmethod
    def of(cls, error: Exception, command: str = "") -> NetworkError:
        """An error that says what ``error`` says, which is one of Twisted's, and is an instance of its class."""
        made = cls.like(type(error), str(error), command)
        made.__dict__.update(error.__dict__)
        return made

    def __str__(self) -> str:
        return f"{self.command}: {super().__str__()}" if self.command else super().__str__()

    def __reduce__(self) -> Any:
        return super().__reduce__() if self._kind is None else (_again, (self._kind, self.args), self.__dict__)


@lru_cache
def _class_like(kind: type[Exception]) -> Any:
    """The class of errors that are `NetworkError` and ``kind``; it has the name of the latter."""
    namespace = {"__module__": __name__, "__doc__": kind.__doc__, "_kind": kind, "osError": None}
    return type(kind.__name__, (NetworkError, kind), namespace)


def _again(kind: type[Exception], args: tuple[Any, ...]) -> NetworkError:
    """One that was copied or pickled."""
    made: NetworkError = _class_like(kind)(*args)  # type: ignore[arg-type]
    return made


class BodyFailed(DeliveryError):
    """The body of a message could not be read to its end, after other recipients had got the message."""

    temporary = True
    fault = Fault.CALLER


class CommandCancelled(DeliveryError, defer.CancelledError):
    """
    The caller cancelled the Deferred of a command or a message.

    The connection is aborted, since a reply to the command may still come (law 15).
    """

    temporary = True
    fault = Fault.CALLER


class ConnectionAborted(DeliveryError, twisted_error.ConnectionAborted):
    """The client has closed the connection before: a command was cancelled, or the body of a message failed."""

    temporary = True
    fault = Fault.CALLER


def auth_required() -> SMTPError:
    """530 5.7.0, RFC 4954 §6: for ``anonymous_login``."""
    return SMTPError.from_reply(replies.AUTH_FIRST_530)


def auth_failed() -> SMTPError:
    """535 5.7.8, RFC 4954 §6: for ``login``."""
    return SMTPError.from_reply(replies.BAD_CREDENTIALS_535)


def auth_unsupported() -> SMTPError:
    """502 5.5.1: a backend that knows no logins."""
    return SMTPError.from_reply(replies.NOT_OFFERED_502)


def message_too_big() -> SMTPError:
    """552 5.3.4, RFC 1870 §6.1."""
    return SMTPError.from_reply(replies.TOO_BIG_552)
