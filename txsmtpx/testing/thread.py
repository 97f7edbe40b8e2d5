"""
A reactor in a thread of its own, for programs and tests that block.

It is not the global reactor, which may run elsewhere, or not at all.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import TypeVar, cast, overload

from twisted.internet.defer import Deferred
from twisted.internet.selectreactor import SelectReactor

from txsmtpx.interfaces import Clock, Eventual
from txsmtpx.settling import deferred_call
from txsmtpx.wire.twisted_internals import close_waker

try:
    from twisted.internet.pollreactor import PollReactor
except ImportError:  # some systems have no such call
    PollReactor = SelectReactor  # type: ignore[misc]

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds that `ReactorThread.call` waits by default."""


class ReactorThread:
    """
    A thread with a reactor.  It runs from its creation to `stop`.

    Attributes:
        reactor: The reactor.
    """

    def __init__(self) -> None:
        self._poll = PollReactor()
        self.reactor: Clock = cast(Clock, self._poll)
        self._thread = threading.Thread(target=self._run, name="txsmtpx reactor", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._poll.run(installSignalHandlers=False)
        close_waker(self._poll)

    @overload
    def call(self, function: Callable[..., Awaitable[T]], *args: object, patience: float = PATIENCE) -> T: ...

    @overload
    def call(self, function: Callable[..., Eventual[T]], *args: object, patience: float = PATIENCE) -> T: ...

    def call(self, function: Callable[..., Eventual[T]], *args: object, patience: float = PATIENCE) -> T:
        """
        Call a function in the thread, and wait for its result.

        Args:
            function: The function.  It may return a value, a Deferred or a coroutine.
            args: Its arguments.
            patience: The seconds to wait.  Then what the function returned is cancelled.

        Returns:
            The result.

        Raises:
            TimeoutError: There is no result in time.
            RuntimeError: The thread has stopped, or this is called in it.
        """
        if threading.current_thread() is self._thread or not self._thread.is_alive():
            raise RuntimeError("the reactor's thread is not there to be waited for: it has stopped, or this is in it")
        outcome: Future[T] = Future()
        running: list[Deferred[T]] = []

        def begin() -> None:
            running.append(deferred_call(function, *args))
            running[0].addCallbacks(outcome.set_result, lambda failure: outcome.set_exception(failure.value))

        self._poll.callFromThread(begin)
        try:
            return outcome.result(patience)
        except TimeoutError:
            if not outcome.done():
                self._poll.callFromThread(lambda: running[0].cancel())
            raise

    def stop(self) -> None:
        """Stop the reactor and its connections, and wait for the thread."""
        if self._thread.is_alive():
            # If another event wakes the reactor first, it stops and closes its waker before this call uses the waker.
            with contextlib.suppress(OSError):
                self._poll.callFromThread(self._poll.stop)
            self._thread.join()


class Here:
    """
    The same as `ReactorThread` for callers on a running reactor: `call` does not wait.

    Args:
        reactor: The reactor, which runs in this thread.

    Attributes:
        reactor: The reactor.
    """

    def __init__(self, reactor: Clock) -> None:
        self.reactor = reactor

    def call(self, function: Callable[..., T], *args: object, patience: float = PATIENCE) -> T:
        """
        Call a function.

        Args:
            function: The function.
            args: Its arguments.
            patience: Ignored.

        Returns:
            The result of the function.
        """
        return function(*args)

    def stop(self) -> None:
        """Do nothing: the reactor belongs to the caller."""
