"""The base class of contexts of middleware."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from zope.interface import implementer

from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.interfaces import Connection, DataContext, Eventual, IDataContext, Outcome, Results

Late = Callable[[str, Outcome], object]
"""It is called with the recipient and the outcome, if the outcome comes too late."""


@implementer(IDataContext)
class MiddlewareContext:
    """
    A context around another one.

    Args:
        outer: The other context.

    Attributes:
        outer: The other context.
        started: True after `start_delivery`: the message may be read after ``data`` is over.

    Example:
        A context in which the message has other recipients::

            class OneRecipient(MiddlewareContext):
                @property
                def recipients(self) -> Sequence[str]:
                    return self.outer.recipients[:1]
    """

    def __init__(self, outer: DataContext) -> None:
        self.outer = outer
        self.started: bool = False

    @property
    def sender(self) -> str:
        """The address of MAIL."""
        return self.outer.sender

    @property
    def recipients(self) -> Sequence[str]:
        """The accepted addresses."""
        return self.outer.recipients

    @property
    def options(self) -> MailOptions:
        """The parameters of MAIL."""
        return self.outer.options

    @property
    def recipient_options(self) -> Sequence[RcptOptions]:
        """The parameters of each RCPT."""
        return self.outer.recipient_options

    @property
    def queue_id(self) -> str:
        """The identifier of the transaction."""
        return self.outer.queue_id

    @property
    def connection(self) -> Connection:
        """The connection of the client."""
        return self.outer.connection

    @property
    def results(self) -> Results:
        """The results of filters on this connection and in this transaction."""
        return self.outer.results

    def start_delivery(
        self, recipient: str | int, deferred: Eventual[Outcome] = None, timeout: float | None = None
    ) -> None:
        """
        Announce that the outcome for a recipient follows (`IDataContext.start_delivery`).

        Args:
            recipient: The address, or its index.
            deferred: A Deferred or coroutine of the outcome.
            timeout: Seconds from now.
        """
        self.started = True
        self.outer.start_delivery(recipient, deferred, timeout)

    def set_status(self, recipient: str | int, status: Outcome = None) -> bool:
        """
        Set the outcome for a recipient (`IDataContext.set_status`).

        Args:
            recipient: The address, or its index.
            status: The outcome.

        Returns:
            True if it counts.
        """
        return bool(self.outer.set_status(recipient, status))

    def note(self, **facts: object) -> None:
        """
        Add facts about this message to the log.

        Args:
            facts: `str` or numbers, by name.
        """
        self.outer.note(**facts)

    def received(self, when: float | None = None) -> bytes:
        """
        Return the Received field of this message.

        Args:
            when: Seconds since the epoch.  None: now.

        Returns:
            The field.
        """
        return self.outer.received(when)

    @property
    def late(self) -> Late | None:
        """Called with the recipient and the outcome, if the outcome comes too late."""
        return self.outer.late

    @late.setter
    def late(self, late: Late | None) -> None:
        self.outer.late = late and self._as_here(late)

    def _as_here(self, late: Late) -> Late:
        """Return what the outer context calls instead, where a recipient has another address there."""
        return late

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            if name == "outer" or name.startswith("__"):
                raise AttributeError(name)
            return getattr(self.outer, name)
