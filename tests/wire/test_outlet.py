"""What is written leaves at once where it can, and in order in any case."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport

from txsmtpx.wire.outlet import Outlet


class Watched:
    """A reactor that knows who wants to write."""

    def __init__(self) -> None:
        self.writers: list[object] = []

    def addWriter(self, writer: object) -> None:
        self.writers = [writer]

    def removeWriter(self, writer: object) -> None:
        self.writers = []

    def addReader(self, reader: object) -> None:
        """Nothing is read here."""

    removeReader = addReader


class Socket:
    """One end of a connection and the socket at its other end."""

    def __init__(self) -> None:
        ours, self.peer = socket.socketpair()
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.peer.setblocking(False)
        self.reactor = Watched()
        self.transport = Connection(ours, Protocol(), self.reactor)
        self.transport.connected = True
        self.outlet = Outlet(self.transport)

    def read(self) -> bytes:
        """All that has arrived."""
        try:
            return self.peer.recv(1 << 20)
        except BlockingIOError:
            return b""

    def read_to_end(self) -> bytes:
        """All there is, while the reactor does its part."""
        got = self.read()
        while self.reactor.writers:
            self.transport.doWrite()
            got += self.read()
        return got


@pytest.fixture
def link() -> Iterator[Socket]:
    link = Socket()
    yield link
    link.peer.close()
    link.transport.socket.close()


def test_what_the_socket_takes_needs_no_turn_of_the_reactor(link):
    link.outlet.write(b"250 2.0.0 Ok\r\n")
    assert not link.reactor.writers
    assert link.read() == b"250 2.0.0 Ok\r\n"


def test_what_it_does_not_take_is_queued_and_nothing_overtakes_it(link):
    written = [bytes([65 + n]) * 30_000 for n in range(8)]
    for octets in written:
        link.outlet.write(octets)
    assert link.reactor.writers == [link.transport]
    beginning = link.read()
    link.outlet.write(b"the end")  # the socket has room again; what is queued comes first
    assert beginning + link.read_to_end() == b"".join(written) + b"the end"


def test_at_once_again_when_the_queue_is_empty(link):
    link.outlet.write(b"A" * 300_000)
    assert len(link.read_to_end()) == 300_000
    link.outlet.write(b"B")
    assert not link.reactor.writers
    assert link.read() == b"B"


def test_a_socket_that_is_gone_is_for_the_transport_to_find(link):
    link.peer.close()
    link.outlet.write(b"250 2.0.0 Ok\r\n")
    link.outlet.write(b"250 2.0.0 Ok\r\n")
    assert link.reactor.writers == [link.transport]


def test_inside_tls_the_socket_is_left_alone(link):
    written = []
    link.transport.TLS = True
    link.transport.write = written.append
    link.outlet.write(b"250 2.0.0 Ok\r\n")
    assert written == [b"250 2.0.0 Ok\r\n"]
    assert link.read() == b""


def test_what_is_no_socket_is_written_to():
    transport = StringTransport()
    Outlet(transport).write(b"250 2.0.0 Ok\r\n")
    assert transport.value() == b"250 2.0.0 Ok\r\n"
