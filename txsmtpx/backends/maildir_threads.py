"""
The threads in which Maildirs are written.

Theory of operation.  A thread that waits for the disk costs little.  A thread that runs takes the interpreter's lock
from the reactor at each system call, and that costs more than the call.  So few threads do much each.
`MaildirThreads.call` starts its functions when the reactor has finished its turn, and one thread stores all messages
that ended in that turn.

fsync is the exception.  A disk that is asked to sync many files at the same time does it in the time of one, and a
thread can ask for one file only.  So the thread that calls `MaildirThreads.each` works through the items itself, and
calls one further thread for help.  A thread that helps, and finds more items, calls the next one.  If fsync returns at
once, as on a RAM disk, the first thread has done all the work before the second one runs.  If fsync waits, the second
one runs meanwhile.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Protocol, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

from txsmtpx.interfaces import clock_of

T = TypeVar("T")


class Each(Protocol):
    """A function that calls another for each item, as `MaildirThreads.each` and `in_order`."""

    def __call__(self, function: Callable[[T], object], items: Sequence[T]) -> None:
        """
        Call the function for each item.

        Args:
            function: The function.
            items: The items.
        """


THREADS = 32
"""
Threads of a backend, at most.  They are created when they are needed.  Twisted's own pool has 10.  Postfix runs up to
100 processes, each of which waits for its own fsync (default_process_limit).
"""


def in_order(function: Callable[[T], object], items: Sequence[T]) -> None:
    """
    Call a function for each item, in this thread.

    Args:
        function: The function.
        items: The items.
    """
    for item in items:
        function(item)


class MaildirThreads:
    """
    Threads that write Maildirs.  A `txsmtpx.MaildirBackend` creates them for each reactor.

    Args:
        most: Threads at most.
    """

    def __init__(self, most: int = THREADS) -> None:
        self._executor = ThreadPoolExecutor(most, "maildir")
        self._called: list[_Call] = []

    def call(self, function: Callable[[], object]) -> Deferred[object]:
        """
        Call a function in a thread, after this turn of the reactor.

        Args:
            function: The function.

        Returns:
            A Deferred of its result, which fires in the reactor's thread.
        """
        if not self._called:
            clock_of(None).callLater(0, self._start)
        call = _Call(function)
        self._called.append(call)
        return call.result

    def call_at_once(self, function: Callable[[], object]) -> Deferred[object]:
        """
        Call a function in a thread, also if the reactor stops in this turn.

        Args:
            function: The function.

        Returns:
            A Deferred of its result, which fires in the reactor's thread.
        """
        call = _Call(function)
        self._submit(call)
        return call.result

    def _start(self) -> None:
        called, self._called = self._called, []
        for call in called:
            self._submit(call)

    def _submit(self, call: _Call) -> None:
        try:
            self._executor.submit(call.run)
        except RuntimeError:  # the system has no further thread for this process
            call.cancel()

    def each(self, function: Callable[[T], object], items: Sequence[T]) -> None:
        """
        Call a function for each item, in this thread and in others, and wait until all calls have ended.

        Args:
            function: The function.
            items: The items.

        Raises:
            BaseException: What the first of the calls that failed has raised.
        """
        waiting = deque(items)
        ended: SimpleQueue[BaseException | None] = SimpleQueue()
        called = False  # another thread has been called, and does not run yet

        def work() -> None:
            nonlocal called
            while waiting:
                try:
                    item = waiting.popleft()
                except IndexError:  # another thread has taken the last one
                    return
                if waiting and not called:
                    called = True
                    with contextlib.suppress(RuntimeError):  # the system has no further thread for this process
                        self._executor.submit(help)
                try:
                    function(item)
                except BaseException as error:
                    ended.put(error)
                else:
                    ended.put(None)

        def help() -> None:
            nonlocal called
            called = False
            work()

        work()
        errors = [error for error in [ended.get() for _ in items] if error is not None]
        if errors:
            raise errors[0]


class _Call:
    """A call of a function in a thread, which is made or cancelled.  `MaildirThreads` creates it."""

    def __init__(self, function: Callable[[], object]) -> None:
        self.result: Deferred[object] = Deferred()
        self._function = function
        self._reactor = cast(IReactorFromThreads, clock_of(None))
        self._taken = threading.Lock()

    def run(self) -> None:
        """Call the function, in a thread, unless the call was cancelled."""
        if self._taken.acquire(blocking=False):
            try:
                outcome = self._function()
            except BaseException:
                outcome = Failure()
            self._reactor.callFromThread(self.result.callback, outcome)

    def cancel(self) -> None:
        """Fail with the present exception, unless a thread makes the call.  It may be in the queue of the threads."""
        if self._taken.acquire(blocking=False):
            self.result.errback(Failure())
