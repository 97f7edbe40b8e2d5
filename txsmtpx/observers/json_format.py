"""Log events as JSON: one flat object a line, for programs that collect logs."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from twisted.logger import LogEvent, formatEvent
from twisted.python.failure import Failure

from txsmtpx.grammar.reply import Reply
from txsmtpx.observers.text_format import traceback_of


def json_format(event: LogEvent) -> str:
    r"""
    Format a log event as JSON.

    The object has ``time``, ``level``, ``logger`` and ``message``, then the fields of the event.  If the event has a
    ready line in ``smtpx_line``, its message is the kind of the event, ``smtpx_event``, since the fields have the rest.

    Args:
        event: The log event.

    Returns:
        The object, and a newline.

    Example:
        >>> json_format({"log_format": "{n} messages", "log_time": 0.0, "log_namespace": "example", "n": 2})
        '{"time":"1970-01-01T00:00:00.000000+00:00","level":"info","logger":"example","message":"2 messages","n":2}\n'
    """
    level = event.get("log_level")
    found: dict[str, object] = {
        "time": datetime.fromtimestamp(event.get("log_time") or 0, UTC).isoformat(timespec="microseconds"),
        "level": level.name if level is not None else "info",
        "logger": event.get("log_namespace", ""),
        "message": event.get("smtpx_event", "transaction") if "smtpx_line" in event else formatEvent(event),
    }
    failure: Failure | None = event.get("log_failure")
    if failure is not None:
        found["failure"] = f"{_name_of(failure)}: {failure.getErrorMessage()}"
        found["traceback"] = traceback_of(failure)
    for name, value in event.items():
        if not name.startswith(("log_", "smtpx_")):
            found.setdefault(name, value)
    return json.dumps(found, default=_as_json, separators=(",", ":")) + "\n"


def _name_of(failure: Failure) -> str:
    return failure.type.__name__ if failure.type is not None else ""


def _as_json(value: object) -> str:
    """Return a string for a value of a type that JSON does not have."""
    if isinstance(value, Reply):
        return value.one_line
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return repr(value)
