"""Programs that run beside a test, and waiting for what they do."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.fork_server import Forked
from tests.waiting import PATIENCE, eventually

Address = int | Path
"""A TCP port of 127.0.0.1, or the path of a UNIX socket."""


@dataclass
class Running:
    """A program that runs, or has run."""

    process: subprocess.Popen[bytes] | Forked
    log: Path

    @property
    def text(self) -> str:
        """What it has logged so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def end(self) -> str:
        """The last of it."""
        return "".join(self.text.splitlines(keepends=True)[-40:])

    def logged(self, pattern: str) -> re.Match[str]:
        """Wait for it to log what ``pattern`` matches."""
        return eventually(lambda: re.search(pattern, self.text), lambda: f"nothing like {pattern!r} in\n{self.end}")


def running(
    command: Sequence[str | Path], directory: Path, ready: Address, log: Path | None = None, **popen: Any
) -> contextlib.AbstractContextManager[Running]:
    """
    Run a mail server as long as the context lasts.

    Args:
        directory: Where it runs, and where its output goes.
        ready: Where it greets when it is ready.
        log: The file it logs to, where that is not its output.
    """

    def start(file: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command, cwd=directory, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True, **popen
        )

    return started(start, str(command[0]), directory, ready, log)


@contextlib.contextmanager
def started(
    start: Callable[[IO[bytes]], subprocess.Popen[bytes] | Forked],
    name: str,
    directory: Path,
    ready: Address,
    log: Path | None = None,
) -> Iterator[Running]:
    """
    Run a mail server as `running` does.

    Args:
        start: Starts it, with this file for its output; it leads a process group.
        name: Its name in errors.
    """
    output = directory / "output"
    with open(output, "wb") as file:
        process = start(file)
    program = Running(process, log or output)
    try:
        eventually(
            lambda: process.poll() is not None or greets(ready),
            lambda: f"{name} does not greet at {ready}\n{output.read_text()}\n{program.end}",
        )
        if process.poll() is not None:
            raise ChildProcessError(f"{name} has ended\n{output.read_text()}\n{program.end}")
        yield program
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes] | Forked) -> None:
    """End the program, and all that it has started, for it leads a process group of its own."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def greets(address: Address) -> bool:
    """Whether a mail server says at ``address`` that it is ready; it is left with QUIT."""
    with contextlib.suppress(OSError), _connected(address) as connection:
        connection.settimeout(PATIENCE)
        with connection.makefile("rwb") as stream:
            if stream.readline().startswith(b"220 "):
                stream.write(b"QUIT\r\n")
                stream.flush()
                return stream.readline().startswith(b"221 ")
    return False


def _connected(address: Address) -> socket.socket:
    if isinstance(address, int):
        return socket.create_connection(("127.0.0.1", address), PATIENCE)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(address))
    except OSError:
        connection.close()
        raise
    return connection
