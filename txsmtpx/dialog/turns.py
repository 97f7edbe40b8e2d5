"""
One thing at a time: whatever is said within a message would be taken for a part of it (RFC 5321 §4.1.1.4).
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredLock

T = TypeVar("T")


class Turns:
    """What is to be said on one connection, each when that before it is over."""

    def __init__(self) -> None:
        self._lock = DeferredLock()

    def take(self, coroutine: Coroutine[Any, Any, T]) -> Deferred[T]:
        """
        Run C{coroutine} when it is its turn.

        @return: what becomes of it; cancelled before its turn, it is never begun.
        """
        return Deferred.fromCoroutine(self._wait(coroutine))

    async def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        turn = self._lock.acquire()
        if not turn.called:
            try:
                await turn
            except BaseException:  # cancelled while nothing of it had been said
                coroutine.close()
                raise
        try:
            return await coroutine
        finally:
            self._lock.release()
