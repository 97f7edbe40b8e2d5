"""
The errors of txsmtpx.

`DeliveryError` is the base of all errors that the client raises for a command, a message or a connection.  Each error
has the command or phase that failed, the cause of the fault, whether a later attempt may succeed, and whether the
message was delivered.  A backend raises one of them, `SMTPError`, to reject a command or a message.

Errors of the network are instances of Twisted's classes too: ``ConnectionRefusedError``, ``ConnectionDone``,
``TimeoutError`` and the others of `twisted.internet.error`.
"""

from txsmtpx.errors.delivery_error import (
    BodyFailed,
    Delivered,
    DeliveryError,
    EightBitContent,
    Fault,
    MessageTooBig,
    NotOffered,
    ProtocolError,
    TokenFailed,
)
from txsmtpx.errors.network_error import CommandCancelled, ConnectionAborted, NetworkError, TLSFailed
from txsmtpx.errors.smtp_error import (
    RecipientsRefused,
    SMTPError,
    auth_failed,
    auth_required,
    auth_unsupported,
    message_too_big,
)

__all__ = [
    "BodyFailed",
    "CommandCancelled",
    "ConnectionAborted",
    "Delivered",
    "DeliveryError",
    "EightBitContent",
    "Fault",
    "MessageTooBig",
    "NetworkError",
    "NotOffered",
    "ProtocolError",
    "RecipientsRefused",
    "SMTPError",
    "TLSFailed",
    "TokenFailed",
    "auth_failed",
    "auth_required",
    "auth_unsupported",
    "message_too_big",
]
