"""
One thing at a time: whatever is said within a message would be taken for a part of it (RFC 5321 §4.1.1.4).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txsmtpx.errors import CommandCancelled

T = TypeVar("T")


class Turns:
    """
    What is to be said on one connection, each when that before it is over.

    It is what `twisted.internet.defer.DeferredLock` does, without a Deferred for whoever need not wait.
    """

    def __init__(self) -> None:
        self._taken = False
        self._waiting: deque[Deferred[None]] = deque()

    def take(self, coroutine: Coroutine[Any, Any, T]) -> Deferred[T]:
        """
        Run ``coroutine`` when it is its turn.

        Returns:
            What becomes of it; cancelled before its turn, it is never begun.
        """
        return Deferred.fromCoroutine(self._wait(coroutine))

    async def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._taken:
            turn: Deferred[None] = Deferred(self._cancelled)
            self._waiting.append(turn)
            try:
                await turn
            except BaseException:  # cancelled while nothing of it had been sent
                coroutine.close()
                raise
        self._taken = True
        try:
            return await coroutine
        finally:
            if self._waiting:
                self._waiting.popleft().callback(None)
            else:
                self._taken = False

    def _cancelled(self, turn: Deferred[None]) -> None:
        self._waiting.remove(turn)
        turn.errback(Failure(CommandCancelled("the caller cancelled it before it was sent", command="idle")))
