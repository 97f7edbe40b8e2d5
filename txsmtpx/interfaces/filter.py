"""A filter of connections and messages, for `txsmtpx.FilterBackend`."""

from __future__ import annotations

from typing import Protocol

from zope.interface import Attribute, Interface

from txsmtpx.content.header import Header
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.interfaces.connection import Connection
from txsmtpx.interfaces.message import DataContext
from txsmtpx.interfaces.verdict import Verdict
from txsmtpx.settling import Eventual


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

        It may come within a transaction.  If it is accepted, `reset` follows; otherwise the transaction goes on (RFC
        5321 §4.1.4).

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


class ITimedFilterMaker(Interface):
    """Optional, for what makes filters: how long their calls may take."""

    call_timeout: float = Attribute("Seconds for each call of a filter, unless `txsmtpx.ConfiguredFilter` has others.")


class HoldingFilterMaker(Protocol):
    """The type of `IHoldingFilterMaker`."""

    @property
    def holds(self) -> bool:
        """True if the filters need each message to be held until its end."""


class TimedFilterMaker(Protocol):
    """The type of `ITimedFilterMaker`."""

    @property
    def call_timeout(self) -> float:
        """Seconds for each call of a filter."""
