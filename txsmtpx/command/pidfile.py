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
        PidFileError: The server that wrote it runs, or it is not a pid file.
    """
    path = twistd.get("pidfile")
    if path == DEFAULT and (twistd.get("nodaemon") or twistd.get("debug")):
        twistd["pidfile"] = ""
    elif path:
        _remove_stale(os.path.abspath(str(path)))


def _remove_stale(path: str) -> None:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            text = file.read(100).strip()
        written = os.stat(path).st_mtime
        if text and not asciitext.is_number(text):
            raise PidFileError(f"{path} holds no process number: name another file with twistd --pidfile")
        if not text or is_gone(int(text), written):  # it is empty if the machine crashed while it was written
            os.remove(path)
            return
    except FileNotFoundError:
        return
    except OSError as error:
        raise PidFileError(f"cannot read or remove {path}: {error.strerror}") from error
    raise PidFileError(f"{path} is of process {text}, which runs: stop it, or name another file with twistd --pidfile")
