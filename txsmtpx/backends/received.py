"""A message that is kept in memory: its envelope is stored in little space, and its octets are measured."""

from __future__ import annotations

import sys
import weakref
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import cast, overload

from txsmtpx.content.email_message import email_message
from txsmtpx.dialog.fields import limited
from txsmtpx.grammar.options import MailOptions, Options, RcptOptions
from txsmtpx.interfaces import DataContext

FEW = 16 * 1024
"""Characters of addresses that are not compressed."""

MANY = 1024 * 1024
"""Characters of addresses that are not compressed, since this would take more than 20 milliseconds."""

OVERHEAD = 512
"""Octets of memory that a message takes besides its content, its envelope and its options."""

_END = "\n"  # which no address has


@dataclass(frozen=True)
class Received:
    """
    A message that was received.  `MemoryBackend` creates it.

    Attributes:
        sender: The address of MAIL; ``""`` for the null reverse-path.
        recipients: The accepted addresses, in the order of RCPT.
        content: The octets of header and body, without dot-stuffing.
        options: The parameters of MAIL.
        recipient_options: The parameters of each RCPT.
        queue_id: The identifier of the transaction in the reply and in the log.
        username: The authenticated user; None without authentication.
        peer_host: The IP address of the client; ``""`` if it has none.
        helo: The argument of HELO, EHLO or LHLO.
        protocol: The protocol, such as ``"ESMTPSA"`` (RFC 3848).
        id: The number of the message in its backend: 1 for the first.  A later message has a greater number.
        arrived: The time at which the message was complete, in seconds since the epoch.
        facts: The facts of filters, by name (`txsmtpx.Results.facts`).  They take 2,000 octets at most, as in the log.
    """

    sender: str
    recipients: Sequence[str]
    content: bytes
    options: MailOptions
    recipient_options: Sequence[RcptOptions]
    queue_id: str
    username: str | None
    peer_host: str
    helo: str
    protocol: str
    id: int
    arrived: float
    facts: Mapping[str, str | int | float] = field(default_factory=dict)

    @classmethod
    def of(cls, context: DataContext, content: bytes, number: int, arrived: float) -> Received:
        """
        Return a message with the envelope of a context.

        Args:
            context: The context.
            content: The octets of the message.
            number: The ``id``.
            arrived: The time, in seconds since the epoch.

        Returns:
            The message.
        """
        connection = context.connection
        no_filters = connection.kept_results is None
        return cls(
            context.sender,
            kept_recipients(context.recipients),
            content,
            context.options,
            shared_options(context.recipient_options),
            context.queue_id,
            connection.username,
            connection.peer_host,
            connection.helo,
            connection.with_protocol(context.options.smtputf8),
            number,
            arrived,
            {} if no_filters else cast(Mapping[str, str | int | float], limited(context.results.facts())),
        )

    @property
    def message(self) -> EmailMessage:
        """
        The parsed message.

        While something refers to the result, each use returns the same object.  After that the message is parsed again,
        so changes to the old object are lost.
        """
        kept: weakref.ref[EmailMessage] | None = self.__dict__.get("_message")
        parsed = None if kept is None else kept()
        if parsed is None:
            parsed = email_message(self.content)
            self.__dict__["_message"] = weakref.ref(parsed)
        return parsed

    def __getstate__(self) -> dict[str, object]:
        """Return what is pickled: the fields, since a weak reference cannot be pickled."""
        return {name: value for name, value in self.__dict__.items() if name != "_message"}

    @property
    def held(self) -> int:
        """The octets of memory that `MemoryBackend` counts: content, envelope and options."""
        texts = (self.sender, self.queue_id, self.username, self.peer_host, self.helo)
        options = (self.options, *self.recipient_options)
        facts = sum(map(sys.getsizeof, (*self.facts, *self.facts.values())))
        return OVERHEAD + len(self.content) + held_octets(texts, self.recipients, options) + facts


class CompressedRecipients(Sequence[str]):
    """
    Addresses as a sequence that cannot be changed, like a tuple.

    A thousand recipients are common in mail from a list, and their addresses are alike: as a tuple they take a hundred
    times the memory.

    Attributes:
        held: octets of memory that this takes.

    Example:
        >>> CompressedRecipients(["a@example.org", "b@example.org"])[1]
        'b@example.org'
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        """
        Compress addresses.

        Args:
            addresses: one or more.
        """
        self._count = len(addresses)
        self._octets = zlib.compress(_END.join(addresses).encode("utf-8", "surrogatepass"), 1)
        self.held: int = len(self._octets)

    def _addresses(self) -> tuple[str, ...]:
        return tuple(zlib.decompress(self._octets).decode("utf-8", "surrogatepass").split(_END))

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._addresses()[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._addresses())

    def __len__(self) -> int:
        return self._count

    def __eq__(self, other: object) -> bool:
        return self._addresses() == (other._addresses() if isinstance(other, CompressedRecipients) else other)

    def __hash__(self) -> int:
        return hash(self._addresses())

    def __repr__(self) -> str:
        return repr(self._addresses())


def kept_recipients(addresses: Sequence[str]) -> Sequence[str]:
    """
    Return addresses as they are best kept.

    Args:
        addresses: the recipients of a message.

    Returns:
        The same sequence, or a `CompressedRecipients` where it is long.
    """
    length = sum(map(len, addresses))
    return CompressedRecipients(addresses) if FEW < length <= MANY else addresses


def shared_options(options: Sequence[RcptOptions]) -> Sequence[RcptOptions]:
    """
    Return options, with one object for all recipients without parameters.

    Args:
        options: The parameters of each RCPT.

    Returns:
        The same values.
    """
    if not any(map(vars, options)):  # as of most messages
        return tuple(options[:1]) * len(options)
    none = RcptOptions()
    return tuple(none if each == none else each for each in options)


def held_octets(texts: Sequence[str | None], recipients: Sequence[str], options: Sequence[Options]) -> int:
    """
    Return the memory that an envelope takes, with all that is in it.

    Args:
        texts: The sender, the names of the client, and the like.
        recipients: The recipients.
        options: The parameters of MAIL and of each RCPT.

    Returns:
        The octets.
    """
    each_once = dict(zip(map(id, options), options, strict=True)).values()
    size = sum(map(sys.getsizeof, (*texts, recipients, options, *each_once)))
    size += recipients.held if isinstance(recipients, CompressedRecipients) else sum(map(sys.getsizeof, recipients))
    size += sum(map(sys.getsizeof, map(vars, each_once)))
    for each in filter(vars, each_once):
        size += sum(map(_octets_of, vars(each).values()))
    return size


def _octets_of(value: object) -> int:
    """Return the memory that the value of a parameter takes, with all that is in it."""
    return sys.getsizeof(value) + (sum(map(_octets_of, value)) if isinstance(value, tuple | frozenset) else 0)
