"""ClamAV's daemon looks at what our server receives."""

from __future__ import annotations

import base64
import contextlib
import smtplib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor

from tests.interop import clamd
from tests.interop.conftest import need
from tests.waiting import eventually
from txsmtpx import FilterBackend, MemoryBackend
from txsmtpx.filters.clamd import Clamd
from txsmtpx.testing import MailServer

LIMIT = 1024 * 1024
"""StreamMaxLength."""


@pytest.fixture(scope="module")
def daemon(room: Callable[[str], Path]) -> Iterator[clamd.Clamd]:
    need("clamd")
    with clamd.clamd(room("clamd"), "StreamMaxLength 1M") as running:
        yield running


@pytest.fixture
def server(daemon: clamd.Clamd) -> Iterator[Callable[..., MailServer]]:
    """Makes a server that asks it."""
    with contextlib.ExitStack() as stack:

        def make(endpoint: str = "", **how: Any) -> MailServer:
            def backend(reactor: object) -> FilterBackend:
                where = endpoint or f"unix:{daemon.socket}"
                return FilterBackend(MemoryBackend(), Clamd(where, reactor=reactor, **how), reactor=reactor)

            return stack.enter_context(MailServer(backend))

        yield make


def send(server: MailServer, *lines: bytes, declared: int | None = None) -> tuple[int, bytes]:
    """The reply to the data."""
    header = [
        b"From: me@example.org",
        b"To: you@example.net",
        b"Subject: Lunch",
        b"Date: Mon, 03 Aug 2026 12:00:00 +0000",
    ]
    with smtplib.SMTP(server.host, server.port) as client:
        client.ehlo()
        client.mail("a@client.example", [f"SIZE={declared}"] if declared else [])
        client.rcpt("b@localhost")
        return client.data(b"\r\n".join([*header, *(lines or (b"", b"Hello")), b""]))


def attached(content: bytes) -> list[bytes]:
    return [
        b"MIME-Version: 1.0",
        b'Content-Type: multipart/mixed; boundary="x"',
        b"",
        b"--x",
        b'Content-Type: application/octet-stream; name="a.com"',
        b"Content-Transfer-Encoding: base64",
        b"",
        base64.b64encode(content),
        b"--x--",
    ]


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_a_virus_is_refused(server: Callable[..., MailServer], daemon: clamd.Clamd, kind: str) -> None:
    ours = server(f"unix:{daemon.socket}" if kind == "unix" else f"tcp:127.0.0.1:{daemon.port}")
    assert send(ours)[0] == 250
    for lines in ([b"", clamd.EICAR], attached(clamd.EICAR)):
        code, text = send(ours, *lines)
        assert (code, text.decode()) == (550, f"5.7.1 Message rejected, since it has a virus: {clamd.VIRUS}")
    assert len(ours.backend.backend.messages) == 1


def test_a_large_message_is_scanned_to_its_end(server: Callable[..., MailServer]) -> None:
    ours = server()
    filling = (b"x" * 70, *[b"x" * 900] * 1000)
    assert send(ours, b"", *filling)[0] == 250
    assert send(ours, b"", *filling, clamd.EICAR)[0] == 550


@pytest.mark.parametrize("limit", ["ours", "that of clamd"])
@pytest.mark.parametrize(("too_large", "code"), [("accept", 250), ("reject", 552)])
def test_a_message_that_is_too_large(server: Callable[..., MailServer], limit: str, too_large: str, code: int) -> None:
    ours = server(max_octets=LIMIT if limit == "ours" else 25 * LIMIT, too_large=too_large)
    for _ in range(5):
        assert send(ours, b"", *[b"x" * 900] * 5000, clamd.EICAR)[0] == code
    assert send(ours, b"", clamd.EICAR, declared=2 * LIMIT)[0] == 550


def test_a_virus_is_discarded(server: Callable[..., MailServer]) -> None:
    ours = server(found="discard")
    assert send(ours, b"", clamd.EICAR)[0] == 250
    assert ours.backend.backend.messages == []


def test_clamd_dies_within_a_message(room: Callable[[str], Path], server: Callable[..., MailServer]) -> None:
    """The client is deferred, not accepted, and accepted when clamd is back."""
    need("clamd")
    directory = room("clamd-killed")
    with clamd.clamd(directory) as daemon:
        ours = server(f"unix:{daemon.socket}")
        with smtplib.SMTP(ours.host, ours.port) as client:
            client.ehlo()
            client.mail("a@client.example")
            client.rcpt("b@localhost")
            client.docmd("DATA")
            client.send(b"Subject: Lunch\r\n\r\n" + (b"x" * 900 + b"\r\n") * 100)
            eventually(lambda: _is_connected(daemon))
            daemon.process.kill()
            daemon.process.wait()
            client.send(b"Hello\r\n.\r\n")
            assert client.getreply()[0] == 451
    assert send(ours)[0] == 451
    with clamd.clamd(directory):
        assert send(ours)[0] == 250
        assert send(ours, b"", clamd.EICAR)[0] == 550


def _is_connected(daemon: clamd.Clamd) -> bool:
    """Whether clamd has a connection on its socket, besides the one it listens on."""
    lines = Path("/proc/net/unix").read_text().splitlines()
    return sum(line.endswith(f" {daemon.socket}") for line in lines) > 1


async def test_the_check_names_the_version(daemon: clamd.Clamd) -> None:
    assert (await Clamd(f"unix:{daemon.socket}", reactor=reactor).check()).startswith("ClamAV ")
