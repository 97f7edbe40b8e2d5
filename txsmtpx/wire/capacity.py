"""A limit on connections that can shrink, and a queue of callers with a limited time to wait (guarantee 21)."""

from __future__ import annotations

import bisect
from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import TimeoutError
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater

from txsmtpx.errors import CommandCancelled, Fault, NetworkError


class PoolBusy(NetworkError, TimeoutError):
    """
    All connections of a pool are in use, and none became free in time; a later attempt may succeed.

    Attributes:
        seconds: The seconds for which the caller has waited.

    Args:
        seconds: The seconds for which the caller has waited.

    Example:
        >>> print(PoolBusy(600))
        no connection to the server became free within 600 seconds
    """

    command = "connect"
    fault = Fault.CALLER

    def __init__(self, seconds: float) -> None:
        Exception.__init__(self, seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"no connection to the server became free within {self.seconds:g} seconds"


@dataclass(frozen=True)
class Ticket:
    """
    A caller's position in the queue, which it keeps when it has to wait again.

    Attributes:
        number: The caller with the lowest number is served first.
        until: When the caller stops waiting, in the reactor's time.
        seconds: How long the caller waits in all; 0 for ever.
    """

    number: int
    until: float
    seconds: float


class Capacity:
    """
    Counts connections against a limit, and queues callers.  SMTPPool creates one.

    Attributes:
        size: The most connections that the pool may have.
        limit: The most connections at present: fewer where the server accepts fewer.

    Args:
        reactor: Measures waiting.
        size: The most connections.
        queue_changed: Called when the number of waiting callers has changed.
    """

    def __init__(self, reactor: IReactorTime, size: int, queue_changed: Callable[[], object]) -> None:
        self.size: int = size
        self.limit: int = size
        self._reactor = reactor
        self._queue_changed = queue_changed
        self._taken = 0
        self._tickets = 0
        self._queue: list[_Waiting] = []

    @property
    def tokens(self) -> int:
        """Connections that may be opened or reused at present."""
        return max(0, self.limit - self._taken)

    @property
    def waiting(self) -> int:
        """Callers in the queue."""
        return len(self._queue)

    def ticket(self, seconds: float) -> Ticket:
        """
        Return the next ticket.

        Args:
            seconds: How long the caller waits in all; 0 for ever.

        Returns:
            The ticket.
        """
        self._tickets += 1
        until = self._reactor.seconds() + seconds if seconds else float("inf")
        return Ticket(self._tickets, until, seconds)

    def acquire(self, ticket: Ticket, refusal: Exception | None = None) -> Deferred[None]:
        """
        Wait until another connection may be used.

        Args:
            ticket: The caller's position in the queue.
            refusal: The error with which the server has refused a connection of this caller; see fail_refused.

        Returns:
            A Deferred, which can be cancelled.

        Raises:
            PoolBusy: The caller's time has passed.
        """
        if self.tokens:
            self._taken += 1
            return succeed(None)
        waiting = _Waiting(self, ticket, refusal)
        if ticket.seconds:
            left = max(0.0, ticket.until - self._reactor.seconds())
            waiting.timer = self._reactor.callLater(left, self._too_late, waiting)
        bisect.insort(self._queue, waiting)
        self._queue_changed()
        return waiting.acquired

    def release(self) -> None:
        """Count one connection less."""
        self._taken -= 1
        self._serve()

    def set_size(self, size: int) -> None:
        """
        Change the size.

        Args:
            size: The most connections.

        Raises:
            ValueError: It is less than 1.
        """
        if size < 1:
            raise ValueError(f"size is at least 1, not {size}")
        self.size = size
        self.resize(size)

    def resize(self, limit: int) -> None:
        """
        Change the limit.

        Args:
            limit: The new limit; at least one connection and at most size are allowed in any case.
        """
        self.limit = max(1, min(limit, self.size))
        self._serve()

    def fail_refused(self) -> None:
        """Fail the callers that the server has refused, each with its own refusal: there is nothing to wait for."""
        for waiting in [each for each in self._queue if each.refusal is not None]:
            self.remove(waiting)
            waiting.acquired.errback(waiting.refusal)

    def remove(self, waiting: _Waiting) -> None:
        """
        Remove a caller from the queue.

        Args:
            waiting: The caller.
        """
        self._queue.remove(waiting)
        if waiting.timer is not None and waiting.timer.active():
            waiting.timer.cancel()
        self._queue_changed()

    def _serve(self) -> None:
        while self._queue and self.tokens:
            waiting = self._queue[0]
            self.remove(waiting)
            self._taken += 1
            waiting.acquired.callback(None)

    def _too_late(self, waiting: _Waiting) -> None:
        self.remove(waiting)
        waiting.acquired.errback(PoolBusy(waiting.ticket.seconds))


class _Waiting:
    """A caller in the queue; sorted by ticket."""

    def __init__(self, capacity: Capacity, ticket: Ticket, refusal: Exception | None) -> None:
        self.ticket = ticket
        self.refusal = refusal
        self.timer: IDelayedCall | None = None
        self.acquired: Deferred[None] = Deferred(self._cancelled)
        self._capacity = capacity

    def __lt__(self, other: _Waiting) -> bool:
        return self.ticket.number < other.ticket.number

    def _cancelled(self, acquired: Deferred[None]) -> None:
        self._capacity.remove(self)
        acquired.errback(_cancelled())


async def paused(reactor: IReactorTime, seconds: float) -> None:
    """
    Wait before the next connection is opened.

    Args:
        reactor: Measures time.
        seconds: How long.

    Raises:
        CommandCancelled: The caller cancelled.
    """
    try:
        await deferLater(reactor, seconds)
    except CancelledError:
        raise _cancelled() from None


def _cancelled() -> CommandCancelled:
    return CommandCancelled("the caller cancelled it", command="connect")
