"""
Starts ``twistd`` as a copy of a process that has imported it, for tests in which its start is not what is tested.

To import Twisted and txsmtpx takes most of the processor time of a start.  This file is also the program that imports
them once for a process of the tests, without a reactor, and forks.  The copies are processes as any other, but for
their command line.  Tests of the command itself start it as an operator does.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import importlib
import json
import os
import resource
import runpy
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).parents[1]

IMPORTED = (
    "twisted.scripts.twistd", "twisted.internet.ssl", "txsmtpx.tap", "txsmtpx.backends.maildir",
    "txsmtpx.backends.memory", "txsmtpx.backends.relay", "txsmtpx.command.command_service", "txsmtpx.inbox.inbox_site",
    "txsmtpx.wire.epoll_reactor",
)  # fmt: skip
"""What most servers of the tests need; none of it installs a reactor."""

NETWORK = "/proc/thread-self/ns/net"
"""The network of a thread, which `tests.docs.network` changes."""

AVAILABLE = hasattr(os, "pidfd_open") and os.path.exists(NETWORK)

_LONGEST = 1 << 20
"""Octets of a request, more than Linux takes for a command line and its environment in tests."""


class Forked:
    """
    A process that `start` has made, with the methods of `subprocess.Popen` that tests use.

    Attributes:
        pid: Its number.
        returncode: How it has ended, None before.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.returncode: int | None = None
        self.pid = int(connection.recv(100))

    def poll(self) -> int | None:
        """Return how it has ended, None before."""
        with contextlib.suppress(TimeoutError, BlockingIOError):
            return self._ended(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """
        Wait for its end.

        Raises:
            subprocess.TimeoutExpired: It has not ended in time.
        """
        try:
            return self._ended(timeout)
        except TimeoutError:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0) from None

    def _ended(self, timeout: float | None) -> int:
        if self.returncode is None:
            self._connection.settimeout(timeout)
            self.returncode = int(self._connection.recv(100))
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Let it end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def start(
    command: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
    output: IO[bytes],
    errors: IO[bytes] | int = subprocess.STDOUT,
    stdin: IO[bytes] | None = None,
    new_session: bool = False,
) -> Forked:
    """
    Start a program.  It may have as many files as this process, and has the network of this thread.

    Args:
        command: The path of the program, which is written in Python, and its arguments.
        directory: Where it runs.
        environment: All of its environment; ``PYTHONPATH`` and other variables that Python reads when it starts are
            those of the tests.
        output: The file of its output.
        errors: The file of its errors, or its descriptor; ``subprocess.STDOUT``: that of its output.
        stdin: What it reads; None: nothing.
        new_session: Whether it leads a process group.

    Returns:
        The process.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    request = json.dumps([list(command), str(directory), dict(environment), files, new_session]).encode()
    errors = output if errors == subprocess.STDOUT else errors
    with theirs, open(os.devnull, "rb") as nothing, open(NETWORK, "rb") as network:
        given = [stdin or nothing, output, errors, network, theirs]
        socket.send_fds(_server(), [request], [each if isinstance(each, int) else each.fileno() for each in given])
    return Forked(ours)


@cache
def _server() -> socket.socket:
    """Start the program, which ends when this process does, and return what it gets requests by."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LONGEST)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONWARNINGS", None)
    with theirs:
        command = [sys.executable, __file__, str(theirs.fileno())]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


# The program


def _serve(control: socket.socket) -> NoReturn:
    """Fork for each request, and report the ends, until the tests have ended.  A copy becomes a program."""
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is control:
                    request, descriptors, _, _ = socket.recv_fds(control, _LONGEST, 5)
                    if not request:
                        sys.exit(0)
                    pid = os.fork()
                    if pid == 0:
                        # Otherwise these objects close descriptors of the program at its end, which have their numbers.
                        for registered in list(selector.get_map().values()):
                            if registered.data is not None:
                                registered.data[1].detach()
                        selector.close()
                        control.detach()
                        _become(request, *descriptors)
                    *others, reply = descriptors
                    for each in others:
                        os.close(each)
                    connection = socket.socket(fileno=reply)
                    connection.send(str(pid).encode())
                    selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, connection))
                else:
                    pid, connection = key.data
                    selector.unregister(key.fileobj)
                    os.close(key.fd)
                    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                    with contextlib.suppress(OSError):  # nobody waits for it
                        connection.send(str(status).encode())
                    connection.close()


def _become(request: bytes, *descriptors: int) -> NoReturn:
    """Be the program."""
    command, directory, environment, files, new_session = json.loads(request)
    if new_session:
        os.setsid()
    resource.setrlimit(resource.RLIMIT_NOFILE, files)
    *standard, network, _ = descriptors
    for number, descriptor in enumerate(standard):
        os.dup2(descriptor, number)
    if os.fstat(network).st_ino != os.stat(NETWORK).st_ino:
        ctypes.CDLL(None).setns(network, 0)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0] = os.path.dirname(command[0])
    sys.argv = command
    runpy.run_path(command[0], run_name="__main__")
    sys.exit(0)


if __name__ == "__main__":
    for name in IMPORTED:
        importlib.import_module(name)
    assert "twisted.internet.reactor" not in sys.modules
    _serve(socket.socket(fileno=int(sys.argv[1])))
