"""Programs under measure: each in a process of its own, pinned to a core, and what it has used of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.build import LOAD

SERVER_CORE, LOAD_CORE = 0, 1

PATIENCE = 20.0
"""Seconds for a server to greet, or to end."""


class Refused(Exception):
    """The load generator did not get the replies that it expects."""


class NotOffered(Exception):
    """The server does not offer what the case needs."""


class Running:
    """A server that runs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    @property
    def cpu(self) -> float:
        """Seconds of CPU that it and its children have used, to the nanosecond where /proc has but ticks."""
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self.pids)  # as clock_getcpuclockid(3) makes it

    @property
    def pids(self) -> list[int]:
        """It and all its descendants."""
        found = [self.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, task.read_text().split())
        return found


@contextlib.contextmanager
def serving(
    command: Sequence[str], port: int, log: Path, tls: bool, cores: Sequence[int] = (SERVER_CORE,)
) -> Iterator[Running]:
    """
    Run a server as long as the context lasts.

    @param log: where its output goes.
    @raise TimeoutError: it does not greet; with what it has said.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
            start_new_session=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not _greets(port, tls):
            if process.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError(f"{' '.join(command)} does not greet\n{log.read_text(errors='replace')}")
            time.sleep(0.02)
        yield Running(process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def _greets(port: int, tls: bool) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        if tls:
            return True
        with connection.makefile("rwb") as stream:
            if stream.readline().startswith(b"220"):
                stream.write(b"QUIT\r\n")
                stream.flush()
                return stream.readline().startswith(b"221")
    return False


def load(port: int, options: str, messages: int) -> dict[str, Any]:
    """
    Run the load generator to its end.

    @return: what it has counted.
    @raise Refused: a reply was not the expected one.
    """
    command = [str(LOAD), *options.split(), "--messages", str(messages), str(port)]
    run = subprocess.run(
        command, capture_output=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, [LOAD_CORE])
    )
    if run.returncode:
        raise (NotOffered if run.returncode == 3 else Refused)(run.stderr.strip())
    counted: dict[str, Any] = json.loads(run.stdout)
    return counted


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
