"""A filter of messages, for `txsmtpx.FilterBackend`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from zope.interface import Attribute, Interface

from txsmtpx.content.header import Header
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces.message import DataContext
from txsmtpx.setting import shown
from txsmtpx.settling import Eventual


@dataclass(frozen=True)
class Accept:
    """
    A verdict of a filter: accept the message, and perhaps add header fields.

    Args:
        headers: The fields to put before the message, each a name and a value.

    Raises:
        TypeError: ``headers`` are anything else.

    Example:
        >>> Accept([("X-Spam-Flag", "YES")]).headers
        [('X-Spam-Flag', 'YES')]
    """

    headers: Sequence[tuple[str, str]] = ()

    def __post_init__(self) -> None:
        given = self.headers
        pairs = isinstance(given, Sequence) and all(isinstance(each, tuple) and len(each) == 2 for each in given)
        if not pairs or not all(isinstance(text, str) for each in given for text in each):
            such = "a list of names and values, such as [('X-Spam-Flag', 'YES')]"
            raise TypeError(f"Accept: headers must be {such}, not {shown(given)}")


Verdict = Reply | Accept | None
"""
The verdict of a filter.  None and `Accept` continue.  A `Reply` is sent to the client: a 4xx or 5xx rejects the
message, a 2xx discards it.
"""


class IFilter(Interface):
    """
    A filter of one message, while it is received.  `txsmtpx.Filter` accepts every message.

    `header` and `end` may also raise `txsmtpx.SMTPError`.

    Example:
        A filter that rejects messages without a subject::

            class NeedsSubject(Filter):
                def header(self, header: Header) -> Verdict:
                    return None if header.get("Subject") else Reply(550, (5, 6, 0), "A subject is required")

            backend = FilterBackend(MemoryBackend(), NeedsSubject)
    """

    def header(header: Header) -> Eventual[Verdict]:
        """
        Handle the header of the message.  It is called first.

        Args:
            header: The header.

        Returns:
            The verdict.
        """

    def chunk(octets: bytes) -> object:
        """
        Handle the next octets of the message, its header included.

        Args:
            octets: The octets.

        Returns:
            None; or a Deferred or coroutine, which delays the next octets until it fires.
        """

    def end(size: int) -> Eventual[Verdict]:
        """
        Handle the end of the message.

        Args:
            size: The octets of the message.

        Returns:
            The verdict.  It may add header fields only if the message is held.
        """

    def close() -> object:
        """
        End the filter.  It is called once, whatever the result.

        Returns:
            Ignored; the server waits for a Deferred or coroutine.
        """


class FilterLike(Protocol):
    """The type of `IFilter`, for type checkers without a plugin for zope.interface."""

    def header(self, header: Header, /) -> Eventual[Verdict]:
        """
        Handle the header of the message.

        Args:
            header: The header.

        Returns:
            The verdict.
        """

    def chunk(self, octets: bytes, /) -> object:
        """
        Handle the next octets of the message.

        Args:
            octets: The octets.

        Returns:
            None, or what delays the next octets.
        """

    def end(self, size: int, /) -> Eventual[Verdict]:
        """
        Handle the end of the message.

        Args:
            size: The octets of the message.

        Returns:
            The verdict.
        """

    def close(self) -> object:
        """
        End the filter.

        Returns:
            Ignored.
        """


class FilterMaker(Protocol):
    """The argument of `txsmtpx.FilterBackend`: a function, or a subclass of `txsmtpx.Filter`."""

    def __call__(self, context: DataContext, /) -> Eventual[FilterLike]:
        """Return the filter for a message."""


class IHoldingFilterMaker(Interface):
    """Optional, for what makes filters: whether their messages have to be held."""

    holds: bool = Attribute("True if the filters need `txsmtpx.FilterBackend` to hold each message until its end.")


class HoldingFilterMaker(Protocol):
    """The type of `IHoldingFilterMaker`."""

    @property
    def holds(self) -> bool:
        """True if the filters need each message to be held until its end."""
