"""Work that a service waits for before it is stopped."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TypeVar

from twisted.internet.defer import Deferred, DeferredList

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


def before_end(reactor: object, work: Deferred[T]) -> None:
    """
    Let some work end before a loop of asyncio is closed, such as the end of a connection.

    Args:
        reactor: The reactor.  If it has ``pending_work``, as `txsmtpx.wire.loop_reactor.LoopReactor`, it waits.
        work: A Deferred of the work, which has a time limit.
    """
    pending = getattr(reactor, "pending_work", None)
    if isinstance(pending, PendingWork):
        pending.add(work)
