"""A thread that uses a connection to a database."""

from __future__ import annotations

import errno
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

from txsmtpx.interfaces import clock_of

P = ParamSpec("P")
T = TypeVar("T")


class DatabaseThread:
    """
    Call functions in a thread, one after the other.  Stores in SQLite have such threads for writing and for reading.

    Args:
        name: The name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, name)

    def __call__(self, function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> Deferred[T]:
        """
        Call a function in the thread.

        Args:
            function: The function.
            arguments: Its arguments.
            keywords: Its keyword arguments.

        Returns:
            A Deferred of its result, which fires in the reactor's thread.  If the Deferred is cancelled before its
            turn, the function is not called.

        Raises:
            OSError: No thread can be started.  The Deferred fails.
        """
        reactor = cast(IReactorFromThreads, clock_of(None))

        def cancel(_: Deferred[T]) -> None:
            future.cancel()

        result: Deferred[T] = Deferred(cancel)

        def run() -> None:
            if result.called:
                return
            try:
                outcome: T | Failure = function(*arguments, **keywords)
            except BaseException:
                outcome = Failure()
            reactor.callFromThread(_fire, result, outcome)

        try:
            future = self._executor.submit(run)
        except RuntimeError as error:  # the system has no further thread for this process
            # The executor keeps `run` for its next thread.  It does nothing then.
            result.errback(OSError(errno.EAGAIN, f"no thread can be started ({error})"))
        return result


def _fire(result: Deferred[T], outcome: T | Failure) -> None:
    if not result.called:  # it was cancelled while the function ran
        result.callback(outcome)
