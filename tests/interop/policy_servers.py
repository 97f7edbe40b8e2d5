"""postgrey, and the SPF checker for Postfix in Python, each on a socket of its own."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.interop import peers
from tests.waiting import PATIENCE, eventually


@contextlib.contextmanager
def postgrey(directory: Path, *options: str) -> Iterator[Path]:
    """
    Run postgrey, as root.

    Args:
        directory: Its files; the path is short enough for a socket.
        options: More options.

    Raises:
        FileNotFoundError: It is not installed.
    """
    path = directory / "postgrey.sock"
    own = [f"--unix={path}", f"--dbdir={directory}", f"--pidfile={directory}/pid", "--user=root", "--group=root"]
    with _running([peers.program("postgrey"), *own, *options], directory, path):
        yield path


@contextlib.contextmanager
def policyd_spf(directory: Path, name_server: str) -> Iterator[Path]:
    """
    Run policyd-spf, a process for each connection, as Postfix's spawn(8) does, and with a resolv.conf of its own.

    Args:
        directory: Its files; the path is short enough for a socket.
        name_server: The address of the name server that it asks.

    Raises:
        FileNotFoundError: It is not installed.
    """
    path = directory / "spf.sock"
    (directory / "resolv.conf").write_text(f"nameserver {name_server}\n")
    lines = [
        "debugLevel = 1",
        "TestOnly = 1",
        "HELO_reject = Fail",
        "Mail_From_reject = Fail",
        "skip_addresses = 192.0.2.99",
    ]
    (directory / "policyd-spf.conf").write_text("\n".join(lines) + "\n")
    activate = [peers.program("systemd-socket-activate"), f"--listen={path}", "--accept", "--inetd"]
    command = shlex.join([*activate, peers.program("policyd-spf"), f"{directory}/policyd-spf.conf"])
    mounted = f"mount --bind {directory}/resolv.conf /etc/resolv.conf && exec {command}"
    with _running([peers.program("unshare"), "--mount", "sh", "-c", mounted], directory, path):
        yield path


@contextlib.contextmanager
def _running(command: Sequence[str], directory: Path, path: Path) -> Iterator[None]:
    output = directory / "output"
    with open(output, "wb") as log:
        process = subprocess.Popen(
            command, cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        eventually(lambda: _listens(path) or process.poll() is not None, output.read_text)
        assert process.poll() is None, output.read_text()
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _listens(path: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        return True
    return False
