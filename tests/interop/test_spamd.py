"""SpamAssassin's daemon looks at what our server takes."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop import peers
from tests.interop.conftest import need
from tests.ports import free_port
from tests.waiting import eventually
from txsmtpx import FilterBackend, MemoryBackend
from txsmtpx.filters.spamd import Spamd
from txsmtpx.testing import MailServer

# What every SpamAssassin takes for spam: https://spamassassin.apache.org/gtube/
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


def letter(*lines: bytes) -> bytes:
    header = [b"From: me@example.org", b"To: you@example.net", b"Subject: Lunch", b"Message-ID: <1@example.org>"]
    return b"\r\n".join([*header, b"Date: Mon, 03 Aug 2026 12:00:00 +0000", b"", *lines, b""])


@pytest.fixture(scope="module")
def spamd(room: Callable[[str], Path]) -> Iterator[int]:
    """The port of the daemon."""
    need("spamd")
    with running_spamd(room("spamd")) as port:
        yield port


@contextlib.contextmanager
def running_spamd(directory: Path) -> Iterator[int]:
    """Run the daemon, with tests that need no network; this is its port."""
    port = free_port()
    command = [peers.program("spamd"), "--local", "--nouser-config", "--listen=127.0.0.1", f"--port={port}"]
    command += ["--max-children=1", "--min-children=1", "--syslog=stderr", f"--helper-home-dir={directory}"]
    with open(directory / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        eventually(lambda: answers(port) or process.poll() is not None, lambda: (directory / "log").read_text())
        assert process.poll() is None, (directory / "log").read_text()
        yield port
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(b"PING SPAMC/1.2\r\n\r\n")
        return b"PONG" in connection.recv(100)
    return False


@pytest.fixture
def server(spamd: int) -> Iterator[Callable[..., MailServer]]:
    """Makes a server that asks it."""
    with contextlib.ExitStack() as stack:

        def make(**how: Any) -> MailServer:
            def backend(reactor: object) -> FilterBackend:
                return FilterBackend(MemoryBackend(), Spamd(f"tcp:127.0.0.1:{spamd}", reactor=reactor, **how))

            return stack.enter_context(MailServer(backend))

        yield make


def send(server: MailServer, message: bytes) -> None:
    with smtplib.SMTP(server.host, server.port, timeout=30) as client:
        client.sendmail("me@example.org", ["you@example.net"], message)


def test_marks(server: Callable[..., MailServer]) -> None:
    marking = server()
    send(marking, letter(b"At noon?"))
    send(marking, letter(GTUBE))
    ham, spam = (each.message for each in marking.messages)
    assert ham["X-Spam-Flag"] is None
    assert ham["X-Spam-Status"].startswith("No, score=")
    assert spam["X-Spam-Flag"] == "YES"
    assert spam["X-Spam-Status"].startswith("Yes, score=100")
    assert spam["Subject"] == "Lunch"


@pytest.mark.parametrize("mark", [True, False])
def test_refusals(server: Callable[..., MailServer], mark: bool) -> None:
    refusing = server(reject_at=100, mark=mark)
    send(refusing, letter(b"At noon?"))
    with pytest.raises(smtplib.SMTPDataError) as raised:
        send(refusing, letter(GTUBE))
    assert (raised.value.smtp_code, raised.value.smtp_error) == (550, b"5.7.1 Message rejected as spam")
    assert len(refusing.messages) == 1


def test_a_big_message(server: Callable[..., MailServer]) -> None:
    """It goes through a pipe that is smaller than it."""
    line = b"All work and no play makes Jack a dull boy."
    big = letter(*[line] * 12_000)
    marking = server(max_octets=2 * len(big))
    send(marking, big)
    (message,) = marking.messages
    assert message.content.endswith(big)
    assert message.message["X-Spam-Status"].startswith("No, score=")
