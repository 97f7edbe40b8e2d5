"""
The file in which twistd keeps its process number, and which stops a start where it names any process that runs.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Any

from txsmtpx.command.process_number import is_gone
from txsmtpx.grammar import asciitext

DEFAULT = "twistd.pid"
"""The name that twistd gives it."""


class PidFileError(ValueError):
    """A pid file keeps a server from starting; the text names it."""


def prepare(twistd: MutableMapping[str, Any]) -> None:
    """
    See to it that a pid file of the past does not stop a start.

    In the foreground (``-n``) there is none, unless it is named: its shell or its supervisor knows the process, and two
    servers may run in one directory, or in one where nothing may be written.

    Args:
        twistd: The options of ``twistd``; those of ``twist`` name no such file.

    Raises:
        PidFileError: A server that runs has written it, or it is no pid file.
    """
    path = twistd.get("pidfile")
    if path == DEFAULT and (twistd.get("nodaemon") or twistd.get("debug")):
        twistd["pidfile"] = ""
    elif path:
        _remove_stale(os.path.abspath(path))


def _remove_stale(path: str) -> None:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            text = file.read(100).strip()
        written = os.stat(path).st_mtime
        if text and not asciitext.is_number(text):
            raise PidFileError(f"{path} holds no process number: name another file with twistd --pidfile")
        if not text or is_gone(int(text), written):  # it is empty where the machine went down while it was written
            os.remove(path)
            return
    except FileNotFoundError:
        return
    except OSError as error:
        raise PidFileError(f"cannot read or remove {path}: {error.strerror}") from error
    raise PidFileError(f"{path} is of process {text}, which runs: stop it, or name another file with twistd --pidfile")
