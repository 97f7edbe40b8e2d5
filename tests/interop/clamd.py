"""clamd, with a database of one line: it knows EICAR, and starts within seconds."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.interop import peers
from tests.ports import free_port
from tests.waiting import eventually

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""What every scanner takes for a virus.  It is in two parts, so that no scanner takes this file for one."""

VIRUS = "Eicar-Test-Signature.UNOFFICIAL"
"""Its name: clamd marks what is not of its own databases."""


@dataclass(frozen=True)
class Clamd:
    """Where clamd listens."""

    socket: Path
    port: int
    process: subprocess.Popen[bytes]


@contextlib.contextmanager
def clamd(directory: Path, *settings: str) -> Iterator[Clamd]:
    """
    Run clamd.

    Args:
        directory: Its files; the path is short enough for a socket.
        settings: More lines of clamd.conf.

    Raises:
        FileNotFoundError: It is not installed.
    """
    program = peers.program("clamd")
    path, port, output = directory / "clamd.sock", free_port(), directory / "log"
    (directory / "database").mkdir(exist_ok=True)
    (directory / "database/eicar.ndb").write_text(f"Eicar-Test-Signature:0:*:{EICAR.hex()}\n")
    lines = [
        "Foreground yes",
        f"DatabaseDirectory {directory}/database",
        f"LocalSocket {path}",
        "LocalSocketMode 666",
        f"TCPSocket {port}",
        "TCPAddr 127.0.0.1",
        "MaxThreads 2",
        *settings,
    ]
    (directory / "clamd.conf").write_text("\n".join(lines) + "\n")
    with open(output, "wb") as log:
        process = subprocess.Popen(
            [program, f"--config-file={directory}/clamd.conf"],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        eventually(lambda: _answers(path) or process.poll() is not None, output.read_text)
        assert process.poll() is None, output.read_text()
        yield Clamd(path, port, process)
    finally:
        process.terminate()
        process.wait()


def _answers(path: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(path))
        connection.sendall(b"zPING\0")
        return connection.recv(100) == b"PONG\0"
    return False
