"""A Deferred whose result is waited for without the right to cancel it: `uncancelled`."""

from __future__ import annotations

from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


def uncancelled(result: Deferred[T]) -> Deferred[T]:
    """
    Return a Deferred of the same result.  If it is cancelled, the work behind the result goes on.

    Args:
        result: The result.  Later callbacks of it get the value, or None after an error.

    Returns:
        The Deferred.

    Example:
        >>> result = Deferred()
        >>> waiting = uncancelled(result)
        >>> waiting.cancel()
        >>> result.called, waiting.addErrback(lambda failure: failure.type.__name__).result
        (False, 'CancelledError')
    """
    own: Deferred[T] = Deferred()

    def came(value: T) -> T:
        own.callback(value)
        return value

    def failed(failure: Failure) -> None:
        own.errback(failure)

    result.addCallbacks(came, failed)
    return own
