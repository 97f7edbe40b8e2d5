"""
The changes that a filter makes to a message and its envelope.

Each change is checked when it is made.  `txsmtpx.FilterBackend` applies the changes of a verdict in order: each one
sees the result of those before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from txsmtpx.content import field
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.path import format_path
from txsmtpx.grammar.reply import Reply
from txsmtpx.setting import shown


@dataclass(frozen=True)
class AddHeader:
    r"""
    Add a field behind the last field of the header.

    Args:
        name: The name of the field, in ASCII.
        value: A `str` is encoded by `txsmtpx.content.field.encode`.  `bytes` are the octets between the colon and the
            line end, unchanged.  They begin with the space, if there is to be one, and are folded by CRLF and a blank.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The name is not that of a field, or the value would begin another line.

    Example:
        >>> AddHeader("X-Spam-Flag", "YES").encoded
        b'X-Spam-Flag: YES\r\n'
    """

    name: str
    value: str | bytes

    def __post_init__(self) -> None:
        _checked_field(self, self.name, self.value)

    @property
    def encoded(self) -> bytes:
        """The field, with its CRLF."""
        return field.octets_of(self.name, self.value)


@dataclass(frozen=True)
class InsertHeader:
    r"""
    Insert a field at a place.

    Args:
        index: The number of fields before the new field.  0 is the first place.  If the header has fewer fields, the
            new field becomes the last.
        name: The name of the field, in ASCII.
        value: As in `AddHeader`.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The index is negative, the name is not that of a field, or the value would begin another line.

    Example:
        >>> InsertHeader(0, "X-Spam-Flag", b" YES").encoded
        b'X-Spam-Flag: YES\r\n'
    """

    index: int
    name: str
    value: str | bytes

    def __post_init__(self) -> None:
        _checked_number(self, "index", self.index, 0)
        _checked_field(self, self.name, self.value)

    @property
    def encoded(self) -> bytes:
        """The field, with its CRLF."""
        return field.octets_of(self.name, self.value)


@dataclass(frozen=True)
class ReplaceHeader:
    r"""
    Replace a field.  If the message has no such field, the new field becomes the last.

    Args:
        name: The name of the field, in ASCII, in any case.
        value: As in `AddHeader`.
        index: Which field of that name, from 1.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The index is below 1, the name is not that of a field, or the value would begin another line.

    Example:
        >>> ReplaceHeader("Subject", "[spam] Hello").encoded
        b'Subject: [spam] Hello\r\n'
    """

    name: str
    value: str | bytes
    index: int = 1

    def __post_init__(self) -> None:
        _checked_field(self, self.name, self.value)
        _checked_number(self, "index", self.index, 1)

    @property
    def encoded(self) -> bytes:
        """The field, with its CRLF."""
        return field.octets_of(self.name, self.value)


@dataclass(frozen=True)
class DeleteHeader:
    """
    Delete a field, or all fields of a name.  Without such a field, nothing is changed.

    Args:
        name: The name of the fields, in ASCII, in any case.
        index: Which field of that name, from 1.  None: all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The index is below 1, or the name is not that of a field.

    Example:
        >>> DeleteHeader("Authentication-Results")
        DeleteHeader(name='Authentication-Results', index=None)
    """

    name: str
    index: int | None = None

    def __post_init__(self) -> None:
        _checked_field(self, self.name, b"")
        if self.index is not None:
            _checked_number(self, "index", self.index, 1)


@dataclass(frozen=True)
class ReplaceBody:
    r"""
    Replace everything behind the header and its empty line.

    Args:
        body: The octets of the new body.  Its lines end in CRLF.

    Raises:
        TypeError: The body is not `bytes`.

    Example:
        >>> ReplaceBody(b"The attachment was removed.\r\n")
        ReplaceBody(body=b'The attachment was removed.\r\n')
    """

    body: bytes

    def __post_init__(self) -> None:
        if not isinstance(self.body, bytes):
            raise TypeError(f"ReplaceBody: body must be bytes, not {shown(self.body)}")


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
        _checked_address(self, self.address, null=True)
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
        _checked_address(self, self.address)
        if not isinstance(self.options, RcptOptions | None):
            raise TypeError(f"AddRecipient: options must be RcptOptions or None, not {shown(self.options)}")


@dataclass(frozen=True)
class DeleteRecipient:
    """
    Delete a recipient of the envelope.  The client is told that the message was accepted for it.

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
        _checked_address(self, self.address)


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
        _checked_address(self, self.address)
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


def _checked_field(change: object, name: object, value: object) -> None:
    """
    Check the name and the value of a field.

    Raises:
        TypeError: One has the wrong type.
        ValueError: One cannot be written.
    """
    kind = type(change).__name__
    if not isinstance(name, str):
        raise TypeError(f"{kind}: name must be a str, not {shown(name)}")
    if not isinstance(value, str | bytes):
        raise TypeError(f"{kind}: value must be a str or bytes, not {shown(value)}")
    try:
        field.octets_of(name, value)
    except ValueError as error:
        raise ValueError(f"{kind}: {error}") from None


def _checked_number(change: object, name: str, value: object, least: int) -> None:
    """
    Check an index.

    Raises:
        TypeError: It is not an integer.
        ValueError: It is too small.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{type(change).__name__}: {name} must be an integer, not {shown(value)}")
    if value < least:
        raise ValueError(f"{type(change).__name__}: {name} must be {least} or more, not {value}")


def _checked_address(change: object, address: object, null: bool = False) -> None:
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
