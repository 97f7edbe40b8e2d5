"""``twistd -n smtpx`` as a process of its own, as an operator runs it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile

from tests import fork_server
from tests.waiting import PATIENCE, eventually
from txsmtpx.testing import Pem

COMMAND = [sys.executable, str(Path(sysconfig.get_path("scripts"), "twistd")), "-n", "--pidfile=", "smtpx"]

LOCAL = "tcp:0:interface=127.0.0.1"
"""Any free port."""

LISTENING = r"listening on (?:[^,\n]+, port (\d+)|UNIX socket (\S+))|(?:https?|pop3s?)://[^/\s]+:(\d+)\b"
"""A line of the log about a port: its number, or the path of a UNIX socket; or the number in the URL of a site."""

_ADOPT = (
    "import os, sys; descriptors = [int(each) for each in sys.argv[1].split(',')]\n"
    "for n, descriptor in enumerate(descriptors): os.dup2(descriptor, 3 + n)\n"
    "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(descriptors)))\n"
    "os.environ['LISTEN_FDNAMES'] = ':'.join(f'name{n}' for n in range(len(descriptors)))\n"
    "os.execv(sys.argv[2], sys.argv[2:])"
)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, with nothing in it that would show on a server."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONWARNINGS")}
    return kept | dict(extra or {})


def tls_options(pem: Pem) -> tuple[str, ...]:
    """The options that name a certificate."""
    return "--tls-certificate", str(pem.certificate), "--tls-key", str(pem.key)


class Twistd:
    """
    A running server.

    Attributes:
        process: The process.
    """

    def __init__(
        self,
        directory: Path,
        *options: str,
        extra: Mapping[str, str] | None = None,
        adopt: Sequence[socket.socket] = (),
        wrapper: Sequence[str] = (),
        before: Sequence[str] = (),
        command: Sequence[str] = COMMAND,
        log: str = "log",
        forked: bool = False,
    ) -> None:
        """
        Args:
            directory: Where it runs, and logs.
            wrapper: A command that runs what follows it.
            before: Options of ``twistd`` itself.
            adopt: Listening sockets, handed over as systemd does.
            command: What it is started by.
            log: The name of the file that it logs to.
            forked: Whether `tests.fork_server` starts it, where its start is not what is tested.
        """
        self._log = directory / log
        self._wrapped = bool(wrapper)
        descriptors = [each.fileno() for each in adopt]
        if adopt:
            wrapper = [sys.executable, "-c", _ADOPT, ",".join(map(str, descriptors))]
        with self._log.open("wb") as output:
            if forked and fork_server.AVAILABLE:
                assert not any((adopt, wrapper, before))
                self.process: subprocess.Popen[bytes] | fork_server.Forked = fork_server.start(
                    [*command[1:], *options], directory, environment(extra), output
                )
                return
            self.process = subprocess.Popen(
                [*wrapper, *command[:-1], *before, command[-1], *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=environment(extra),
                pass_fds=descriptors,
            )

    def __enter__(self) -> Twistd:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)

    @property
    def log(self) -> str:
        """All it has said so far."""
        return self._log.read_text(errors="replace")

    def logged(self, pattern: str, times: int = 1) -> list[str]:
        """Wait until ``pattern`` is in the log so often; what it found each time."""
        self.eventually(lambda: len(re.findall(pattern, self.log)) >= times)
        return re.findall(pattern, self.log)

    def eventually(self, true: Callable[[], object]) -> None:
        """Wait until something is ``true``, as long as it runs."""

        def look() -> object:
            assert self.process.poll() is None, self.log
            return true()

        eventually(look, lambda: self.log)

    def ports(self, number: int = 1) -> list[str]:
        """What it listens on: port numbers, and paths of UNIX sockets."""
        found = self.logged(LISTENING, number)
        return [next(filter(None, each)) for each in found]

    @property
    def port(self) -> int:
        """The first port."""
        return int(self.ports()[0])

    def connect(self, port: int | None = None) -> Telnet:
        return Telnet(socket.create_connection(("127.0.0.1", port or self.port), PATIENCE))

    def stop(self, number: int = signal.SIGTERM) -> bool:
        """Send a signal and wait for the end: whether it came in good order."""
        if not self._wrapped:
            self.eventually(lambda: self._catches(number))
        self.process.send_signal(number)
        return self.ended(number)

    def _catches(self, number: int) -> bool:
        """Whether it has a handler for the signal: the reactor installs it soon after the ports are in the log."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():  # not on Linux
            return True
        (caught,) = re.findall(r"^SigCgt:\s*([0-9a-f]+)$", status.read_text(), re.MULTILINE)
        return bool(int(caught, 16) >> (number - 1) & 1)

    def ended(self, number: int = signal.SIGTERM) -> bool:
        """Whether it has come to a good end: 0, or what a shell wants to see after Ctrl-C."""
        status = self.process.wait(2 * PATIENCE)  # more than the 30 seconds of --shutdown-timeout
        wanted = -number if number == signal.SIGINT else 0
        return status == wanted and "Server Shut Down." in self.log and "Traceback" not in self.log


class Telnet:
    """A client that types."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.settimeout(PATIENCE)
        self._file = connection.makefile("rb")

    def __enter__(self) -> Telnet:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()
        self.socket.close()

    def reply(self) -> str:
        """The last line of the next reply, "" when the server has hung up."""
        while True:
            line = self._file.readline().decode()
            if line[3:4] != "-":
                return line.rstrip("\r\n")

    def lines(self) -> list[str]:
        """All lines of the next reply."""
        lines = []
        while True:
            lines.append(self._file.readline().decode().rstrip("\r\n"))
            if lines[-1][3:4] != "-":
                return lines

    def say(self, *lines: str) -> None:
        self.socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def ask(self, line: str) -> str:
        self.say(line)
        return self.reply()


def run(
    directory: Path,
    *options: str,
    extra: Mapping[str, str] | None = None,
    twistd: Sequence[str] = ("-n", "--pidfile="),
    forked: bool = True,
) -> subprocess.CompletedProcess[str]:
    """
    Run it where it should end by itself.

    Args:
        twistd: Options of twistd.
        forked: Whether `tests.fork_server` starts it, where it has the usual environment.
    """
    command = [COMMAND[1], *twistd, COMMAND[-1], *options]
    if forked and not extra and fork_server.AVAILABLE:
        with TemporaryFile() as output, TemporaryFile() as errors:
            status = fork_server.start(command, directory, environment(), output, errors).wait(PATIENCE)
            said = []
            for file in (output, errors):
                file.seek(0)
                said.append(file.read().decode())
        return subprocess.CompletedProcess(command, status, *said)
    return subprocess.run(
        [sys.executable, *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=directory,
        env=environment(extra),
        timeout=PATIENCE,
        check=False,
    )
