"""Log events as text: one line for each event, whatever its fields contain."""

from __future__ import annotations

import time
from collections.abc import Mapping

from twisted.logger import LogEvent, formatEvent
from twisted.python.failure import Failure

from txsmtpx.dialog.fields import printable
from txsmtpx.observers.transaction_line import Values, as_text


class TextFormat:
    r"""
    Format log events as `twisted.logger.textFileLogObserver` does, but in one line, and faster.

    The date is formatted once a second.  An event that has a ready line in ``smtpx_line`` is not formatted.

    Args:
        worker: The number of the worker process, which each line has.  0 for none.

    Example:
        >>> TextFormat()({"log_format": "two\nlines", "log_namespace": "example"})
        '- [example#info] two\\nlines\n'
    """

    def __init__(self, worker: int = 0) -> None:
        self._worker = f"worker {worker}, " if worker else ""
        self._second = 0
        self._date = "-"

    def __call__(self, event: LogEvent) -> str:
        """Return the line for an event, with its newline."""
        line = event.get("smtpx_line")
        text = line if line is not None else printable(text_of(event))
        return f"{self._at(int(event.get('log_time') or 0))} [{self._worker}{_source(event)}] {text}\n"

    def transaction(
        self, now: float, namespace: str, values: Values, facts: Mapping[str, object], simple: bool = False
    ) -> str:
        """
        Return the line for a transaction.

        Args:
            now: Seconds since 1970.
            namespace: The namespace of the logger.
            values: The values of `txsmtpx.observers.transaction_line.FIELDS`.
            facts: Other fields.
            simple: As for `txsmtpx.observers.transaction_line.as_text`.

        Returns:
            The line, with its newline.
        """
        second = int(now)
        date = self._date if second == self._second else self._at(second)
        return f"{date} [{self._worker}{namespace}#info] {as_text(values, facts, simple)}\n"

    def _at(self, second: int) -> str:
        if second != self._second:
            self._second = second
            self._date = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(second))
        return self._date


def _source(event: LogEvent) -> str:
    system = event.get("log_system")
    if system:
        return printable(str(system))
    level = event.get("log_level")
    return f"{event.get('log_namespace', '')}#{level.name if level is not None else 'info'}"


def text_of(event: LogEvent) -> str:
    """
    Format the message of an event.

    Args:
        event: The event.

    Returns:
        The message, and the traceback of its failure if it has one.  Both may have several lines.
    """
    text = formatEvent(event)
    failure = event.get("log_failure")
    return text if failure is None else f"{text}\n{traceback_of(failure)}"


def traceback_of(failure: Failure) -> str:
    """
    Format the traceback of a failure.

    Args:
        failure: The failure.

    Returns:
        The traceback.  If it cannot be formatted, a text that says so.
    """
    try:
        return failure.getTraceback()
    except Exception as error:  # getTraceback calls repr() of the exception, which may raise anything
        return f"(its traceback cannot be shown: {type(error).__name__})"
