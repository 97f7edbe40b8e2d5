"""A filter of connections and messages, for `txsmtpx.FilterBackend`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, get_args

from zope.interface import Attribute, Interface

from txsmtpx.content import field
from txsmtpx.content.header import Header
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces.change import Change
from txsmtpx.interfaces.connection import Connection
from txsmtpx.interfaces.message import DataContext
from txsmtpx.setting import shown
from txsmtpx.settling import Eventual


@dataclass(frozen=True)
class Accept:
    """
    A verdict of a filter: accept, and perhaps change the message, or say what was found.

    Args:
        headers: The fields to put before the message, each a name and a value.
        changes: The changes of the message and of its envelope, in order (`txsmtpx.interfaces.change`).
        results: What the filter has found, for the filters behind it and the backend (`txsmtpx.interfaces.Results`).
        final: True: this filter is not called again in this transaction.  In the verdict of ``connected`` or ``hello``:
            on this connection.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A header field cannot be written.

    Example:
        >>> Accept([("X-Spam-Flag", "YES")]).headers
        [('X-Spam-Flag', 'YES')]
    """

    headers: Sequence[tuple[str, str]] = ()
    changes: Sequence[Change] = ()
    results: Sequence[object] = ()
    final: bool = False

    def __post_init__(self) -> None:
        given = self.headers
        pairs = isinstance(given, Sequence) and all(isinstance(each, tuple) and len(each) == 2 for each in given)
        if not pairs or not all(isinstance(text, str) for each in given for text in each):
            such = "a list of names and values, such as [('X-Spam-Flag', 'YES')]"
            raise TypeError(f"Accept: headers must be {such}, not {shown(given)}")
        for name, value in given:
            field.encode(name, value)
        changes = self.changes
        if not isinstance(changes, Sequence) or not all(isinstance(each, _CHANGES) for each in changes):
            such = "a list of changes, such as [DeleteHeader('X-Spam-Flag')]"
            raise TypeError(f"Accept: changes must be {such}, not {shown(changes)}")
        if not isinstance(self.results, Sequence) or isinstance(self.results, str | bytes):
            raise TypeError(f"Accept: results must be a list of objects, not {shown(self.results)}")
        if not isinstance(self.final, bool):
            raise TypeError(f"Accept: final must be True or False, not {shown(self.final)}")


_CHANGES = tuple(kind for each in get_args(Change) for kind in (get_args(each) or (each,)))


@dataclass(frozen=True)
class Discard:
    """
    A verdict of a filter: tell the client that the message is accepted, and discard it.

    After ``recipient`` only this recipient is discarded.  After ``connected`` or ``hello``, each message of the
    connection is discarded.

    Example:
        >>> Discard()
        Discard()
    """


Verdict = Reply | Accept | Discard | None
"""
The verdict of a filter.  None and `Accept` continue, and `Discard` discards the message.

A `Reply` is sent to the client.  A 4xx or 5xx rejects the connection, command, recipient or message.  421 and 521 also
close the connection.  A 2xx after ``data``, ``header`` or ``end`` discards the message.
"""


class IFilter(Interface):
    """
    A filter of one connection and its messages.  `txsmtpx.Filter` accepts everything.

    Each method is optional.  A method may return a value, a Deferred or a coroutine.  Each method that returns a
    verdict may also raise `txsmtpx.SMTPError`.

    Example:
        A filter that rejects messages without a subject::

            class NeedsSubject(Filter):
                def header(self, header: Header) -> Verdict:
                    return None if "Subject" in header else Reply(550, (5, 6, 0), "A subject is required")

            backend = FilterBackend(MemoryBackend(), NeedsSubject)
    """

    def connected(connection: Connection) -> Eventual[Verdict]:
        """
        Handle a new client, before the greeting.

        Args:
            connection: The connection.

        Returns:
            The verdict.  A reply is sent instead of the greeting, and the connection is closed.
        """

    def hello(name: str) -> Eventual[Verdict]:
        """
        Handle HELO, EHLO or LHLO.

        Args:
            name: The argument of the command.

        Returns:
            The verdict.
        """

    def mail(sender: str, options: MailOptions) -> Eventual[Verdict]:
        """
        Handle MAIL.

        Args:
            sender: The address; ``""`` for the null reverse-path.
            options: The parameters.

        Returns:
            The verdict.
        """

    def recipient(address: str, options: RcptOptions) -> Eventual[Verdict]:
        """
        Handle RCPT.

        Args:
            address: The address.
            options: The parameters.

        Returns:
            The verdict.  A reply rejects this recipient.
        """

    def data(context: DataContext) -> Eventual[Verdict]:
        """
        Handle the beginning of a message, when the envelope is complete.

        Args:
            context: The envelope, as the filters before this one have changed it.

        Returns:
            The verdict.
        """

    def header(header: Header) -> Eventual[Verdict]:
        """
        Handle the header of the message.

        Args:
            header: The header, as the filters before this one have changed it.

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
            The verdict.  It may change the message or its envelope only if the message is held.
        """

    def reset() -> object:
        """
        End the transaction, whatever its result.  It is called once for each transaction.

        Returns:
            Ignored; the server waits for a Deferred or coroutine.
        """

    def close() -> object:
        """
        End the filter, since the connection has ended.  It is called once.

        Returns:
            Ignored.
        """


class FilterLike(Protocol):
    """The type of `IFilter`, for type checkers without a plugin for zope.interface."""

    def connected(self, connection: Connection, /) -> Eventual[Verdict]:
        """
        Handle a new client, before the greeting.

        Args:
            connection: The connection.

        Returns:
            The verdict.
        """

    def hello(self, name: str, /) -> Eventual[Verdict]:
        """
        Handle HELO, EHLO or LHLO.

        Args:
            name: The argument of the command.

        Returns:
            The verdict.
        """

    def mail(self, sender: str, options: MailOptions, /) -> Eventual[Verdict]:
        """
        Handle MAIL.

        Args:
            sender: The address.
            options: The parameters.

        Returns:
            The verdict.
        """

    def recipient(self, address: str, options: RcptOptions, /) -> Eventual[Verdict]:
        """
        Handle RCPT.

        Args:
            address: The address.
            options: The parameters.

        Returns:
            The verdict.
        """

    def data(self, context: DataContext, /) -> Eventual[Verdict]:
        """
        Handle the beginning of a message.

        Args:
            context: The envelope.

        Returns:
            The verdict.
        """

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

    def reset(self) -> object:
        """
        End the transaction.

        Returns:
            Ignored.
        """

    def close(self) -> object:
        """
        End the filter.

        Returns:
            Ignored.
        """


class FilterMaker(Protocol):
    """The argument of `txsmtpx.FilterBackend`: a function, or a subclass of `txsmtpx.Filter`."""

    def __call__(self, connection: Connection, /) -> Eventual[FilterLike]:
        """Return the filter for a connection."""


class IHoldingFilterMaker(Interface):
    """Optional, for what makes filters: whether their messages have to be held."""

    holds: bool = Attribute("True if the filters need `txsmtpx.FilterBackend` to hold each message until its end.")


class HoldingFilterMaker(Protocol):
    """The type of `IHoldingFilterMaker`."""

    @property
    def holds(self) -> bool:
        """True if the filters need each message to be held until its end."""
