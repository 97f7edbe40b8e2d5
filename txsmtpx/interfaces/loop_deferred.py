"""Deferreds in a program of asyncio, where ``await`` does not accept a Deferred."""

from __future__ import annotations

from typing import TypeVar

from twisted.internet.defer import Deferred

from txsmtpx.interfaces.twisted_types import found_elsewhere

T = TypeVar("T")


class LoopDeferred(Deferred[T]):
    """
    A Deferred whose text says how a coroutine of asyncio awaits it.  asyncio quotes the text if it is awaited directly.

    `explained` creates it.
    """

    def __str__(self) -> str:
        return f"{Deferred.__str__(self)}, which is no awaitable of asyncio: write await txsmtpx.aio.wait(...)"

    __repr__ = __str__


def explained(deferred: Deferred[T]) -> Deferred[T]:
    """
    Return a Deferred for the caller of a public function.

    Args:
        deferred: The Deferred.

    Returns:
        The same; in a loop of asyncio, a `LoopDeferred` with the same result.  To cancel it cancels the given one.

    Example:
        >>> deferred: Deferred[int] = Deferred()
        >>> explained(deferred) is deferred
        True
    """
    if found_elsewhere() is None:
        return deferred
    made: LoopDeferred[T] = LoopDeferred(lambda _: deferred.cancel())
    deferred.chainDeferred(made)
    return made
