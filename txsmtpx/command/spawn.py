"""
How a worker is started: the program is executed anew, with the listening sockets of its parent.

A fork of a running reactor would share its epoll descriptor, its threads and its timers.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from twisted.internet.interfaces import IReactorProcess

from txsmtpx.command import worker_main
from txsmtpx.command.handover import VARIABLE, Handover, Socket
from txsmtpx.command.sockets import Sockets
from txsmtpx.command.workers import COMMANDS, Worker

_SYSTEMD_FIRST = 3
"""SD_LISTEN_FDS_START of sd_listen_fds(3)."""


class Spawn:
    """
    Start workers.  The parent creates it before it becomes a daemon and changes its directory.

    Args:
        sockets: The reactor, with the sockets that were opened for workers.
        arguments: The command line after ``twistd smtpx``.
        inherit_log: True if workers write to the standard output of the parent themselves.
        reactor: The short name of the reactor that workers run, None for the usual one.
        certificates: Self-signed certificates with their keys, which workers get through a pipe; b"" for none.
    """

    def __init__(
        self,
        sockets: Sockets,
        arguments: Sequence[str],
        inherit_log: bool,
        reactor: str | None,
        certificates: bytes = b"",
    ) -> None:
        self._certificates = certificates
        self._sockets = sockets
        self._arguments = list(arguments)
        self._inherit_log = inherit_log
        self._reactor = reactor
        self._directory = os.getcwd()
        self._systemd = _systemd()

    def __call__(self, worker: Worker) -> object:
        """
        Start the process of a worker.

        Args:
            worker: Its protocol, which has a transport then.

        Returns:
            The process.
        """
        sockets, descriptors = self._mapped()
        status = max(descriptors, default=_SYSTEMD_FIRST) + 1
        output: dict[int, int | str] = {1: 1, 2: 2} if self._inherit_log else {1: "r", 2: "r"}
        certificates = status + 1 if self._certificates else None
        handover = Handover(
            worker.number,
            sockets,
            status,
            not self._inherit_log,
            self._reactor,
            tuple(map(os.path.abspath, sys.path)),
            certificates,
        )
        with contextlib.ExitStack() as stack:
            if certificates is not None:
                descriptors[certificates] = stack.enter_context(_filled_pipe(self._certificates))
            return cast(IReactorProcess, self._sockets).spawnProcess(
                worker,
                sys.executable,
                [sys.executable, "-P", str(Path(worker_main.__file__)), *self._arguments],
                env={**os.environ, **self._systemd, VARIABLE: handover.to_text()},
                # After twistd --rundir, relative paths in the options mean what they meant before.
                path=self._directory if self._directory != os.getcwd() else None,
                childFDs={COMMANDS: "w", **output, **descriptors, status: "r"},
            )

    def _mapped(self) -> tuple[tuple[Socket, ...], dict[int, int]]:
        """Return the sockets as a worker has them, and its descriptors; those of systemd keep their numbers."""
        sockets, descriptors = [], {}
        free = _SYSTEMD_FIRST + int(self._systemd.get("LISTEN_FDS", 0))
        for socket in self._sockets.shared:
            kind, _, place = socket.place.partition(":")
            number = int(place) if kind == "descriptor" else free
            free += kind != "descriptor"
            descriptors[number] = socket.descriptor
            sockets.append(Socket(socket.place, socket.family, number))
        return tuple(sockets), descriptors


@contextlib.contextmanager
def _filled_pipe(octets: bytes) -> Iterator[int]:
    """
    Open a pipe that holds octets, for a worker to read.

    Yields:
        The descriptor to read from.

    Raises:
        OSError: The octets are more than the pipe holds: 65,536 on Linux.
    """
    reading, writing = os.pipe()
    try:
        with open(writing, "wb", buffering=0) as pipe:
            os.set_blocking(writing, False)
            if pipe.write(octets) != len(octets):
                raise OSError(errno.EMSGSIZE, "the self-signed certificates of all domains are too long for a pipe")
        yield reading
    finally:
        os.close(reading)


def _systemd() -> dict[str, str]:
    """Return the variables of systemd (sd_listen_fds(3)), which Twisted has removed from ``os.environ``."""
    try:
        octets = Path("/proc/self/environ").read_bytes()
    except OSError:  # there is no /proc, and so no systemd
        return {}
    found = dict(each.split("=", 1) for each in os.fsdecode(octets).split("\0") if each.startswith("LISTEN_"))
    return found if found.get("LISTEN_PID") == str(os.getpid()) else {}
