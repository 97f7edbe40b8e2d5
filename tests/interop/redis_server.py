"""A real Redis for a test, which can be killed, restarted and stopped."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hiredis

from tests.interop import peers
from tests.waiting import eventually


class RedisServer:
    """
    A Redis that listens on a UNIX socket.

    Args:
        directory: Where it runs; its path is short enough for a socket.
        options: Further options of its command line.
    """

    def __init__(self, directory: Path, *options: str) -> None:
        self.socket = directory / "redis.sock"
        self._directory = directory
        self._options: Sequence[str] = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Its endpoint."""
        return f"unix:{self.socket}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [peers.program("redis-server"), "--port", "0", "--unixsocket", str(self.socket), "--save", ""]
        with open(self._directory / "log", "ab") as log:
            self._process = subprocess.Popen(
                [*command, "--dir", str(self._directory), *self._options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        eventually(self._answers, lambda: (self._directory / "log").read_text())

    def command(self, *words: str) -> str:
        """Run a command, and return the first line of the answer."""
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.settimeout(10)
            connection.connect(str(self.socket))
            octets = [f"${len(word)}\r\n{word}\r\n" for word in words]
            connection.sendall(f"*{len(words)}\r\n{''.join(octets)}".encode())
            with connection.makefile("rb") as lines:
                return lines.readline().decode().rstrip()

    def ask(self, *words: str | bytes) -> Any:
        """Run a command, and return the answer."""
        octets = [word.encode() if isinstance(word, str) else word for word in words]
        reader = hiredis.Reader()
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.settimeout(10)
            connection.connect(str(self.socket))
            connection.sendall(hiredis.pack_command(tuple(octets)))
            while (answer := reader.gets()) is False:
                received = connection.recv(65536)
                if not received:
                    raise ConnectionError("no answer")
                reader.feed(received)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def entries(self, stream: str = "mail") -> list[dict[str, bytes]]:
        """The entries of a stream."""
        found = self.ask("XRANGE", stream, "-", "+")
        return [dict(zip(map(bytes.decode, words[::2]), words[1::2], strict=True)) for _, words in found]

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._directory / "log").read_text()
        with contextlib.suppress(OSError):
            return self.command("PING").startswith(("+PONG", "-NOAUTH"))
        return False

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill it, and wait for its end; also if it is stopped."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self.socket.unlink(missing_ok=True)
