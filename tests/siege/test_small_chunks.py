"""Messages in pieces of two octets: they take as much memory as their octets, and no more work than their pieces."""

from __future__ import annotations

import contextlib
import threading

import pytest

from tests.siege.besieged import KIB, MIB, Besieged
from tests.siege.client import Client
from tests.siege.scale import scale
from txsmtpx.dialog.message import HIGH_WATER

CHUNKS = scale(10_000, 125_000)
"""Of two octets each."""

BACKENDS = {
    "null": ["null"],
    "log": ["log"],
    "memory": ["memory"],
    "maildir": ["maildir:Maildir"],
    "relay": ["relay:NEXT", "--relay-domain", "localhost"],
    "middleware": ["tests.siege.middleware.backend"],
}

NOISE = 2 * MIB
"""What the memory of a process differs by."""


def crumbs(client: Client, times: int) -> None:
    """A message of so many chunks, whose header has no end, as fast as it is taken."""
    client.envelope()
    octets = b"BDAT 2\r\nX:BDAT 2\r\ny\r" + b"BDAT 2\r\n\nXBDAT 2\r\n:y" * ((times - 2) // 2) + b"BDAT 0 LAST\r\n"
    writing = threading.Thread(target=client.socket.sendall, args=[octets])
    writing.start()
    for _ in range(octets.count(b"BDAT")):
        client.expect(b"250")
    writing.join()


@pytest.mark.parametrize("name", BACKENDS)
def test_chunks_of_two_octets(directory, figures, name):
    (directory / "next").mkdir()
    with contextlib.ExitStack() as stack:
        options = BACKENDS[name]
        if name == "relay":
            behind = stack.enter_context(Besieged(directory / "next", "--backend", "null"))
            options = [f"relay:tcp:127.0.0.1:{behind.port}", *options[1:]]
        server = stack.enter_context(Besieged(directory, "--backend", *options, "--max-message-bytes", str(MIB)))
        client = stack.enter_context(Client(server.port))
        crumbs(client, 1000)
        memory, processor = server.resident, server.processor
        crumbs(client, CHUNKS)
        each = (server.processor - processor) / CHUNKS
        grown = server.resident - memory
        assert server.stop()
    figures.add(
        f"{CHUNKS} chunks of 2 octets, {name}",
        f"{each * 1e6:.0f} microseconds of processor time each, memory {grown / MIB:+.1f} MiB",
    )
    assert grown < 4 * 2 * CHUNKS + NOISE
    assert each < 50e-6


@pytest.mark.parametrize("begin", ["BDAT 2", "DATA"])
def test_what_nobody_reads(directory, figures, begin):
    """It stops at the high-water mark, and what is held there takes little more than its octets."""
    with Besieged(directory, "--backend", "tests.siege.misbehaving.backend") as server, Client(server.port) as client:
        client.envelope(b"data-never@localhost")
        if begin == "DATA":
            client.ask(b"DATA\r\n", b"354")
        memory, taken = server.resident, 0
        client.socket.settimeout(1)
        piece = b"BDAT 2\r\nhi" * 100 if begin != "DATA" else b"hi" * 1000
        with contextlib.suppress(TimeoutError):
            while taken < 64 * MIB:
                taken += client.socket.send(piece)
        grown = server.resident - memory
        assert taken < 64 * MIB
    figures.add(f"a message that the backend does not read, by {begin}", f"memory {grown / KIB:+.0f} KiB")
    assert grown < 4 * HIGH_WATER + NOISE
