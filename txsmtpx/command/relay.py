"""
The logs of workers: in the parent's log, each line with the number of its worker.

Where that log is the standard output, the workers write there themselves.  Where it is a file, which only one process
can rotate, or the like, each sends its events to the parent, a line of JSON for each.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TextIO, cast

from twisted.logger import (
    FileLogObserver,
    ILogObserver,
    InvalidLogLevelError,
    LogEvent,
    LogLevel,
    eventAsText,
    globalLogPublisher,
)
from zope.interface import provider


def _system(event: LogEvent) -> str:
    level = event.get("log_level")
    return str(event.get("log_system") or f"{event.get('log_namespace', '-')}#{level.name if level else '-'}")


def named(number: int, out: TextIO, form: Callable[[LogEvent], str | None]) -> ILogObserver:
    """An observer that writes as the parent does, with the worker's number."""
    write = FileLogObserver(out, form)

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        write({**event, "log_system": f"worker {number}, {_system(event)}", "worker": number})

    return cast(ILogObserver, observe)


_PLAIN = (str, int, float, bool)


def relayed(out: TextIO) -> ILogObserver:
    """An observer that writes for `Relay`: what was said, and what plain values came with it."""

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        if text:
            level = event.get("log_level", LogLevel.info)
            plain = {key: value for key, value in event.items() if isinstance(value, _PLAIN) and key[:4] != "log_"}
            line = [event["log_time"], level.name, event.get("log_namespace", "-"), _system(event), text, plain]
            out.write(json.dumps(line) + "\n")
            out.flush()

    return cast(ILogObserver, observe)


class Relay:
    """The other end: takes octets of a worker, and makes events of its parent of them."""

    def __init__(self, number: int, observer: Callable[[LogEvent], Any] = globalLogPublisher) -> None:
        self._number = number
        self._observer = observer
        self._rest = b""

    def received(self, octets: bytes) -> None:
        """Some more, cut anywhere."""
        *lines, self._rest = (self._rest + octets).split(b"\n")
        for line in lines:
            self._observer(self._event(line))

    def _event(self, line: bytes) -> LogEvent:
        try:
            time, level, namespace, system, text, plain = json.loads(line)
            found = {**plain, "log_time": time, "log_level": LogLevel.levelWithName(level), "log_namespace": namespace}
        except (ValueError, TypeError, InvalidLogLevelError):  # what Python says when it cannot begin
            text, system = line.decode("utf-8", "backslashreplace"), "-"
            found = {"log_level": LogLevel.warn, "log_namespace": __name__}
        system = f"worker {self._number}, {system}"
        return {**found, "log_system": system, "log_format": "{log_text}", "log_text": text, "worker": self._number}
