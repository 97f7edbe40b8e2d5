"""The base class of filters, and the settings of a filter in a `txsmtpx.FilterBackend`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from zope.interface import implementer

from txsmtpx.content.header import Header
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.interfaces import (
    Connection,
    DataContext,
    Eventual,
    FilterMaker,
    HoldingFilterMaker,
    IFilter,
    TimedFilterMaker,
    Verdict,
    provides,
)
from txsmtpx.setting import shown

OnFailure = Literal["defer", "accept", "reject"]
"""
What follows a failure of a filter.  "defer" is 451 4.7.1 and "reject" is 550 5.7.1, for the rest of the connection.
"accept" goes on without the filter.
"""

TIMEOUT = 30.0
"""Seconds for each call of a filter.  Postfix: milter_command_timeout = 30s, and 300 for the message."""


@dataclass(frozen=True)
class ConfiguredFilter:
    """
    A filter of a `txsmtpx.FilterBackend` with its settings.

    Args:
        make: A subclass of `Filter`, or a function of the `txsmtpx.Connection` that returns a filter.
        name: The name in the log and in metrics.  ``""``: the name of the class or function.
        timeout: Seconds for each call of the filter.  None: as the maker demands
            (`txsmtpx.interfaces.ITimedFilterMaker`), otherwise 30.
        on_failure: The consequence of a failure: an exception other than `txsmtpx.SMTPError`, a time-out, or a
            result that is no verdict.  "defer": 451 4.7.1 for the rest of the connection.  "reject": 550 5.7.1.
            "accept": go on without the filter for the rest of the connection.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A value cannot be used.

    Example:
        >>> ConfiguredFilter(Filter, timeout=10, on_failure="accept").label
        'Filter'
    """

    make: FilterMaker
    name: str = ""
    timeout: float | None = None
    on_failure: OnFailure = "defer"

    def __post_init__(self) -> None:
        if not callable(self.make):
            raise TypeError(
                f"ConfiguredFilter: make must be a subclass of Filter or a function, not {shown(self.make)}"
            )
        if not isinstance(self.name, str):
            raise TypeError(f"ConfiguredFilter: name must be a str, not {shown(self.name)}")
        timeout = self.timeout
        if not isinstance(timeout, int | float | None) or isinstance(timeout, bool):
            raise TypeError(f"ConfiguredFilter: timeout must be a number of seconds or None, not {shown(timeout)}")
        if timeout is not None and not 0 < timeout < math.inf:
            raise ValueError(f"ConfiguredFilter: timeout must be a number of seconds above 0, not {timeout}")
        if self.on_failure not in get_args(OnFailure):
            given = shown(self.on_failure)
            raise ValueError(f"ConfiguredFilter: on_failure must be 'defer', 'accept' or 'reject', not {given}")

    @property
    def label(self) -> str:
        """The name in the log and in metrics."""
        return self.name or getattr(self.make, "__name__", "") or type(self.make).__name__

    @property
    def limit(self) -> float:
        """Seconds for each call of the filter."""
        if self.timeout is not None:
            return self.timeout
        return self.make.call_timeout if provides(self.make, TimedFilterMaker) else TIMEOUT

    @property
    def holds(self) -> bool:
        """True if the filter needs each message to be held."""
        return provides(self.make, HoldingFilterMaker) and bool(self.make.holds)


@implementer(IFilter)
class Filter:
    """
    A filter that accepts everything.  Override what you need; see `IFilter`.

    Args:
        connection: The connection of the client.

    Attributes:
        connection: The connection of the client.
        context: The envelope of the message, from ``data`` until ``reset``; None otherwise.
        holds: True in a class whose filters need each message to be held.  Default: False.

    Example:
        ::

            class NeedsSubject(Filter):
                def header(self, header: Header) -> Verdict:
                    return None if "Subject" in header else Reply(550, (5, 6, 0), "A subject is needed")

            FilterBackend(MemoryBackend(), NeedsSubject)
    """

    holds = False

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.context: DataContext | None = None

    def connected(self, connection: Connection) -> Eventual[Verdict]:
        """
        Handle a new client, before the greeting.

        Args:
            connection: The connection.

        Returns:
            The verdict.
        """

    def hello(self, name: str) -> Eventual[Verdict]:
        """
        Handle HELO, EHLO or LHLO.

        Args:
            name: The argument of the command.

        Returns:
            The verdict.
        """

    def mail(self, sender: str, options: MailOptions) -> Eventual[Verdict]:
        """
        Handle MAIL.

        Args:
            sender: The address; ``""`` for the null reverse-path.
            options: The parameters.

        Returns:
            The verdict.
        """

    def recipient(self, address: str, options: RcptOptions) -> Eventual[Verdict]:
        """
        Handle RCPT.

        Args:
            address: The address.
            options: The parameters.

        Returns:
            The verdict.
        """

    def data(self, context: DataContext) -> Eventual[Verdict]:
        """
        Handle the beginning of a message, when the envelope is complete.

        Args:
            context: The envelope.

        Returns:
            The verdict.
        """

    def header(self, header: Header) -> Eventual[Verdict]:
        """
        Handle the header of the message.

        Args:
            header: The header.

        Returns:
            The verdict.
        """

    def chunk(self, octets: bytes) -> object:
        """
        Handle the next octets of the message.

        Args:
            octets: The octets.

        Returns:
            None; or a Deferred or coroutine, which delays the next octets until it fires.
        """

    def end(self, size: int) -> Eventual[Verdict]:
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
