"""
A reactor of Twisted for an asyncio event loop that runs already, such as that of uvicorn.

Theory of operation.  `AsyncioSelectorReactor` watches its sockets and timers by the loop.  Its methods ``run`` and
``stop`` start and stop the loop, so nothing calls them here: the loop has an owner, and the reactor works as long as
the loop runs.  It needs no file descriptor of its own: calls from other threads go through the loop.  Its threads are
those of the loop's executor.  So there is nothing to close but the connections and ports, which have owners too.

An owner may leave a connection behind: `txsmtpx.send_mail` returns before its connection is closed, and a caller may be
cancelled.  Before a loop is closed, its owner ends the asynchronous generators of the loop, as ``asyncio.run`` and
uvicorn do.  The reactor has such a generator, whose end is the shutdown of the reactor.  Connections that are about to
end may do so, and all others are closed.

The reactor is not the global one, and nothing is installed.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, Callable
from typing import ParamSpec, TypeVar, cast

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txsmtpx.interfaces import Reactor
from txsmtpx.wire.pending_work import PendingWork
from txsmtpx.wire.twisted_internals import loop_of

P = ParamSpec("P")
T = TypeVar("T")

Done = Callable[[bool, object], object]
"""Called in the thread with True and the result, or with False and the Failure."""


class LoopThreads:
    """
    The threads of a loop's executor, as Twisted uses a thread pool.

    Args:
        loop: The loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def callInThread(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """
        Call a function in a thread.

        Args:
            function: The function.
            args: Its arguments.
            kwargs: Its keyword arguments.
        """
        self.callInThreadWithCallback(None, function, *args, **kwargs)

    def callInThreadWithCallback(
        self, done: Done | None, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """
        Call a function in a thread, and another with its result.

        Args:
            done: Gets the result, or the Failure.
            function: The function.
            args: Its arguments.
            kwargs: Its keyword arguments.
        """

        def call() -> None:
            try:
                succeeded, result = True, function(*args, **kwargs)
            except BaseException:
                succeeded, result = False, Failure()
            if done is not None:
                done(succeeded, result)

        self._loop.run_in_executor(None, call)


class LoopReactor(AsyncioSelectorReactor):
    """
    A reactor in a loop that runs.  `loop_reactor` creates it.

    Args:
        loop: The loop.

    Attributes:
        pending_work: Work that the end of the loop waits for.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.pending_work = PendingWork()
        self._threads = LoopThreads(loop)
        self.running = True
        self._loop = loop
        self._end = self._until_end()

    def begin(self) -> None:
        """Begin to wait for the end of the loop, which runs."""
        with contextlib.suppress(StopIteration):  # it runs up to its yield
            self._end.__anext__().send(None)

    async def _until_end(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self.pending_work.over().asFuture(self._loop)
            done: Deferred[None] = Deferred()
            self.addSystemEventTrigger("after", "shutdown", done.callback, None)
            self.fireSystemEvent("shutdown")
            await done.asFuture(self._loop)

    def crash(self) -> None:
        """Do nothing: the shutdown of this reactor does not stop the loop."""

    def installWaker(self) -> None:
        """Do nothing: a call from another thread wakes the loop."""

    def getThreadPool(self) -> LoopThreads:  # type: ignore[override]  # of Twisted's pool, this is what is used
        """
        Return the threads of the loop's executor.

        Returns:
            The threads.
        """
        return self._threads


_REACTORS: dict[asyncio.AbstractEventLoop, Reactor] = {}
"""The reactors of loops.  Those of closed loops are removed when the next one is made."""


def running_loop() -> asyncio.AbstractEventLoop | None:
    """
    Return the loop that runs in this thread.

    Returns:
        The loop; None without one.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def is_served(loop: asyncio.AbstractEventLoop) -> bool:
    """
    Return whether `loop_reactor` was called in a loop.

    Args:
        loop: The loop.

    Returns:
        True if it was.
    """
    return loop in _REACTORS


def loop_reactor() -> Reactor | None:
    """
    Return the reactor of the loop that runs in this thread.

    Returns:
        The global reactor, if it is one of that loop.  Otherwise a reactor for the loop, always the same.  None without
        a loop that runs.
    """
    loop = running_loop()
    if loop is None:
        return None
    if loop not in _REACTORS:
        for closed in [each for each in tuple(_REACTORS) if each.is_closed()]:  # other threads do the same
            _REACTORS.pop(closed, None)
        installed = sys.modules.get("twisted.internet.reactor")
        if loop_of(installed) is loop:
            _REACTORS[loop] = cast(Reactor, installed)
        else:
            made = LoopReactor(loop)
            made.begin()
            _REACTORS[loop] = made
    return _REACTORS[loop]
