"""
A page, acted out from its top to its end in a directory of its own, with real programs.

Its ports are those that are printed, in a network of its own, or other ones where there is none.  What is below
``/srv`` and ``/run`` is below its directory.  A command that does not end by itself serves; it has come up when a port
or a socket of the page answers that did not before.  It lives until the end of the page, or until a command listens
where it does.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.docs.block import Block
from tests.docs.namespace import Namespace
from tests.docs.programs import check_file
from tests.docs.telnet import alike, play
from tests.ports import free_port
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
PAUSE = 0.02
SETTLING = 0.3
"""Seconds in which what has begun to serve on one port does so on its others."""

# A small number is a port only where nothing else can be meant.
_PORT = re.compile(
    r"(?<![\w.-])(?:1025|1026|1027|2024|2525|2526|2527|4650|5870|8025|8080|9125)(?![\w.])"
    r"|(?:(?<=:)|(?<=port )|(?<=port = )|(?<=localhost )|(?<=localhost\", ))(?:25|24|465|587)(?![\w.:])"
)
_SOCKET = re.compile(r"unix:([\w./-]+)")
_LISTENS = re.compile(r"--(?:port|tls-port|web|metrics) (\S+)|^port = (.+)$", re.MULTILINE)
_ELSEWHERE = re.compile(r"(?<![\w.])/(?=(?:srv|run/txsmtpx)/)")


@dataclass
class Serving:
    """
    A command that serves.

    Attributes:
        places: The ports and sockets that answer since it does.
    """

    command: str
    process: subprocess.Popen[bytes]
    output: Path
    places: set[int | Path]

    def stop(self) -> str:
        """
        Stop it.

        Returns:
            What there is to complain of.
        """
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            eventually(lambda: not self._lives(), seconds=PATIENCE)
        except TimeoutError:
            os.killpg(self.process.pid, signal.SIGKILL)
            return f"{self.command}: it does not stop"
        said = self.output.read_text(errors="replace")
        return f"{self.command}\n{said}" if "Traceback" in said or "Unhandled" in said else ""

    def _lives(self) -> bool:
        """It, or what it has started: make does not wait for what it runs."""
        self.process.poll()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 0)
            return True
        return False


class Story:
    """
    What has happened on a page so far.

    Attributes:
        as_printed: Whether its ports are.
    """

    def __init__(self, directory: Path, as_printed: bool = False) -> None:
        self.directory = directory
        self.as_printed = as_printed
        self._ports: dict[str, int] = {}
        self._sockets: set[Path] = set()
        self._serving: list[Serving] = []
        self._namespace: Namespace | None = None
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"])
        self.environment = os.environ | {
            "PATH": path,
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "error::SyntaxWarning",
        }

    def tell(self, block: Block) -> None:
        """
        Do what a block says.

        Raises:
            AssertionError: It is not as the page says.
        """
        text = self.at_home(block.text)
        if block.name:
            self._write(block, text)
        elif block.language == "python":
            self._namespace = self._namespace or Namespace(self.directory, self.environment)
            self._namespace.run(text, str(block), block.line)
        elif block.language == "shell":
            for command in commands(text):
                self.run(command)
        elif block.language == "console":
            self._converse(text)
        else:
            raise AssertionError(f"{block}: nobody runs a block of {block.language!r}")

    def at_home(self, text: str) -> str:
        """With ports that are free; they and its sockets are remembered."""

        def here(match: re.Match[str]) -> str:
            if match[0] not in self._ports:
                self._ports[match[0]] = int(match[0]) if self.as_printed else free_port()
            return str(self._ports[match[0]])

        text = _ELSEWHERE.sub(f"{self.directory}/", _PORT.sub(here, text))
        self._sockets |= {self.directory / path for path in _SOCKET.findall(text)}
        return text

    def _write(self, block: Block, text: str) -> None:
        file = self.directory / (Path(block.name).name if block.name.startswith("/") else block.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        check_file(file, self.environment)

    def run(self, command: str) -> str:
        """
        Run a command until it ends or serves.

        Returns:
            What it has said.
        """
        self._make_room(command)
        before = self._answering()
        output = self.directory / f".output{len(list(self.directory.glob('.output*')))}"
        with output.open("wb") as file:
            process = subprocess.Popen(
                ["bash", "-c", command],
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        seen, since = before, time.monotonic()
        while process.poll() is None and not (seen - before and time.monotonic() - since > SETTLING):
            if time.monotonic() > deadline:
                os.killpg(process.pid, signal.SIGKILL)
                raise AssertionError(f"{command}: it neither ends nor serves\n{output.read_text()}")
            time.sleep(PAUSE)
            if (now := self._answering()) != seen:
                seen, since = now, time.monotonic()
        if process.poll() is None:
            self._serving.append(Serving(command, process, output, seen - before))
        else:
            assert process.returncode == 0, f"{command}\n{output.read_text()}"
        return output.read_text()

    def _make_room(self, command: str) -> None:
        """What listens where this command will is over."""
        files = [self.directory / word for word in command.split() if word.endswith(".toml")]
        said = "\n".join([command, *(file.read_text(encoding="utf-8") for file in files)])
        wanted = " ".join(word for words in _LISTENS.findall(said) for word in words)
        for each in list(self._serving):
            if any(re.search(rf"(?<!\w){re.escape(str(place))}(?!\w)", wanted) for place in each.places):
                self._serving.remove(each)
                assert not (complaint := each.stop()), complaint

    def _answering(self) -> set[int | Path]:
        """The ports and sockets of the page that take connections."""
        ports = {port for port in self._ports.values() if _answers(lambda port=port: _to_port(port))}
        return ports | {path for path in self._sockets if _answers(lambda path=path: _to_socket(path))}

    def _converse(self, text: str) -> None:
        """A block of a terminal: telnet, or commands with what they print."""
        for command, lines in sessions(text):
            if telnet := re.fullmatch(r"telnet (\S+) (\d+)", command):
                play(
                    lambda host=telnet[1], port=int(telnet[2]): socket.create_connection((host, port), PATIENCE), lines
                )
            elif command.startswith("grep "):  # the server writes its log within 100 milliseconds
                eventually(
                    lambda command=command, lines=lines: alike("\n".join(lines), self._search(command)),
                    lambda command=command: command,
                )
            else:
                said = self.run(command).splitlines()
                assert alike("\n".join(lines), "\n".join(said)), f"{command}\n" + "\n".join(said)

    def _search(self, command: str) -> str:
        """Return what a command prints that may find nothing."""
        done = subprocess.run(["bash", "-c", command], cwd=self.directory, env=self.environment, stdout=subprocess.PIPE)
        return "\n".join(done.stdout.decode().splitlines())

    def end(self) -> None:
        """Stop what serves; all of it has to end without complaint."""
        if self._namespace:
            self._namespace.end()
        complaints = [each.stop() for each in reversed(self._serving)]
        assert not any(complaints), "\n".join(complaints)


def commands(text: str) -> list[str]:
    """The commands of a block of shell: one a line, or several with a backslash between."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def sessions(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each command after ``$``, and the lines below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, rest = part.partition("\n")
        yield command, rest.splitlines()


def _answers(connect: Callable[[], socket.socket]) -> bool:
    with contextlib.suppress(OSError), connect() as connection:
        # To a port where nobody listens, a connection may come to be with itself.
        return connection.getsockname() != connection.getpeername()
    return False


def _to_port(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


def _to_socket(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        raise
    return connection
