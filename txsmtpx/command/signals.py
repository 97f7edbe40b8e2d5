"""
The signals of the command, as operators of mail servers expect them.

twistd raises the signal that stopped it once more at the end, so its exit status is 143 after SIGTERM.  A supervisor
takes that for a crash, so here the status is 0.  After SIGINT the status stays as it is: the signal comes from a
terminal, whose shell wants to know of it.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from types import FrameType
from typing import Protocol

from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger

log = Logger(__name__)


class SignalledReactor(Protocol):
    """The part of a reactor that `Signals` asks for."""

    def stop(self) -> None:
        """Stop the reactor."""

    def callWhenRunning(self, callable: Callable[..., object], *args: object, **kwargs: object) -> object:
        """
        Call a function when the reactor has started.

        Args:
            callable: The function.
            *args: Its positional arguments.
            **kwargs: Its keyword arguments.

        Returns:
            A handle of the call, None if it has been called.
        """

    def callFromThread(self, callable: Callable[..., object], *args: object, **kwargs: object) -> None:
        """
        Call a function in the reactor's thread.

        Args:
            callable: The function.
            *args: Its positional arguments.
            **kwargs: Its keyword arguments.
        """


class Signals:
    """
    The handlers of SIGTERM, SIGINT and SIGHUP.

    Args:
        reactor: The reactor.
        reload: Called at SIGHUP, in the reactor's thread.
        abort: Called at the second SIGINT, in the reactor's thread: an operator does not want to wait any longer.
    """

    def __init__(self, reactor: SignalledReactor, reload: Callable[[], None], abort: Callable[[], None]) -> None:
        self._reactor = reactor
        self._reload = reload
        self._abort = abort
        self._stopping = False

    def install(self) -> None:
        """Replace the handlers of the reactor, which it installs when it starts."""
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, self._soon(self._reload))
        signal.signal(signal.SIGTERM, self._soon(self._terminate))
        before = signal.getsignal(signal.SIGINT)
        if callable(before):
            signal.signal(signal.SIGINT, self._interrupted(before))

    def _soon(self, function: Callable[[], None]) -> Callable[[int, FrameType | None], None]:
        return lambda number, frame: self._reactor.callFromThread(function)

    def _terminate(self) -> None:
        if not self._stopping:
            self._stopping = True
            log.info("Received SIGTERM, shutting down.")
            with contextlib.suppress(ReactorNotRunning):  # the parent of a worker may have stopped it already
                self._reactor.stop()

    def _interrupted(
        self, before: Callable[[int, FrameType | None], object]
    ) -> Callable[[int, FrameType | None], None]:
        def interrupt(number: int, frame: FrameType | None) -> None:
            if self._stopping:
                self._reactor.callFromThread(self._abort)
            else:
                self._stopping = True
                before(number, frame)

        return interrupt
