"""
The logs of workers: they are part of the log of their parent, each line with the number of its worker.

If that log is the standard output, workers write to it themselves.  If it is a file or the system log, only the parent
can write and rotate it.  Then each worker sends its events as lines of JSON (`EventForm`), and the parent makes events
of them again (`EventReceiver`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from time import time as clock

from twisted.logger import InvalidLogLevelError, LogEvent, LogLevel, eventAsText, globalLogPublisher

from txsmtpx.command.port_lines import is_port_line
from txsmtpx.observers.transaction_line import Values, transaction_event

_PLAIN = (str, int, float, bool)


class EventForm:
    """Format an event for an `EventReceiver`: the text, and the plain values that the event has."""

    def __call__(self, event: LogEvent) -> str:
        """Return a line of JSON for an event, with its newline.  "" if the event has no text."""
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        if not text or is_port_line(event):
            return ""
        level = event.get("log_level", LogLevel.info)
        plain = {key: value for key, value in event.items() if isinstance(value, _PLAIN) and key[:4] != "log_"}
        namespace = event.get("log_namespace", "-")
        system = str(event.get("log_system") or f"{namespace}#{level.name}")
        return json.dumps([event["log_time"], level.name, namespace, system, text, plain]) + "\n"

    def transaction(
        self, now: float, namespace: str, values: Values, facts: Mapping[str, object], simple: bool = False
    ) -> str:
        """
        Return a line for a transaction.

        Args:
            now: Seconds since 1970.
            namespace: The namespace of the logger.
            values: The values of `txsmtpx.observers.transaction_line.FIELDS`.
            facts: Other fields.
            simple: As for `txsmtpx.observers.transaction_line.as_text`.

        Returns:
            The line, with its newline.
        """
        return self(transaction_event(now, namespace, values, facts, simple))


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
            found = {"log_time": clock(), "log_level": LogLevel.warn, "log_namespace": __name__}
        system = f"worker {self._number}, {system}"
        return {**found, "log_system": system, "log_format": "{log_text}", "log_text": text, "worker": self._number}
