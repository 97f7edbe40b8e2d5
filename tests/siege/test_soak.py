"""
A soak: message after message, of mixed sizes, by every way there is, and cut after cut; the memory stays where it was.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.siege.besieged import KIB, MIB, Besieged
from tests.siege.client import Client
from tests.siege.load import Load
from tests.siege.scale import scale
from tests.siege.test_vanish import BODY, reset

WAYS = ("plain", "plain+pipelined", "tls+pipelined", "tls+chunked")

MESSAGES = scale(4_000, 400_000)
"""To both servers, by all ways together."""

PARTS = scale(2, 10)
"""After each the memory is looked at."""

HELD = 2
"""Directories of the Maildir that stay open: ``tmp`` and ``new``."""

MAY_GROW = 0.05
"""After the first part."""


class Emptied:
    """A Maildir that is emptied while it fills; how many messages there were."""

    def __init__(self, maildir: Path) -> None:
        self.messages = 0
        self._new = maildir / "new"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Emptied:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()
        self._empty()

    def _work(self) -> None:
        while not self._over.wait(0.5):
            self._empty()

    def _empty(self) -> None:
        with contextlib.suppress(FileNotFoundError):  # it has not been made yet
            for path in self._new.iterdir():
                path.unlink()
                self.messages += 1


@contextlib.contextmanager
def servers(directory: Path, options: tuple[str, ...]) -> Iterator[tuple[Besieged, Besieged]]:
    """One of SMTP, that throws away what it gets, and one of LMTP with a Maildir."""
    (directory / "smtp").mkdir()
    (directory / "lmtp").mkdir()
    with (
        Besieged(directory / "smtp", "--backend", "null", *options) as smtp,
        Besieged(directory / "lmtp", "--lmtp", "--backend", "maildir:Maildir", *options) as lmtp,
    ):
        yield smtp, lmtp


def send(smtp: Besieged, lmtp: Besieged, first: int, messages: int) -> int:
    """Let all ways have their part; how many messages were acknowledged."""
    each = messages // (2 * len(WAYS))
    with (
        Load(smtp.port, first, each, *WAYS, reconnect=250) as one,
        Load(lmtp.port, first, each, *[f"lmtp+{way}" for way in WAYS], reconnect=250) as other,
    ):
        return len(one.over()) + len(other.over())


def test_soak(directory, with_tls, figures):
    with servers(directory, with_tls) as both, Emptied(directory / "lmtp" / "Maildir") as emptied:
        smtp, lmtp = both
        descriptors = [listening(smtp), listening(lmtp) + HELD]
        began, sent, memory = time.monotonic(), 0, []
        for part in range(PARTS):
            sent += send(*both, part * MESSAGES // PARTS, MESSAGES // PARTS)
            memory.append([settled(*each) for each in zip(both, descriptors, strict=True)])
        rate = sent / (time.monotonic() - began)
        assert all(server.stop() for server in both)
    assert sent == MESSAGES
    assert emptied.messages == MESSAGES // 2
    for name, resident in zip(("SMTP", "LMTP to a Maildir"), zip(*memory, strict=True), strict=True):
        each = ", ".join(f"{octets / MIB:.1f}" for octets in resident)
        figures.add(f"soak, {name}, {MESSAGES // 2} messages", f"MiB resident, after each of {PARTS} parts: {each}")
        assert resident[-1] <= resident[0] * (1 + MAY_GROW)
    figures.add("soak, SMTP and LMTP together", f"{rate:.0f} messages a second")


def listening(server: Besieged) -> int:
    """The descriptors of a server that is ready: it greets, for when it logs its port its reactor does not run yet."""
    with server.connect() as client:
        assert client.reply()[:3] == "220"
        return server.descriptors - 1


def settled(server: Besieged, descriptors: int) -> int:
    """The octets of memory of a server that has nothing to do; and it has the descriptors that it had."""
    assert server.within(10, lambda: server.descriptors == descriptors)
    return server.resident


CUTS = scale(100, 600)
"""Three times, for the memory of a process grows by leaps: what is kept of each cut is kept each time."""

WARM_UP = scale(300, 800)
"""Cuts before the memory is looked at: what Python and OpenSSL keep for reuse has grown by then."""

MAY_KEEP = 300
"""Octets of each cut."""

NOISE = scale(256 * KIB, 0)
"""What the memory of a process differs by, which is little beside so many cuts."""

NEXT = "NEXT"

BACKENDS = {
    "null": ["null"],
    "log": ["log"],
    "memory": ["memory"],
    "maildir": ["maildir:Maildir"],
    "relay": [f"relay:{NEXT}", "--relay-domain", "localhost"],
    "lmtp": [f"lmtp:{NEXT}", "--relay-domain", "localhost"],
    "middleware": ["tests.siege.middleware.backend"],
}

PARTS_OF_MESSAGES = [b"DATA\r\n" + BODY, b"BDAT 1000\r\n" + BODY, b"BDAT 2\r\nhi" * 10, b"DATA\r\n" + BODY * 2000]


def cut(port: int, number: int, tls: bool) -> None:
    """A message that ends before its end, by an orderly close or by none."""
    client = Client(port, tls=tls)
    client.envelope()
    with contextlib.suppress(ConnectionError):
        client.socket.sendall(PARTS_OF_MESSAGES[number % len(PARTS_OF_MESSAGES)])
    client.file.close()
    if number // len(PARTS_OF_MESSAGES) % 2:
        reset(client.socket)
    else:
        client.socket.close()


CASES = [(name, tls) for name in BACKENDS for tls in (False, True)]

SHORT = [("memory", False), ("memory", True), ("maildir", True), ("relay", True), ("middleware", True)]
"""Those of the ordinary tests, which have little time."""


@pytest.mark.parametrize(("name", "tls"), scale(SHORT, CASES))
def test_cuts_within_messages(directory, with_tls, figures, name, tls):
    lmtp = ["--lmtp"] if name == "lmtp" else []
    (directory / "next").mkdir()
    with contextlib.ExitStack() as stack:
        options = BACKENDS[name]
        if NEXT in options[0]:
            behind = stack.enter_context(Besieged(directory / "next", "--backend", "null", *lmtp))
            options = [options[0].replace(NEXT, f"tcp:127.0.0.1:{behind.port}"), *options[1:]]
        server = stack.enter_context(Besieged(directory, "--backend", *options, *with_tls))
        port, before = server.port, server.descriptors
        for number in range(WARM_UP):
            cut(port, number, tls)
        kept = []
        for _ in range(3):
            memory = server.resident
            for number in range(CUTS):
                cut(port, number, tls)
            assert server.within(20, lambda: server.descriptors <= before + 12)  # a relay keeps connections
            kept.append(server.resident - memory)
        assert "Traceback" not in server.log
        assert server.stop()
    way = "TLS" if tls else "plain"
    figures.add(
        f"interrupted messages, {way}, {name}", f"{max(min(kept), 0) / CUTS:.0f} octets kept for each of {CUTS}"
    )
    assert min(kept) <= CUTS * MAY_KEEP + NOISE
