"""A server under measure, and the load generator at it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.build import LOAD
from benchmarks.process import MEASURED, MEASURING, PATIENCE, Running, running
from benchmarks.program import NotOffered, Program, Refused

_STATUS_NOT_OFFERED = 3


class Server:
    """
    One that runs.

    @ivar process: its process.
    """

    def __init__(self, process: Running, port: int) -> None:
        self.process = process
        self._port = port

    def command(self, options: str, messages: int) -> list[str]:
        """How the load generator is called."""
        return [str(LOAD), *options.split(), "--messages", str(messages), str(self._port)]

    def take(self, options: str, messages: int) -> dict[str, Any]:
        """
        Take messages from the load generator.

        @return: what it has counted, and C{server}: the seconds of CPU they took here.
        @raise NotOffered: the server does not offer what it needs.
        @raise Refused: it did not take them all.
        """
        before = self.process.cpu
        run = subprocess.run(
            self.command(options, messages),
            capture_output=True,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, MEASURING),
        )
        if run.returncode:
            raise (NotOffered if run.returncode == _STATUS_NOT_OFFERED else Refused)(run.stderr.strip())
        counted: dict[str, Any] = json.loads(run.stdout)
        return {**counted, "server": self.process.cpu - before}


@contextlib.contextmanager
def serving(program: Program, directory: Path, pem: Path | None, cores: Sequence[int] = MEASURED) -> Iterator[Server]:
    """
    Run a server as long as the context lasts.

    @param pem: certificate and key for TLS from the start, None for none.
    @raise NotOffered: it has no TLS.
    @raise Refused: it does not greet.
    """
    if pem and not program.tls:
        raise NotOffered("it has no TLS")
    port = _free_port()
    with running(program.command(port, pem), cores, directory, quiet=True) as process:
        process.until(lambda: _greets(port, pem is not None))
        yield Server(process, port)


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


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
