"""
Signals, as a mail server's operator knows them.

twistd, when all is done, raises the signal again that it was stopped by, so that its exit status is 143, which to a
supervisor is a crash.  After SIGTERM it is 0 here, for that was asked for.  SIGINT comes from a terminal, whose shell
wants to know that it was obeyed: there the status stays.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger

log = Logger(__name__)


class Signals:
    """
    What SIGTERM, SIGINT and SIGHUP do, from the start of ``reactor`` on.

    Args:
        hang_up: Called at SIGHUP, in the reactor's thread.
        hurry: Called at the second SIGINT: what is still waited for is waited for no longer.
    """

    def __init__(self, reactor: Any, hang_up: Callable[[], None], hurry: Callable[[], None]) -> None:
        self._reactor = reactor
        self._hang_up = hang_up
        self._hurry = hurry
        self._stopping = False

    def install(self) -> None:
        """Take the place of the reactor's; it sets them when it starts, so this is for later than that."""
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, self._soon(self._hang_up))
        signal.signal(signal.SIGTERM, self._soon(self._terminate))
        before = signal.getsignal(signal.SIGINT)
        if callable(before):
            signal.signal(signal.SIGINT, self._interrupted(before))

    def _soon(self, function: Callable[[], None]) -> Callable[[int, object], None]:
        return lambda number, frame: self._reactor.callFromThread(function)

    def _terminate(self) -> None:
        if not self._stopping:
            self._stopping = True
            log.info("Received SIGTERM, shutting down.")
            with contextlib.suppress(ReactorNotRunning):  # a worker may have been told by its parent already
                self._reactor.stop()

    def _interrupted(self, before: Callable[[int, Any], Any]) -> Callable[[int, Any], None]:
        def interrupt(number: int, frame: Any) -> None:
            if self._stopping:
                self._reactor.callFromThread(self._hurry)
            else:
                self._stopping = True
                before(number, frame)

        return interrupt
