"""
Where the log goes: to where twistd was told, ``--logfile`` and all, in the form that ``--log-format`` says.
"""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from twisted.logger import FileLogObserver, LogEvent
from twisted.python.logfile import LogFile

from txsmtpx.observers.json_format import json_format
from txsmtpx.observers.text_format import TextFormat


def log_observer(form: str, twistd: Mapping[str, Any]) -> FileLogObserver | None:
    """
    What twistd is to log with.

    Args:
        form: "text" or "json".
        twistd: Its own options.

    Returns:
        None where twistd was told something else: ``--logger`` and ``--syslog`` have forms of their own.
    """
    if twistd.get("logger") or twistd.get("syslog"):
        return None
    name, foreground = twistd.get("logfile"), bool(twistd.get("nodaemon"))
    if name == "-" and not foreground:
        return None  # which twistd refuses in its own words
    out = sys.stdout if name == "-" or (foreground and not name) else _file(name or "twistd.log")
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")  # an address in UTF-8 is no reason to lose a line
    return FileLogObserver(out, log_form(form))


def log_form(name: str) -> Callable[[LogEvent], str]:
    """What makes a line of an event, by its name: "text" or "json"."""
    return json_format if name == "json" else TextFormat()


def _file(name: str) -> Any:
    """As twistd opens it: SIGUSR1 begins a new one."""
    file = LogFile.fromFullPath(name)

    def rotate(number: int, frame: object) -> None:
        from twisted.internet import reactor

        reactor.callFromThread(file.rotate)  # type: ignore[attr-defined]  # typed as a module

    if not signal.getsignal(signal.SIGUSR1):
        signal.signal(signal.SIGUSR1, rotate)
    return file
