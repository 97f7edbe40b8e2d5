"""
The file with the process number of twistd.

Twistd does not start if the number is that of any running process.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

from txsmtpx.command.process_number import is_gone
from txsmtpx.grammar import asciitext

DEFAULT = "twistd.pid"
"""The name of the file if twistd is given none."""


_ANOTHER = "name another file with twistd --pidfile"


class PidFileError(ValueError):
    """A pid file keeps a server from starting.  The text names the file."""


def prepare(twistd: MutableMapping[str, object]) -> None:
    """
    Remove a pid file of a server that is gone.

    In the foreground (``-n``) there is no pid file, unless it is named: a shell or supervisor knows the process.  So
    two servers may run in one directory, or in a directory that they cannot write.

    Args:
        twistd: The options of ``twistd``.  Those of ``twist`` name no such file.

    Raises:
        PidFileError: The server that wrote it runs, it is not a pid file, or its directory cannot be written.
    """
    path = twistd.get("pidfile")
    if path == DEFAULT and (twistd.get("nodaemon") or twistd.get("debug")):
        twistd["pidfile"] = ""
    elif path:
        _remove_stale(os.path.abspath(str(path)))
        _require_directory(os.path.abspath(os.path.join(str(twistd.get("rundir") or "."), str(path))))


def _remove_stale(path: str) -> None:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            text = file.read(100).strip()
        written = os.stat(path).st_mtime
        if text and not asciitext.is_number(text):
            raise PidFileError(f"{path} holds no process number: {_ANOTHER}")
        if not text or is_gone(int(text), written):  # it is empty if the machine crashed while it was written
            os.remove(path)
            return
    except FileNotFoundError:
        return
    except OSError as error:
        raise PidFileError(f"cannot read or remove {path}: {error.strerror}") from error
    raise PidFileError(f"{path} is of process {text}, which runs: stop it, or {_ANOTHER}")


def _require_directory(path: str) -> None:
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        raise PidFileError(f"cannot write {path}: there is no directory {directory}; create it, or {_ANOTHER}")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise PidFileError(f"cannot write {path}: no permission for {directory}; {_ANOTHER}")
