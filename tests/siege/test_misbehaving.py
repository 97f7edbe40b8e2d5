"""Backends that do what backends should not: nobody else notices, and the connection goes on."""

from __future__ import annotations

import re
import socket
import time

import pytest

from tests.siege.besieged import MIB, Besieged
from tests.siege.client import Client, Refused
from tests.siege.misbehaving import BLOCKED, LATE
from tests.siege.scale import scale
from tests.siege.test_vanish import reset
from txsmtpx.wire.ending import LAST_ANSWER_TIMEOUT

BACKEND = ("--backend", "tests.siege.misbehaving.backend")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One for all of them, so that each finds it as the others have left it."""
    with Besieged(tmp_path_factory.mktemp("server"), *BACKEND, "--delivery-timeout", "0.5") as server:
        with Client(server.port) as client:
            server.quiet = server.descriptors - 1
            client.quit()
        yield server
        assert "a secret" not in "".join(re.findall(" S: .*", server.log))
        server.process.terminate()
        assert server.process.wait(20) == 0


def begin(client: Client, how: str) -> None:
    """Say all that goes before the backend misbehaves."""
    client.ask(b"MAIL FROM:<a@client.example>\r\n")
    rcpt = b"RCPT TO:<%s@localhost>\r\n" % how.encode()
    if how.startswith("rcpt"):
        client.socket.sendall(rcpt)
    else:
        client.ask(rcpt)
        client.ask(b"DATA\r\n", b"354")
        client.socket.sendall(b"hi\r\n.\r\n")


@pytest.mark.parametrize("when", ["rcpt", "data"])
@pytest.mark.parametrize("how", ["raises", "nonsense", "late-failure"])
def test_it_fails(server, when, how):
    with Client(server.port) as client:
        for _ in range(3):
            begin(client, f"{when}-{how}")
            with pytest.raises(Refused, match=r"^451 4\.3\.0 Local error in processing"):
                client.expect(b"250")
            client.ask(b"RSET\r\n")
        client.send(b"hi\r\n")


@pytest.mark.parametrize("when", ["rcpt", "data"])
def test_it_never_answers(server, when):
    with Client(server.port) as client, Client(server.port) as other:
        begin(client, f"{when}-never")
        other.send(b"hi\r\n")
        if when == "data":
            with pytest.raises(Refused, match=r"^451 4\.4\.7 Delivery took too long"):
                client.expect(b"250")
            client.send(b"hi\r\n")


@pytest.mark.parametrize("goes", [reset, socket.socket.close], ids=["reset", "closed"])
@pytest.mark.parametrize("how", ["never", "late", "late-failure"])
def test_it_answers_when_the_peer_has_gone(server, how, goes):
    """One that has closed its socket is not known to have gone before a time-out, or a write."""
    number = scale(30, 1000)
    with Client(server.port) as patient:
        assert server.within(LAST_ANSWER_TIMEOUT + 5, lambda: server.descriptors == server.quiet + 1)
        memory = server.resident
        for count in range(number):
            client = Client(server.port)
            begin(client, f"{('rcpt', 'data')[count % 2]}-{how}")
            client.file.close()
            goes(client.socket)
        assert server.within(LAST_ANSWER_TIMEOUT + 5, lambda: server.descriptors == server.quiet + 1)
        time.sleep(LATE + 0.1)
        patient.send(b"hi\r\n")
        assert server.resident - memory < 8 * MIB
    for complaint in ("Unhandled", "AlreadyCalled"):
        assert complaint not in server.log


@pytest.mark.parametrize("when", ["rcpt", "data"])
def test_it_blocks_the_reactor(server, when):
    with Client(server.port) as client, Client(server.port) as other:
        began = time.monotonic()
        begin(client, f"{when}-blocks")
        other.send(b"hi\r\n")
        client.expect(b"250")
        assert BLOCKED <= time.monotonic() - began < BLOCKED + 5
        other.send(b"hi\r\n")
