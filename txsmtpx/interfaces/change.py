"""
The changes that a filter makes to a message and its envelope; those of the content are in `content_change`.

Each change is checked when it is made.  `txsmtpx.FilterBackend` applies the changes of a verdict in order: each one
sees the result of those before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.path import format_path
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces.content_change import AddHeader, DeleteHeader, InsertHeader, ReplaceBody, ReplaceHeader
from txsmtpx.setting import shown


@dataclass(frozen=True)
class ChangeSender:
    """
    Change the sender of the envelope.

    Args:
        address: The address; ``""`` for the null reverse-path.
        options: The parameters of MAIL.  None: those of the client.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The address is malformed.

    Example:
        >>> ChangeSender("bounces@example.org").address
        'bounces@example.org'
    """

    address: str
    options: MailOptions | None = None

    def __post_init__(self) -> None:
        _check_address(self, self.address, null=True)
        if not isinstance(self.options, MailOptions | None):
            raise TypeError(f"ChangeSender: options must be MailOptions or None, not {shown(self.options)}")


@dataclass(frozen=True)
class AddRecipient:
    """
    Add a recipient to the envelope.  If the message has this recipient already, nothing is changed.

    Args:
        address: The address.
        options: The parameters of RCPT.  None: none.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The address is malformed.

    Example:
        >>> AddRecipient("archive@example.org").address
        'archive@example.org'
    """

    address: str
    options: RcptOptions | None = None

    def __post_init__(self) -> None:
        _check_address(self, self.address)
        if not isinstance(self.options, RcptOptions | None):
            raise TypeError(f"AddRecipient: options must be RcptOptions or None, not {shown(self.options)}")


@dataclass(frozen=True)
class DeleteRecipient:
    """
    Delete a recipient of the envelope.  For the client, the message was accepted for it.

    If no recipient is left, the message is discarded.

    Args:
        address: The address.  All recipients with this address are deleted.

    Raises:
        TypeError: The address is not a `str`.
        ValueError: The address is malformed.

    Example:
        >>> DeleteRecipient("b@example.org").address
        'b@example.org'
    """

    address: str

    def __post_init__(self) -> None:
        _check_address(self, self.address)


@dataclass(frozen=True)
class RejectRecipient:
    """
    Reject the message for one recipient.  The other recipients get it.

    LMTP and PRDR have a reply for each recipient.  Without them, ``outcome_policy`` of the server chooses the reply.

    Args:
        address: The address.  All recipients with this address are rejected.
        reply: The reply for this recipient, 4xx or 5xx.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The address is malformed, or the reply does not reject.

    Example:
        >>> RejectRecipient("b@example.org", Reply(550, (5, 7, 1), "Not wanted here")).reply.code
        550
    """

    address: str
    reply: Reply

    def __post_init__(self) -> None:
        _check_address(self, self.address)
        if not isinstance(self.reply, Reply):
            raise TypeError(f"RejectRecipient: reply must be a Reply, not {shown(self.reply)}")
        if self.reply.positive:
            raise ValueError(f"RejectRecipient: reply must be 4xx or 5xx, not {self.reply}")


@dataclass(frozen=True)
class Quarantine:
    """
    Set the message aside.  The message is accepted, and the backend decides what that means.

    It is also a result: a backend finds it by ``context.results.get(Quarantine)``.

    Args:
        reason: The reason, for the operator.

    Raises:
        TypeError: The reason is not a `str`.

    Example:
        >>> Quarantine("looks like phishing").facts()
        {'quarantine': 'looks like phishing'}
    """

    reason: str

    def __post_init__(self) -> None:
        if not isinstance(self.reason, str):
            raise TypeError(f"Quarantine: reason must be a str, not {shown(self.reason)}")

    def facts(self) -> Mapping[str, str | int | float]:
        """
        Return what the line of the log shows.

        Returns:
            The reason.
        """
        return {"quarantine": self.reason}


HeaderChange = AddHeader | InsertHeader | ReplaceHeader | DeleteHeader
"""A change of the header."""

EnvelopeChange = ChangeSender | AddRecipient | DeleteRecipient | RejectRecipient
"""A change of the envelope."""

Change = HeaderChange | ReplaceBody | EnvelopeChange | Quarantine
"""A change of a message or of its envelope."""


def _check_address(change: object, address: object, null: bool = False) -> None:
    """
    Check an address.

    Raises:
        TypeError: It is not a `str`.
        ValueError: It is malformed.
    """
    kind = type(change).__name__
    if not isinstance(address, str):
        raise TypeError(f"{kind}: address must be a str, not {shown(address)}")
    if not address and not null:
        raise ValueError(f"{kind}: address must not be empty")
    try:
        format_path(address)
    except ValueError as error:
        raise ValueError(f"{kind}: address {shown(address)}: {error}") from None
