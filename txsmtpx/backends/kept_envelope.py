"""The envelope of a message that is kept in memory: stored in little space, and measured."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator, Sequence
from typing import overload

from txsmtpx.grammar.options import Options, RcptOptions

FEW = 16 * 1024
"""Characters of addresses that are not compressed."""

MANY = 1024 * 1024
"""Characters of addresses that are not compressed, since this would take more than 20 milliseconds."""

OVERHEAD = 512
"""Octets of memory that a message takes besides its content, its envelope and its options."""

_END = "\n"  # which no address has


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
        self.held = len(self._octets)

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
