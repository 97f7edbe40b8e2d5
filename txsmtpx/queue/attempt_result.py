"""What an attempt to deliver a message means for each recipient: delivered, failed, deferred or unsure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from twisted.internet.error import ConnectError, DNSLookupError, TimeoutError

from txsmtpx.backends.next_reply import shortened
from txsmtpx.dialog.client_result import Result
from txsmtpx.errors import (
    Delivered,
    DeliveryError,
    EightBitContent,
    MessageTooBig,
    NotOffered,
    SMTPError,
    TLSFailed,
    TokenFailed,
)
from txsmtpx.grammar.reply import EnhancedCode, Reply
from txsmtpx.wire.failover import AllServersFailed

Meaning = Literal["delivered", "failed", "deferred", "unsure"]
"""
The meaning of an attempt for one recipient.

"unsure" is a message that may have been delivered: the server has its end, and no reply came.
"""

OWN_COMMANDS = frozenset({"AUTH", "STARTTLS", "EHLO", "LHLO", "HELO"})
"""
Commands whose rejection is about this client, and not about the message.  A wrong password returns no mail.

Postfix defers such mail too (smtp_sasl_auth_soft_bounce).
"""


@dataclass(frozen=True)
class RecipientResult:
    """
    The result of an attempt for one recipient.

    Attributes:
        address: The address.
        meaning: What the result means.
        reply: The reply of the server.  If there is none, a reply that describes the error.
        remote: True if the reply is that of a server.

    Example:
        >>> found = judged(["ann@example.org"], SMTPError(550, (5, 1, 1), "No such mailbox", command="RCPT"))
        >>> found[0].meaning, found[0].reply.code, found[0].remote
        ('failed', 550, True)
    """

    address: str
    meaning: Meaning
    reply: Reply
    remote: bool = False


def judged(addresses: Sequence[str], outcome: Result | DeliveryError) -> list[RecipientResult]:
    """
    Return the result of an attempt for each recipient.

    Args:
        addresses: The addresses of the recipients, in the order of RCPT.  One may be there twice.
        outcome: The result of the client, or its error.

    Returns:
        A result for each of the addresses, in the same order.
    """
    known: dict[str, list[RecipientResult]] = {}
    for address, reply in outcome.accepted:
        known.setdefault(address, []).append(RecipientResult(address, "delivered", reply, True))
    for address, error in outcome.refused:
        known.setdefault(address, []).append(of_error(address, error))
    rest = outcome if isinstance(outcome, DeliveryError) else DeliveryError("the client has no outcome", temporary=True)
    return [known[address].pop(0) if known.get(address) else of_error(address, rest) for address in addresses]


def of_error(address: str, error: DeliveryError) -> RecipientResult:
    """
    Return the result of a recipient whose attempt has failed.

    Args:
        address: The address.
        error: The error.

    Returns:
        The result.
    """
    if isinstance(error, SMTPError):
        return RecipientResult(address, "deferred" if _is_temporary(error) else "failed", error.reply, True)
    if error.delivered is not Delivered.NO:
        return RecipientResult(address, "unsure", described(error, True))
    temporary = _is_temporary(error)
    return RecipientResult(address, "deferred" if temporary else "failed", described(error, temporary))


def _is_temporary(error: Exception) -> bool:
    if isinstance(error, AllServersFailed):
        return any(_is_temporary(attempt.error) for attempt in error.attempts)
    if not isinstance(error, DeliveryError):
        return True
    return error.temporary or isinstance(error, TokenFailed) or error.command in OWN_COMMANDS


def described(error: Exception, temporary: bool) -> Reply:
    """
    Return a reply that describes an error without a reply of a server.

    Args:
        error: The error.
        temporary: True for a reply 451, False for 550.

    Returns:
        The reply, with the enhanced code for the kind of the error (RFC 3463).
    """
    subject, detail = _status(error, temporary)
    code: EnhancedCode = (4 if temporary else 5, subject, detail)
    return Reply(451 if temporary else 550, code, shortened(error) or type(error).__name__)


def _status(error: Exception, temporary: bool) -> tuple[int, int]:
    """Return the subject and the detail of the enhanced code of an error."""
    command = getattr(error, "command", "")
    if isinstance(error, NotOffered):
        return _not_offered(error)
    if isinstance(error, DNSLookupError):
        return (4, 3) if temporary else (1, 2)  # the directory did not answer, or the domain accepts no mail
    if isinstance(error, TLSFailed) or command in ("AUTH", "STARTTLS"):
        return (7, 5) if isinstance(error, TLSFailed) else (7, 0)
    if isinstance(error, ConnectError | TimeoutError) and command in ("", "connect", "greeting"):
        return 4, 1
    return (4, 2) if isinstance(error, DeliveryError) else (3, 0)


def _not_offered(error: NotOffered) -> tuple[int, int]:
    """Return the subject and the detail of the enhanced code for what a server does not offer."""
    if isinstance(error, MessageTooBig):
        return 3, 4
    if isinstance(error, EightBitContent):
        return 6, 3
    return (7, 0) if error.command in ("AUTH", "STARTTLS") else (3, 3)
