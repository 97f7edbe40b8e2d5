"""A server under measure, and the load generator at it."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.build import LOAD
from benchmarks.certificate import write_certificate
from benchmarks.process import MEASURED, MEASURING, PATIENCE, Running, running
from benchmarks.program import NotOffered, Program, Refused

_STATUS_NOT_OFFERED = 3


class Server:
    """
    One that runs.

    Attributes:
        process: Its process.
    """

    def __init__(self, process: Running, port: int) -> None:
        self.process = process
        self._port = port

    def take(self, options: str, messages: int, cores: Sequence[int] = MEASURING) -> dict[str, Any]:
        """
        Take messages from the load generator.

        Args:
            cores: Where that runs.

        Returns:
            What it has counted, and ``server``: the seconds of CPU they took here.

        Raises:
            NotOffered: The server does not offer what it needs.
            Refused: It did not take them all.
        """
        before = self.process.cpu
        run = subprocess.run(
            [LOAD, *options.split(), "--messages", str(messages), str(self._port)],
            capture_output=True,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        if run.returncode:
            raise (NotOffered if run.returncode == _STATUS_NOT_OFFERED else Refused)(run.stderr.strip())
        return self._since(before, run.stdout)

    @contextlib.contextmanager
    def held(self, options: str, directory: Path) -> Iterator[Held]:
        """Connections that the load generator holds open, as long as the context lasts."""
        command = [LOAD, *options.split(), "--hold", str(self._port)]
        with running(command, MEASURING, directory) as process:
            process.line()
            yield Held(self, process)

    def _since(self, before: float, counted: str) -> dict[str, Any]:
        return {**json.loads(counted), "server": self.process.cpu - before}


class Held:
    """Connections that are held open."""

    def __init__(self, server: Server, load: Running) -> None:
        self._server = server
        self._load = load

    def take(self, messages: int) -> dict[str, Any]:
        """Take messages on them, as `Server.take`; no connection is opened or closed meanwhile."""
        before = self._server.process.cpu
        return self._server._since(before, self._load.order(str(messages)))


@contextlib.contextmanager
def serving(program: Program, directory: Path, tls: str = "", cores: Sequence[int] = MEASURED) -> Iterator[Server]:
    """
    Run a server as long as the context lasts.

    Args:
        tls: The kind of key, for TLS from the start; "" for none.

    Raises:
        NotOffered: It has no TLS.
        Refused: It does not greet.
    """
    pem = None
    if tls:
        if not program.tls:
            raise NotOffered("it has no TLS")
        pem = directory / "server.pem"
        write_certificate(pem, tls)
    port = _free_port()
    with _many_files(), running(program.command(port, pem), cores, directory, quiet=True) as process:
        process.until(lambda: _greets(port, bool(tls)))
        if program.processes > 1:
            process.until(lambda: process.log.count(" is ready") >= program.processes)
        yield Server(process, port)


@contextlib.contextmanager
def _many_files() -> Iterator[None]:
    """A server has as many connections as the machine allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


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
