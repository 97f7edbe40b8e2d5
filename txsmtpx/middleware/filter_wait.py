"""A wait for a filter: it has a limit, and a filter that swallows its cancellation does not prolong it."""

from __future__ import annotations

from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

T = TypeVar("T")


class FilterTimeout(Exception):
    """A filter has not answered in time."""


class FilterWait(Generic[T]):
    """
    A wait for a Deferred of a filter.

    A coroutine may catch its cancellation and go on.  Then the result of the wait is there all the same, and the result
    of the coroutine is ignored.

    Args:
        awaited: The Deferred of the filter.
        clock: The clock.
        seconds: The limit.

    Attributes:
        done: A Deferred of the result.  It fails with `FilterTimeout` after the limit.
        cancelled: True if `done` was cancelled, as by a lost connection.

    Example:
        >>> from twisted.internet.task import Clock
        >>> clock = Clock()
        >>> wait = FilterWait(Deferred(), clock, 30)
        >>> errors = wait.done.addErrback(lambda failure: print(failure.value))
        >>> clock.advance(30)
        no answer within 30 seconds
    """

    def __init__(self, awaited: Deferred[T], clock: IReactorTime, seconds: float) -> None:
        self.done: Deferred[T] = Deferred(self._cancel)
        self.cancelled: bool = False
        self._awaited = awaited
        self._seconds = seconds
        self._timer = clock.callLater(seconds, self._expire)
        self._expired = False
        awaited.addBoth(self._fire)

    def _fire(self, result: T | Failure) -> None:
        if self._timer.active():
            self._timer.cancel()
        if not self.done.called:
            late = Failure(FilterTimeout(f"no answer within {self._seconds:g} seconds"))
            self.done.callback(late if self._expired else result)

    def _expire(self) -> None:
        self._expired = True
        self._awaited.cancel()
        self._fire(Failure(FilterTimeout()))

    def _cancel(self, done: Deferred[T]) -> None:
        self.cancelled = True
        if self._timer.active():
            self._timer.cancel()
        self._awaited.cancel()
