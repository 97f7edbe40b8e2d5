"""What is written leaves at once where it can, and in order in any case."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator

import pytest
from twisted.internet.main import CONNECTION_DONE
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory

from txsmtpx.wire.outlet import writer


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


class Serving(Connection):
    """A connection that has come in, and may become secure."""

    _tlsClientDefault = False


class Socket:
    """One end of a connection and the socket at its other end."""

    def __init__(self) -> None:
        ours, self.peer = socket.socketpair()
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.peer.setblocking(False)
        self.reactor = Watched()
        self.transport = Serving(ours, Protocol(), self.reactor)
        self.transport.connected = True

    def write(self, octets: bytes) -> None:
        """Send octets to the other end."""
        writer(self.transport)(octets)

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
            over = self.transport.doWrite()
            got += self.read()
            if over is not None:
                break
        return got


@pytest.fixture
def link() -> Iterator[Socket]:
    link = Socket()
    yield link
    link.peer.close()
    link.transport.socket.close()


def test_what_the_socket_takes_needs_no_turn_of_the_reactor(link):
    link.write(b"250 2.0.0 Ok\r\n")
    assert not link.reactor.writers
    assert link.read() == b"250 2.0.0 Ok\r\n"


def test_what_it_does_not_take_is_queued_and_nothing_overtakes_it(link):
    written = [bytes([65 + n]) * 30_000 for n in range(8)]
    for octets in written:
        link.write(octets)
    assert link.reactor.writers == [link.transport]
    beginning = link.read()
    link.write(b"the end")  # the socket has room again; what is queued comes first
    assert beginning + link.read_to_end() == b"".join(written) + b"the end"


def test_at_once_again_when_the_queue_is_empty(link):
    link.write(b"A" * 300_000)
    assert len(link.read_to_end()) == 300_000
    link.write(b"B")
    assert not link.reactor.writers
    assert link.read() == b"B"


def test_a_socket_that_is_gone_is_for_the_transport_to_find(link):
    link.peer.close()
    link.write(b"250 2.0.0 Ok\r\n")
    link.write(b"250 2.0.0 Ok\r\n")
    assert link.reactor.writers == [link.transport]


def test_a_socket_that_closes_is_left_to_the_transport(link):
    link.transport.loseConnection()
    link.write(b"221 2.0.0 Bye\r\n")
    assert link.reactor.writers == [link.transport]
    assert link.read() == b""
    assert link.transport.doWrite() is CONNECTION_DONE
    assert link.read() == b"221 2.0.0 Bye\r\n"


class Client:
    """The other end of a link that speaks TLS; octets go through a socket."""

    def __init__(self, link: Socket) -> None:
        self.link = link
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing)
        self.over = False

    def shake_hands(self) -> None:
        """To the end, but what the server says to that is still queued."""
        for _ in range(10):
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self.pass_on()
                self._incoming.write(self.link.read_to_end())
            else:
                break
        else:
            raise AssertionError("the handshake has no end")
        self.pass_on()

    def say(self, octets: bytes) -> None:
        """Something inside TLS."""
        self._tls.write(octets)
        self.pass_on()

    def pass_on(self) -> None:
        """What we say reaches the server."""
        if self._outgoing.pending:
            self.link.peer.send(self._outgoing.read())
            self.link.transport.doRead()

    def hear(self, octets: bytes) -> bytes:
        """``octets`` from the socket, decrypted."""
        self._incoming.write(octets)
        heard = b""
        with contextlib.suppress(ssl.SSLWantReadError):
            while more := self._tls.read(1 << 20):
                heard += more
            self.over = True  # it was said that nothing more comes
        return heard


class Talker(Protocol):
    """Answers what it hears."""

    answer = b""

    def write(self, octets: bytes) -> None:
        """Send octets to the other end."""
        writer(self.transport)(octets)

    def dataReceived(self, data: bytes) -> None:
        self.write(self.answer)


@pytest.fixture(params=["from the start", "STARTTLS"])
def secured(request, link, certificate) -> tuple[Talker, Client]:
    """Who talks inside TLS, and who hears it."""
    talker, transport = Talker(), link.transport
    if request.param == "STARTTLS":
        talker.makeConnection(transport)
        transport.protocol = talker
        transport.startTLS(certificate.creator)
    else:
        wrapper = TLSMemoryBIOFactory(certificate.creator, False, Factory.forProtocol(lambda: talker))
        transport.protocol = wrapper.buildProtocol(None)
        transport.protocol.makeConnection(transport)
    return talker, Client(link)


def test_inside_tls_no_turn_of_the_reactor_is_needed(secured, link):
    talker, client = secured
    client.shake_hands()
    client.hear(link.read_to_end())
    for number in range(3):
        talker.write(b"250 %d\r\n" % number)
        assert not link.reactor.writers
        assert client.hear(link.read()) == b"250 %d\r\n" % number


def test_the_end_of_the_handshake_is_not_overtaken(secured, link):
    """A hello comes before the reactor has had a turn to send what TLS says to the end of the handshake."""
    talker, client = secured
    talker.answer = b"250 hello\r\n"
    client.shake_hands()
    client.say(b"EHLO client.example\r\n")
    assert client.hear(link.read_to_end()) == talker.answer


def test_what_the_socket_does_not_take_is_not_overtaken_inside_tls(secured, link):
    talker, client = secured
    client.shake_hands()
    client.hear(link.read_to_end())
    written = [bytes([65 + n]) * 30_000 for n in range(8)]
    for octets in written:
        talker.write(octets)
    assert link.reactor.writers == [link.transport]
    beginning = link.read()
    talker.write(b"the end")
    assert client.hear(beginning + link.read_to_end()) == b"".join(written) + b"the end"
    talker.write(b"at once again")
    assert client.hear(link.read()) == b"at once again"


def test_tls_says_farewell_and_nothing_after(secured, link):
    talker, client = secured
    client.shake_hands()
    client.hear(link.read_to_end())
    talker.write(b"221 bye\r\n")
    talker.transport.loseConnection()
    talker.write(b"too late\r\n")
    assert client.hear(link.read_to_end()) == b"221 bye\r\n"
    assert client.over


def test_what_is_no_socket_is_written_to():
    transport = StringTransport()
    writer(transport)(b"250 2.0.0 Ok\r\n")
    assert transport.value() == b"250 2.0.0 Ok\r\n"
