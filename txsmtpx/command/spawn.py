"""
How a worker is started: executed anew, not forked from a running reactor, with the listening sockets of its parent.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from txsmtpx.command import birth
from txsmtpx.command.handover import VARIABLE, Handover
from txsmtpx.command.sockets import Socket, Sockets
from txsmtpx.command.workers import COMMANDS, Worker

_SYSTEMD_FIRST = 3
"""SD_LISTEN_FDS_START of sd_listen_fds(3)."""


class Spawn:
    """
    Starts workers; made before the process becomes a daemon and changes its directory.

    Args:
        sockets: The reactor, and what was opened with it.
        arguments: Of ``twistd smtpx``.
        inherit_log: Whether workers write to our standard output themselves.
        reactor: The short name of the one they are to run.
    """

    def __init__(self, sockets: Sockets, arguments: Sequence[str], inherit_log: bool, reactor: str | None) -> None:
        self._sockets = sockets
        self._arguments = list(arguments)
        self._inherit_log = inherit_log
        self._reactor = reactor
        self._directory = os.getcwd()
        self._systemd = _systemd()

    def __call__(self, worker: Worker) -> object:
        """Start one."""
        sockets, descriptors = self._mapped()
        status = max(descriptors, default=_SYSTEMD_FIRST) + 1
        log: Any = {1: 1, 2: 2} if self._inherit_log else {1: "r", 2: "r"}
        handover = Handover(
            worker.number, sockets, status, not self._inherit_log, self._reactor, tuple(map(os.path.abspath, sys.path))
        )
        return self._sockets.spawnProcess(
            worker,
            sys.executable,
            [sys.executable, "-P", str(Path(birth.__file__)), *self._arguments],
            env={**os.environ, **self._systemd, VARIABLE: handover.written()},
            # As twistd --rundir would have it: what the options name is relative to where they were said.
            path=self._directory if self._directory != os.getcwd() else None,
            childFDs={COMMANDS: "w", **log, **descriptors, status: "r"},
        )

    def _mapped(self) -> tuple[tuple[Socket, ...], dict[int, int]]:
        """The sockets as a worker has them; those of systemd have the numbers they always had."""
        sockets, descriptors = [], {}
        free = _SYSTEMD_FIRST + int(self._systemd.get("LISTEN_FDS", 0))
        for socket in self._sockets.shared:
            kind, _, place = socket.place.partition(":")
            number = int(place) if kind == "descriptor" else free
            free += kind != "descriptor"
            descriptors[number] = socket.descriptor
            sockets.append(Socket(socket.place, socket.family, number))
        return tuple(sockets), descriptors


def _systemd() -> dict[str, str]:
    """What systemd said of its sockets (sd_listen_fds(3)), before Twisted removed it from the environment."""
    try:
        octets = Path("/proc/self/environ").read_bytes()
    except OSError:  # no systemd either
        return {}
    found = dict(each.split("=", 1) for each in os.fsdecode(octets).split("\0") if each.startswith("LISTEN_"))
    return found if found.get("LISTEN_PID") == str(os.getpid()) else {}
