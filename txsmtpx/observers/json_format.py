"""Events as JSON: an object a line, flat, for whoever collects logs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from twisted.logger import LogEvent, formatEvent

from txsmtpx.grammar.reply import Reply
from txsmtpx.observers.text_format import traceback_of


def json_format(event: LogEvent) -> str:
    """
    The object, and a newline: ``time``, ``level``, ``logger``, ``message``, then the fields of the event.

    The message of an event that brings its ``smtpx_line`` is only what kind of event it is, ``smtpx_event``: the fields
    have the rest.
    """
    level = event.get("log_level")
    found: dict[str, Any] = {
        "time": datetime.fromtimestamp(event.get("log_time") or 0, UTC).isoformat(timespec="microseconds"),
        "level": level.name if level is not None else "info",
        "logger": event.get("log_namespace", ""),
        "message": event.get("smtpx_event", "transaction") if "smtpx_line" in event else formatEvent(event),
    }
    failure: Any = event.get("log_failure")
    if failure is not None:
        found["failure"] = f"{failure.type.__name__}: {failure.getErrorMessage()}"
        found["traceback"] = traceback_of(failure)
    for name, value in event.items():
        if not name.startswith(("log_", "smtpx_")):
            found.setdefault(name, value)
    return json.dumps(found, default=_plain, separators=(",", ":")) + "\n"


def _plain(value: Any) -> Any:
    """What JSON has no word for."""
    if isinstance(value, Reply):
        return value.one_line
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return repr(value)
