"""The base of all errors of the client, and its plain cases."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from txsmtpx.grammar.reply import Reply


class Delivered(enum.Enum):
    """
    The state of the delivery of a message.

    Example:
        >>> DeliveryError("the server rejected the message").delivered is Delivered.NO
        True
    """

    NO = "no"
    """The server has rejected the message, or has not received its end."""

    MAYBE = "maybe"
    """The client has sent the end of the message, and no reply came.  Another attempt may deliver it twice."""

    YES = "yes"
    """The server has accepted the message for at least one recipient."""


class Fault(enum.Enum):
    """
    The cause of an error.

    Example:
        >>> MessageTooBig("the message has 11 octets, the server accepts 10").fault is Fault.CALLER
        True
    """

    SERVER = "server"
    """The server rejected something, does not offer something, or broke the protocol."""

    CALLER = "caller"
    """The program that uses the client has cancelled, or the server cannot do what the program asked for."""

    NETWORK = "network"
    """The network failed, such as DNS, a connection that failed or was lost, or a time-out."""


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
        delivered: The state of the delivery; ``Delivered.NO`` if there was no message.
        fault: The cause of the error.
        reply: The server's reply; None if no reply came.
        accepted: The recipients to whom the message was delivered in spite of the error, each with the server's reply.
        refused: The recipients that have other errors, such as a rejected RCPT, each with its error.  All recipients
            that are in neither list have this error.
        server: The name of the only server that was tried, if it could not be used at all; otherwise "".

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
    server: str = ""

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


class NotOffered(DeliveryError):
    """
    The server does not offer an extension that the message or the command needs.

    The error is temporary if the server may offer the extension in another session.  That is so for STARTTLS, AUTH, and
    the limits of RFC 9422 for a session.

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

    Examples are a line that is not a reply, a reply without a command, and an endless reply.

    Example:
        >>> ProtocolError("not a reply line: b'hello'", command="EHLO").temporary
        True
    """

    temporary = True


class TokenFailed(DeliveryError):
    """
    There is no access token for a login by OAuth 2.0: its issuer refuses one, or cannot be asked.

    The error is permanent if the issuer refuses what the program has given, such as a revoked refresh token.  Then
    ``fault`` is ``Fault.CALLER``.  It is temporary if the issuer cannot be reached (``Fault.NETWORK``), or does not
    work (``Fault.SERVER``).

    Attributes:
        error: The code of the issuer, such as "invalid_grant" (RFC 6749 §5.2); "" for none.

    Example:
        >>> TokenFailed("the issuer login.example.org answers 503", temporary=True).command
        'AUTH'
    """

    command = "AUTH"
    error: str = ""


class BodyFailed(DeliveryError):
    """
    The body of a message failed after other recipients had received the message (RFC 9422).

    If a server limits the recipients of a message, the client sends the message several times.  It reads the body each
    time.

    Example:
        >>> BodyFailed("the file is closed").temporary
        True
    """

    temporary = True
    fault = Fault.CALLER
