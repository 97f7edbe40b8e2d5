"""Events as text: one line each, whatever is in them."""

from __future__ import annotations

import time

from twisted.logger import LogEvent, formatEvent
from twisted.python.failure import Failure

from txsmtpx.dialog.fields import printable


class TextFormat:
    """
    Makes of an event what `twisted.logger.textFileLogObserver` would, in one line and for less: the date is made
    once a second, and an event that brings its ``smtpx_line`` is not formatted.
    """

    def __init__(self) -> None:
        self._second = 0
        self._date = "-"

    def __call__(self, event: LogEvent) -> str:
        second = int(event.get("log_time") or 0)
        if second != self._second:
            self._second = second
            self._date = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(second))
        line = event.get("smtpx_line")
        return f"{self._date} [{_source(event)}] {line if line is not None else printable(text_of(event))}\n"


def _source(event: LogEvent) -> str:
    system = event.get("log_system")
    if system:
        return printable(str(system))
    level = event.get("log_level")
    return f"{event.get('log_namespace', '')}#{level.name if level is not None else 'info'}"


def text_of(event: LogEvent) -> str:
    """The event formatted, and the traceback of its failure, if it has one."""
    text = formatEvent(event)
    failure = event.get("log_failure")
    return text if failure is None else f"{text}\n{traceback_of(failure)}"


def traceback_of(failure: Failure) -> str:
    """The traceback, or that there is none to be had."""
    try:
        return failure.getTraceback()
    except Exception as error:  # it calls repr() of whatever has failed
        return f"(its traceback cannot be shown: {type(error).__name__})"
