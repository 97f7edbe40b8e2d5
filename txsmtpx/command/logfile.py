"""The file of the log: the one that twistd names (``--logfile``), in the form that ``--log-format`` names."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Callable, Mapping
from typing import TextIO, cast

from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import FileLogObserver, LogEvent
from twisted.python.logfile import LogFile

from txsmtpx.observers.json_format import json_format
from txsmtpx.observers.text_format import TextFormat


def log_observer(form: str, twistd: Mapping[str, object]) -> FileLogObserver | None:
    """
    Create the observer with which twistd logs.

    Args:
        form: The form of the lines, "text" or "json".
        twistd: The options of twistd.

    Returns:
        The observer.  None if the log has another form: with ``--logger`` or ``--syslog``.
    """
    if twistd.get("logger") or twistd.get("syslog"):
        return None
    name, foreground = twistd.get("logfile"), bool(twistd.get("nodaemon"))
    if name == "-" and not foreground:
        return None  # twistd refuses this itself
    out = sys.stdout if name == "-" or (foreground and not name) else _file(str(name or "twistd.log"))
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")  # else a line with an address in UTF-8 would be lost
    return FileLogObserver(out, log_form(form))


def log_form(name: str) -> Callable[[LogEvent], str]:
    """
    Return the function that formats an event as a line.

    Args:
        name: "text" or "json".

    Returns:
        The function.
    """
    return json_format if name == "json" else TextFormat()


def _file(name: str) -> TextIO:
    """Open a log file as twistd does: at SIGUSR1 it is rotated."""
    file = LogFile.fromFullPath(name)

    def rotate(number: int, frame: object) -> None:
        from twisted.internet import reactor

        cast(IReactorFromThreads, reactor).callFromThread(file.rotate)

    if not signal.getsignal(signal.SIGUSR1):
        signal.signal(signal.SIGUSR1, rotate)
    return cast(TextIO, file)
