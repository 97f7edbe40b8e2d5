"""Work that a service waits for before it is stopped."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TypeVar

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorCore, IReactorTime

T = TypeVar("T")


class PendingWork:
    """The work that is not over.  `txsmtpx.SMTPPool` creates it."""

    def __init__(self) -> None:
        self._pending: set[Deferred[None]] = set()

    def __bool__(self) -> bool:
        return bool(self._pending)

    def add(self, work: Deferred[T] | Coroutine[Deferred[object], object, T]) -> Deferred[T]:
        """
        Begin some work.

        Args:
            work: The work.

        Returns:
            A Deferred of its result.
        """
        running = work if isinstance(work, Deferred) else Deferred.fromCoroutine(work)
        over: Deferred[None] = Deferred(lambda _: running.cancel())
        self._pending.add(over)

        def ended(result: T) -> T:
            self._pending.discard(over)
            if not over.called:
                over.callback(None)
            return result

        return running.addBoth(ended)

    def over(self) -> Deferred[list[tuple[bool, None]]]:
        """
        Wait for the work that is pending now.

        Returns:
            A Deferred that fires when it is over, with nothing of use.  If it is cancelled, the work is cancelled.
        """
        return DeferredList(list(self._pending), consumeErrors=True)


def before_shutdown(reactor: IReactorTime, work: Deferred[T]) -> None:
    """
    Let some work end before a reactor stops, such as the end of a connection.

    Args:
        reactor: The reactor.  A clock does not stop.
        work: A Deferred of the work, which has a time limit.
    """
    if work.called or not IReactorCore.providedBy(reactor):
        return
    stops = False

    def stop() -> Deferred[T]:
        nonlocal stops
        stops = True
        return work

    def over(result: T) -> T:
        if not stops:
            reactor.removeSystemEventTrigger(trigger)
        return result

    trigger = reactor.addSystemEventTrigger("before", "shutdown", stop)
    work.addBoth(over)
