"""
The logs of workers: they are part of the log of their parent, each line with the number of its worker.

If that log is the standard output, workers write to it themselves (`NumberedLog`).  If it is a file or the system log,
only the parent can write and rotate it.  Then each worker sends its events (`EventSender`) as lines of JSON, and the
parent makes events of them again (`EventReceiver`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TextIO

from twisted.logger import (
    FileLogObserver,
    ILogObserver,
    InvalidLogLevelError,
    LogEvent,
    LogLevel,
    eventAsText,
    globalLogPublisher,
)
from zope.interface import implementer

_PLAIN = (str, int, float, bool)


def _system(event: LogEvent) -> str:
    level = event.get("log_level")
    return str(event.get("log_system") or f"{event.get('log_namespace', '-')}#{level.name if level else '-'}")


@implementer(ILogObserver)
class NumberedLog:
    """
    Write events as the parent does, with the number of the worker.

    Args:
        number: The number of the worker.
        out: The file.
        form: Format an event as a line.
    """

    def __init__(self, number: int, out: TextIO, form: Callable[[LogEvent], str | None]) -> None:
        self._number = number
        self._write = FileLogObserver(out, form)

    def __call__(self, event: LogEvent) -> None:
        """
        Write an event.

        Args:
            event: The event.
        """
        self._write({**event, "log_system": f"worker {self._number}, {_system(event)}", "worker": self._number})


@implementer(ILogObserver)
class EventSender:
    """
    Send events to an `EventReceiver`: the text, and the plain values that the event has.

    Args:
        out: The file that the parent reads.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, event: LogEvent) -> None:
        """
        Send an event.

        Args:
            event: The event.
        """
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        if text:
            level = event.get("log_level", LogLevel.info)
            plain = {key: value for key, value in event.items() if isinstance(value, _PLAIN) and key[:4] != "log_"}
            line = [event["log_time"], level.name, event.get("log_namespace", "-"), _system(event), text, plain]
            self._out.write(json.dumps(line) + "\n")
            self._out.flush()


class EventReceiver:
    """
    Receive the events of one worker in the parent, and log them.

    Args:
        number: The number of the worker.
        observer: Gets the events.
    """

    def __init__(self, number: int, observer: Callable[[LogEvent], object] = globalLogPublisher) -> None:
        self._number = number
        self._observer = observer
        self._rest = b""

    def received(self, octets: bytes) -> None:
        """
        Receive octets of the worker.

        Args:
            octets: Lines, cut anywhere.
        """
        *lines, self._rest = (self._rest + octets).split(b"\n")
        for line in lines:
            self._observer(self._event(line))

    def _event(self, line: bytes) -> LogEvent:
        try:
            time, level, namespace, system, text, plain = json.loads(line)
            found = {**plain, "log_time": time, "log_level": LogLevel.levelWithName(level), "log_namespace": namespace}
        except (ValueError, TypeError, InvalidLogLevelError):  # not an event: Python prints why it cannot start
            text, system = line.decode("utf-8", "backslashreplace"), "-"
            found = {"log_level": LogLevel.warn, "log_namespace": __name__}
        system = f"worker {self._number}, {system}"
        return {**found, "log_system": system, "log_format": "{log_text}", "log_text": text, "worker": self._number}
