"""
A reactor in a thread of its own, for programs and tests that wait by blocking.

It is not the global one, which is left alone: it may run elsewhere, or not at all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.selectreactor import SelectReactor

from txsmtpx.wire.twisted_socket_internals import close_waker

try:
    from twisted.internet.pollreactor import PollReactor
except ImportError:  # not everywhere is there such a system call
    PollReactor = SelectReactor  # type: ignore[misc]

PATIENCE = 30.0
"""Seconds that `ReactorThread.call` waits unless it is told otherwise."""


class ReactorThread:
    """
    Runs from the moment it is made until `stop`.

    Attributes:
        reactor: What runs.
    """

    def __init__(self) -> None:
        self.reactor: Any = PollReactor()
        self._thread = threading.Thread(target=self._run, name="txsmtpx reactor", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.reactor.run(installSignalHandlers=False)
        close_waker(self.reactor)

    def call(self, function: Callable[..., Any], *args: Any, patience: float = PATIENCE, **kwargs: Any) -> Any:
        """
        Call ``function`` in the thread, and wait for what comes of it.

        Args:
            function: May give a value, a Deferred or a coroutine.
            patience: Seconds; then what it gave is cancelled.

        Raises:
            TimeoutError: Nothing has come of it.
            RuntimeError: This is called in that thread, which would wait for itself; or it has stopped.
        """
        if threading.current_thread() is self._thread or not self._thread.is_alive():
            raise RuntimeError("the reactor's thread is not there to be waited for")
        outcome: Future[Any] = Future()
        running: list[Deferred[Any]] = []

        def begin() -> None:
            running.append(maybeDeferred(function, *args, **kwargs))
            running[0].addCallbacks(outcome.set_result, lambda failure: outcome.set_exception(failure.value))

        self.reactor.callFromThread(begin)
        try:
            return outcome.result(patience)
        except TimeoutError:
            if not outcome.done():
                self.reactor.callFromThread(lambda: running[0].cancel())
            raise

    def stop(self) -> None:
        """End it, and all of its connections."""
        if self._thread.is_alive():
            self.reactor.callFromThread(self.reactor.stop)
            self._thread.join()


class Here:
    """
    What `ReactorThread` is for those who wait in a running reactor: they call, and have the Deferred.

    Args:
        reactor: It runs, in this thread.
    """

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor

    def call(self, function: Callable[..., Any], *args: Any, patience: float = PATIENCE, **kwargs: Any) -> Any:
        """Whatever ``function`` gives; nobody waits here."""
        return function(*args, **kwargs)

    def stop(self) -> None:
        """It belongs to someone else."""
