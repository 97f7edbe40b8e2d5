"""The threads of a reactor, which may be that of a loop of asyncio."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorThreads
from twisted.internet.threads import deferToThreadPool

T = TypeVar("T")


def in_thread_of(reactor: object, function: Callable[..., T], *arguments: object) -> Deferred[T]:
    """
    Call a function in a thread of a reactor; at once if the reactor has no threads, such as a ``Clock``.

    Args:
        reactor: The reactor.
        function: The function.
        arguments: Its arguments.

    Returns:
        A Deferred of its result.

    Example:
        >>> from twisted.internet.task import Clock
        >>> in_thread_of(Clock(), len, "abc").result
        3
    """
    if not IReactorThreads.providedBy(reactor):
        return maybeDeferred(function, *arguments)
    return deferToThreadPool(reactor, reactor.getThreadPool(), function, *arguments)
