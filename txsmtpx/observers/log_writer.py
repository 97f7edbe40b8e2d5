"""
Write the log to a file, as lines, in batches.

A line costs a system call if it is written alone, and a busy server logs a line for each message.  While the reactor
runs, lines wait for 100 milliseconds at most.  A warning or an error is written at once, with all lines before it.
"""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from threading import Lock
from time import time
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorCore, IReactorTime
from twisted.logger import ILogObserver, LogEvent, LogLevel
from twisted.python.threadable import isInIOThread
from zope.interface import implementer

from txsmtpx.observers.transaction_line import Values

DELAY = 0.1
"""Seconds for which a line waits at most: what SIGKILL loses.  rsyslog's asynchronous writer waits for 1 second."""

BATCH = 65_536
"""Characters that are written at once."""

ATOMIC = 4_096
"""The same, where several processes write to one pipe: POSIX keeps PIPE_BUF octets together, 4,096 on Linux."""

_URGENT = (LogLevel.warn, LogLevel.error, LogLevel.critical)


class ILogReactor(IReactorCore, IReactorTime):
    """What `LogWriter.run` needs."""


class LogForm(Protocol):
    """The form of a line, such as `TextFormat` and `JSONFormat`."""

    def __call__(self, event: LogEvent) -> str | None:
        """
        Format an event.

        Args:
            event: The event.

        Returns:
            The line, with its newline.  None or "" for no line.
        """

    def transaction(
        self, now: float, namespace: str, values: Values, facts: Mapping[str, object], simple: bool = False
    ) -> str:
        """
        Format a transaction as the event would be that describes it.

        Args:
            now: Seconds since 1970.
            namespace: The namespace of the logger.
            values: The values of `txsmtpx.observers.transaction_line.FIELDS`.
            facts: Other fields.
            simple: As for `txsmtpx.observers.transaction_line.as_text`.

        Returns:
            The line, with its newline.
        """


class LogOutput(Protocol):
    """A file of text, or Twisted's `LogFile`."""

    def write(self, text: str, /) -> object:
        """
        Write text.

        Args:
            text: Whole lines.

        Returns:
            Anything.
        """

    def flush(self) -> None:
        """Hand what is written to the operating system."""


@implementer(ILogObserver)
class LogWriter:
    """
    Write log events to a file.  If it is the only observer of the log, `TransactionLog` creates no event for a line.

    Until `run` is called and the reactor runs, each line is written at once.  ``twistd smtpx`` creates one for its log.

    Args:
        out: The file.
        form: Formats each event.
        batch: Characters that are written at once, unless one line is longer.

    Example:
        >>> import sys
        >>> from txsmtpx.observers.text_format import TextFormat
        >>> LogWriter(sys.stdout, TextFormat())({"log_format": "started", "log_namespace": "example"})
        - [example#info] started
    """

    def __init__(self, out: LogOutput, form: LogForm, batch: int = BATCH) -> None:
        self._out = out
        self._form = form
        self._batch = batch
        self._lock = Lock()  # a thread may log, too
        self._lines: list[str] = []
        self._waiting = 0  # characters of these lines
        self._clock: IReactorTime | None = None
        self._timer: IDelayedCall | None = None

    def run(self, reactor: ILogReactor) -> None:
        """
        Write in batches as long as the reactor runs, and what waits when it has stopped.

        Args:
            reactor: The reactor, which runs later.
        """
        reactor.callWhenRunning(self.begin, reactor)
        reactor.addSystemEventTrigger("after", "shutdown", self.end)

    def begin(self, clock: IReactorTime) -> None:
        """
        Write in batches from now on.

        Args:
            clock: Has the timers.
        """
        self._clock = clock
        atexit.register(self.end)  # a reactor that crashes calls no trigger

    def end(self) -> None:
        """Write what waits, and each further line at once."""
        atexit.unregister(self.end)
        self._clock = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.flush()

    def __call__(self, event: LogEvent) -> None:
        """
        Write an event.

        Args:
            event: The event.
        """
        line = self._form(event)
        if line:
            self._append(line)
            if event.get("log_level") in _URGENT or not isInIOThread():  # only the reactor's thread may start a timer
                self.flush()
            elif self._timer is None:
                self._flush_later()

    def transaction(
        self, namespace: str, values: Values, facts: Mapping[str, object], simple: bool = False
    ) -> None:
        """
        Write a line for a transaction, without an event.  It is called in the thread of the reactor.

        Args:
            namespace: The namespace of the logger.
            values: The values of `txsmtpx.observers.transaction_line.FIELDS`.
            facts: Other fields.
            simple: As for `txsmtpx.observers.transaction_line.as_text`.
        """
        self._append(self._form.transaction(time(), namespace, values, facts, simple))
        if self._timer is None:
            self._flush_later()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            self._write()

    def _append(self, line: str) -> None:
        with self._lock:
            if self._waiting + len(line) > self._batch:
                self._write()
            self._lines.append(line)
            self._waiting += len(line)

    def _write(self) -> None:
        lines, self._lines, self._waiting = self._lines, [], 0
        if lines:
            self._out.write("".join(lines))
            self._out.flush()

    def _flush_later(self) -> None:
        if self._clock is None:
            self.flush()
        else:
            self._timer = self._clock.callLater(DELAY, self._time_has_passed)

    def _time_has_passed(self) -> None:
        self._timer = None
        self.flush()
