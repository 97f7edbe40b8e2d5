"""Log events as JSON: one flat object a line, for programs that collect logs."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from twisted.logger import LogEvent, formatEvent
from twisted.python.failure import Failure

from txsmtpx.grammar.reply import Reply
from txsmtpx.observers.text_format import traceback_of
from txsmtpx.observers.transaction_line import Values, as_json

_HEAD = ("time", "level", "logger", "message")
"""The first members of each object, which no field replaces."""


class JSONFormat:
    r"""
    Format log events as JSON.

    An object has ``time``, ``level``, ``logger`` and ``message``, then the fields of the event.  If the event has a
    ready line in ``smtpx_line``, its message is the kind of the event, ``smtpx_event``, since the fields have the rest.

    Args:
        worker: The number of the worker process, which each object has.  0 for none.

    Example:
        >>> JSONFormat()({"log_format": "{n} messages", "log_time": 0.0, "log_namespace": "example", "n": 2})
        '{"time":"1970-01-01T00:00:00.000000+00:00","level":"info","logger":"example","message":"2 messages","n":2}\n'
    """

    def __init__(self, worker: int = 0) -> None:
        self._worker = worker
        self._second = 0
        self._date = "1970-01-01T00:00:00"

    def __call__(self, event: LogEvent) -> str:
        """Return the object for an event, and a newline."""
        level = event.get("log_level")
        found: dict[str, object] = {
            "time": self._at(event.get("log_time") or 0),
            "level": level.name if level is not None else "info",
            "logger": event.get("log_namespace", ""),
            "message": event.get("smtpx_event", "transaction") if "smtpx_line" in event else formatEvent(event),
        }
        failure: Failure | None = event.get("log_failure")
        if failure is not None:
            found["failure"] = f"{_name_of(failure)}: {failure.getErrorMessage()}"
            found["traceback"] = traceback_of(failure)
        _add(found, event)
        if self._worker:
            found["worker"] = self._worker
        return f"{_as_object(found)}\n"

    def transaction(
        self, now: float, namespace: str, values: Values, facts: Mapping[str, object], simple: bool = False
    ) -> str:
        """
        Return the object for a transaction.

        Args:
            now: Seconds since 1970.
            namespace: The namespace of the logger.
            values: The values of `txsmtpx.observers.transaction_line.FIELDS`.
            facts: Other fields.
            simple: As for `txsmtpx.observers.transaction_line.as_text`.

        Returns:
            The object, and a newline.
        """
        head = f'{{"time":"{self._at(now)}","level":"info","logger":"{namespace}","message":"transaction"'
        members = as_json(values, simple)
        if not facts and not self._worker:
            return f"{head},{members}}}\n"
        more: dict[str, object] = {}
        _add(more, facts)
        more = {name: fact for name, fact in more.items() if name not in _HEAD}
        if self._worker:
            more["worker"] = self._worker
        return f"{head},{members},{_as_object(more)[1:]}\n" if more else f"{head},{members}}}\n"

    def _at(self, now: float) -> str:
        second, microsecond = divmod(round(now * 1_000_000), 1_000_000)
        if second != self._second:
            self._second = second
            self._date = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._date}.{microsecond:06d}+00:00"


def _add(found: dict[str, object], fields: Mapping[str, object]) -> None:
    for name, value in fields.items():
        if not name.startswith(("log_", "smtpx_")):
            found.setdefault(name, value)


def _as_object(members: Mapping[str, object]) -> str:
    return json.dumps(members, default=_as_json, separators=(",", ":"))


def _name_of(failure: Failure) -> str:
    return failure.type.__name__ if failure.type is not None else ""


def _as_json(value: object) -> str:
    """Return a string for a value of a type that JSON does not have."""
    if isinstance(value, Reply):
        return value.one_line
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return repr(value)
