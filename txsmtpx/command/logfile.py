"""The file of the log: the one that twistd names (``--logfile``), in the form that ``--log-format`` names."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Mapping
from typing import TextIO, cast

from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.logfile import LogFile

from txsmtpx.command.other_user import other_user
from txsmtpx.command.port_lines import WithoutPortLines
from txsmtpx.observers.json_format import JSONFormat
from txsmtpx.observers.log_writer import LogForm, LogWriter
from txsmtpx.observers.text_format import TextFormat


def log_writer(form: str, twistd: Mapping[str, object]) -> LogWriter | None:
    """
    Create the observer that writes the log of twistd.

    Args:
        form: The form of the lines, "text" or "json".
        twistd: The options of twistd.

    Returns:
        The observer.  None if the log has another form: with ``--logger`` or ``--syslog``.

    Raises:
        SystemExit: The file cannot be written.  The text names the file.
    """
    if twistd.get("logger") or twistd.get("syslog"):
        return None
    name, foreground = twistd.get("logfile"), bool(twistd.get("nodaemon"))
    if name == "-" and not foreground:
        return None  # twistd refuses this itself
    if name == "-" or (foreground and not name):
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # else a line with an address in UTF-8 would be lost
        return LogWriter(sys.stdout, log_form(form))
    file = _open(os.path.abspath(str(name or "twistd.log")), twistd)
    writer = LogWriter(cast(TextIO, file), log_form(form))
    _rotate_at_sigusr1(file, writer)
    return writer


def log_form(name: str, worker: int = 0) -> LogForm:
    """
    Return the form of the lines.

    Args:
        name: "text" or "json".
        worker: The number of the worker process, 0 for none.

    Returns:
        The form.
    """
    return WithoutPortLines(JSONFormat(worker) if name == "json" else TextFormat(worker))


def _open(path: str, twistd: Mapping[str, object]) -> LogFile:
    # The user of twistd --uid can rotate only a file that it can write.  The file is created with the rights of this
    # user, so a link in its directory leads to no file of root.  In a directory of root, root creates the file below.
    # LogFile gives each later file the mode of a file that exists, not the umask of twistd as a daemon (077).
    with contextlib.suppress(OSError, KeyError), other_user(twistd.get("uid"), twistd.get("gid")):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        file: LogFile = LogFile.fromFullPath(path)
    except OSError as error:
        text = f"cannot write the log to {path}: {error.strerror}; name another file with twistd --logfile"
        sys.exit(f"twistd smtpx: {text}")
    return file


def _rotate_at_sigusr1(file: LogFile, writer: LogWriter) -> None:
    """Rotate the file as twistd does."""

    def rotate() -> None:
        writer.flush()
        file.rotate()

    def handle(number: int, frame: object) -> None:
        from twisted.internet import reactor

        cast(IReactorFromThreads, reactor).callFromThread(rotate)

    if not signal.getsignal(signal.SIGUSR1):
        signal.signal(signal.SIGUSR1, handle)
