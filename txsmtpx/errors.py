"""
The errors of txsmtpx.

`DeliveryError` is the base of all errors that the client raises for a command, a message or a connection.  Each error
has the command or phase that failed, the cause of the fault, whether a later attempt may succeed, and whether the
message was delivered.  A backend raises one of them, `SMTPError`, to reject a command or a message.

Errors of the network are instances of Twisted's classes too: ``ConnectionRefusedError``, ``ConnectionDone``,
``TimeoutError`` and the others of `twisted.internet.error`.

An exception keeps its traceback.  So the functions make a new error each time, and no two connections share one.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from functools import lru_cache

from twisted.internet import defer
from twisted.internet import error as twisted_error

from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import EnhancedCode, Reply


class Delivered(enum.Enum):
    """Whether the message was delivered."""

    NO = "no"
    """The server has rejected the message, or has not received its end."""

    MAYBE = "maybe"
    """The client has sent the end of the message, and no reply came.  Another attempt may deliver it twice."""

    YES = "yes"
    """The server has accepted the message for at least one recipient."""


class Fault(enum.Enum):
    """The cause of an error."""

    SERVER = "server"
    """The server rejected something, does not offer something, or broke the protocol."""

    CALLER = "caller"
    """The program that uses the client has cancelled, or the server cannot do what the program asked for."""

    NETWORK = "network"
    """The network: DNS, a connection that failed or was lost, or a time-out."""


class DeliveryError(Exception):
    """
    The base of all errors of the client.

    Args:
        text: A description of the fault, with the value that was wrong.
        command: See the attributes.  None for the default of the class.
        temporary: See the attributes.  None for the default of the class.
        fault: See the attributes.  None for the default of the class.

    Attributes:
        command: The command that failed, such as "RCPT".  Or the phase: "DNS", "connect", "greeting", "TLS", or "idle"
            if no command was sent.  "" for an error that a backend has made.
        temporary: True if a later attempt may succeed.
        delivered: Whether the message was delivered; ``Delivered.NO`` if there was no message.
        fault: The cause of the error.
        reply: The server's reply; None if no reply came.
        accepted: The recipients to whom the message was delivered in spite of the error, each with the server's reply.
        refused: The recipients that have other errors, such as a rejected RCPT, each with its error.  All recipients
            that are in neither list have this error.

    Example:
        >>> error = DeliveryError("the server rejected the message", command="DATA", temporary=True)
        >>> error.command, error.temporary, error.delivered, error.code
        ('DATA', True, <Delivered.NO: 'no'>, None)
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
        Exception.__init__(self, text)  # not super(), which may be a class of Twisted with other arguments
        if command is not None:
            self.command = command
        if temporary is not None:
            self.temporary = temporary
        if fault is not None:
            self.fault = fault

    @property
    def code(self) -> int | None:
        """The code of the server's reply; None if no reply came."""
        return None if self.reply is None else self.reply.code

    def __str__(self) -> str:
        return " ".join(map(str, self.args))


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
        enhanced_code = enhanced_code or replies.default_enhanced_code(code)
        self.reply = Reply(code, enhanced_code, *message.split("\n"))
        self.command = command
        self.temporary = self.reply.temporary
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
    The server does not offer an extension that the message or the command needs.

    The error is temporary if the server may offer the extension in another session: STARTTLS, AUTH, and the limits of
    RFC 9422 for a session.

    Example:
        >>> NotOffered("the server does not offer SMTPUTF8").command
        'MAIL'
    """

    command = "MAIL"


class MessageTooBig(NotOffered):
    """
    The message is larger than the limit that the server advertises by SIZE (RFC 1870).  Nothing was sent.

    Example:
        >>> MessageTooBig("the message has 11 octets, the server accepts 10").fault
        <Fault.CALLER: 'caller'>
    """

    fault = Fault.CALLER


class EightBitContent(NotOffered):
    """
    The message holds octets above 127, and the server does not offer 8BITMIME (RFC 6152 §3).

    With ``eight_bit="send"`` the client sends such octets nevertheless.

    Example:
        >>> EightBitContent("the server does not offer 8BITMIME").temporary
        False
    """

    fault = Fault.CALLER


class ProtocolError(DeliveryError):
    """
    The server broke the protocol.  The client closes the connection.

    Such are lines that are not replies, a reply for which no command waits, and a reply that is too long.

    Example:
        >>> ProtocolError("not a reply line: b'hello'", command="EHLO").temporary
        True
    """

    temporary = True


class TLSFailed(DeliveryError, twisted_error.ConnectionLost):
    """
    The TLS handshake failed, or the certificate of the server could not be verified.

    Example:
        >>> isinstance(TLSFailed("certificate has expired"), twisted_error.ConnectionLost)
        True
    """

    command = "TLS"
    temporary = True


class NetworkError(DeliveryError):
    """
    The network failed: DNS, a connection that failed or was lost, or no reply in time.

    Each error is also an instance of the class of `twisted.internet.error` for this failure.

    Example:
        >>> error = NetworkError.like(twisted_error.TimeoutError, "no reply within 300 seconds", "DATA")
        >>> isinstance(error, twisted_error.TimeoutError), isinstance(error, NetworkError)
        (True, True)
        >>> print(error)
        DATA: no reply within 300 seconds
    """

    temporary = True
    fault = Fault.NETWORK
    _kind: type[Exception] | None = None

    @classmethod
    def like(cls, kind: type[Exception], text: str, command: str = "") -> NetworkError:
        """
        Make an error that is also an instance of another class.

        Args:
            kind: A class of `twisted.internet.error`.
            text: A description of the fault.
            command: The command or phase that failed.

        Returns:
            The error.
        """
        return _class_like(kind)(text, command=command)  # type: ignore[arg-type]  # a class is hashable

    @classmethod
    def of(cls, error: Exception, command: str = "") -> NetworkError:
        """
        Make an error of one of Twisted's errors.

        Args:
            error: An error of `twisted.internet.error`.
            command: The command or phase that failed.

        Returns:
            An error with the same text and attributes, which is also an instance of the class of the given one.

        Example:
            >>> error = NetworkError.of(twisted_error.ConnectionRefusedError("no server"), "connect")
            >>> isinstance(error, twisted_error.ConnectionRefusedError)
            True
        """
        made = cls.like(type(error), str(error), command)
        made.__dict__.update(error.__dict__)
        return made

    def __str__(self) -> str:
        return f"{self.command}: {super().__str__()}" if self.command else super().__str__()

    def __reduce__(self) -> str | tuple[object, ...]:
        return super().__reduce__() if self._kind is None else (_again, (self._kind, self.args), self.__dict__)


@lru_cache
def _class_like(kind: type[Exception]) -> type[NetworkError]:
    """Return the class of errors that are `NetworkError` and of another class, whose name it has."""
    namespace = {"__module__": __name__, "__doc__": kind.__doc__, "_kind": kind, "osError": None}
    return type(kind.__name__, (NetworkError, kind), namespace)


def _again(kind: type[Exception], args: tuple[str, ...]) -> NetworkError:
    """Return the copy of an error, or one that is unpickled."""
    return _class_like(kind)(*args)  # type: ignore[arg-type]


class BodyFailed(DeliveryError):
    """
    The body of a message could not be read to its end, after other recipients had received the message (RFC 9422).

    If a server limits the recipients of a message, the client sends the message several times, and reads the body anew.

    Example:
        >>> BodyFailed("the file is closed").temporary
        True
    """

    temporary = True
    fault = Fault.CALLER


class CommandCancelled(DeliveryError, defer.CancelledError):
    """
    The caller cancelled the Deferred of a command or a message.

    The client aborts the connection, since a reply to the command may still come (law 15).

    Example:
        >>> isinstance(CommandCancelled(command="DATA"), defer.CancelledError)
        True
    """

    temporary = True
    fault = Fault.CALLER


class ConnectionAborted(DeliveryError, twisted_error.ConnectionAborted):
    """
    The client aborted the connection earlier: a command was cancelled, or the body of a message failed.

    Example:
        >>> isinstance(ConnectionAborted(command="MAIL"), twisted_error.ConnectionAborted)
        True
    """

    temporary = True
    fault = Fault.CALLER


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
