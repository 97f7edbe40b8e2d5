"""Each use of what Twisted keeps private of sockets: what it does, and that it is still needed."""

from __future__ import annotations

import errno
import os
import socket
import stat

import pytest
from twisted.internet import reactor, tcp, unix
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    UNIXClientEndpoint,
    connectProtocol,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory

from tests.wire.tls_link import tls_link
from txsmtpx.wire.twisted_socket_internals import (
    ImmediateTransport,
    accept_one,
    adopt_port,
    is_socket,
    keep_socket_open,
    send_plain,
    send_tls_at_once,
    tls_over,
    write_unbuffered,
)


class Greeting(Protocol):
    def connectionMade(self):
        self.transport.write(b"hello")
        self.transport.loseConnection()


class Listening(Protocol):
    """A client that hears it all."""

    def __init__(self):
        self.heard = b""
        self.done = Deferred()

    def dataReceived(self, data):
        self.heard += data

    def connectionLost(self, reason):
        self.done.callback(self.heard)


@pytest.fixture
def factory():
    made = Factory.forProtocol(Greeting)
    made.noisy = False
    return made


async def greeted(endpoint):
    client = await connectProtocol(endpoint, Listening())
    return await client.done


@pytest.mark.system
async def test_unix(tmp_path, factory):
    """Of several processes that share one, each may go without harm to the others."""
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(path))
        path.chmod(0o640)
        opened.listen()
        first = adopt_port(reactor, opened.fileno(), socket.AF_UNIX, factory)
        second = adopt_port(reactor, opened.fileno(), socket.AF_UNIX, factory)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert await greeted(UNIXClientEndpoint(reactor, str(path))) == b"hello"
        await first.stopListening()
        assert await greeted(UNIXClientEndpoint(reactor, str(path))) == b"hello"
        await second.stopListening()
        assert path.exists()


@pytest.mark.system
async def test_tcp(factory):
    with socket.create_server(("127.0.0.1", 0)) as opened:
        number = opened.getsockname()[1]
        first = adopt_port(reactor, opened.fileno(), socket.AF_INET, factory)
        second = adopt_port(reactor, opened.fileno(), socket.AF_INET, factory)
        assert first.getHost().port == second.getHost().port == number
        assert await greeted(TCP4ClientEndpoint(reactor, "127.0.0.1", number)) == b"hello"
        await first.stopListening()
        assert await greeted(TCP4ClientEndpoint(reactor, "127.0.0.1", number)) == b"hello"
        await second.stopListening()


@pytest.mark.system
@pytest.mark.parametrize(("adopt", "accepted"), [(adopt_port, 1), (reactor.adoptStreamPort, 5)])
async def test_one_connection_is_accepted_at_a_time(factory, adopt, accepted):
    """So one process of several does not get all that wait; a port of Twisted's own accepts them all."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        os.set_blocking(opened.fileno(), False)
        own = (reactor,) if adopt is adopt_port else ()
        port = adopt(*own, opened.fileno(), socket.AF_INET, factory)
        waiting = [socket.create_connection(opened.getsockname()) for _ in range(5)]
        port.stopReading()
        port.doRead()
        assert port.sessionno == accepted
        port.startReading()
        for each in waiting:
            each.close()
        await port.stopListening()


@pytest.mark.system
@pytest.mark.parametrize("kept", [True, False])
async def test_a_socket_that_is_kept_open_serves_others_when_its_port_stops(factory, kept):
    """Twisted shuts down the socket of a port that it has opened itself, for all that have it."""
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    number = port.getHost().port
    other = adopt_port(reactor, port.fileno(), socket.AF_INET, factory)
    if kept:
        keep_socket_open(port)
    await port.stopListening()
    if kept:
        assert await greeted(TCP4ClientEndpoint(reactor, "127.0.0.1", number)) == b"hello"
    else:
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", number)) == errno.ECONNREFUSED
    await other.stopListening()


@pytest.mark.system
async def test_a_unix_port_of_twisted_changes_the_mode_and_removes_the_path(tmp_path, factory):
    """What `AdoptedUNIXPort` does not do."""
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(path))
        path.chmod(0o640)
        opened.listen()
        port = unix.Port._fromListeningDescriptor(reactor, opened.fileno(), factory)
        port.startListening()
        assert stat.S_IMODE(path.stat().st_mode) == 0o666
        await port.stopListening()
        assert not path.exists()


class Watching:
    """A reactor that knows which descriptors are watched for writing."""

    def __init__(self):
        self.writers = set()

    def addWriter(self, writer):
        self.writers.add(writer)

    def removeWriter(self, writer):
        self.writers.discard(writer)

    def addReader(self, reader):
        """Nothing is read here."""

    removeReader = addReader


class Serving(tcp.Connection):
    """A connection of a server."""

    _tlsClientDefault = False


@pytest.fixture
def sockets():
    """A socket of Twisted, and the other end."""
    here, there = socket.socketpair()
    there.setblocking(False)
    connection = Serving(here, Protocol(), Watching())
    connection.connected = True
    yield connection, there
    here.close()
    there.close()


def test_a_socket_of_twisted_waits_for_the_reactor_and_send_plain_does_not(sockets):
    connection, there = sockets
    assert is_socket(connection)
    connection.write(b"later")
    assert connection.reactor.writers == {connection}
    connection.doWrite()
    assert there.recv(100) == b"later"
    assert send_plain(connection, b"now")
    assert there.recv(100) == b"now"
    assert not connection.reactor.writers


def test_a_wrapper_is_no_socket_though_it_shows_the_attributes_of_one(sockets):
    connection, _ = sockets
    wrapper = ProtocolWrapper(WrappingFactory(Factory()), Protocol())
    wrapper.transport = connection
    assert wrapper.writeSomeData == connection.writeSomeData
    assert not is_socket(wrapper)
    assert not is_socket(StringTransport())


def test_what_starttls_puts_above_a_socket(sockets, certificate):
    connection, _ = sockets
    connection.startTLS(certificate.creator)
    assert not send_plain(connection, b"in the clear")
    below = connection.protocol.transport
    tls = tls_over(connection)
    assert tls is connection.protocol
    assert isinstance(tls.transport, ImmediateTransport)
    assert tls.transport.getPeer == below.getPeer


def test_tls_from_the_first_octet(sockets, certificate):
    connection, there = sockets
    tls = TLSMemoryBIOFactory(certificate.creator, False, Factory.forProtocol(Protocol)).buildProtocol(None)
    tls.makeConnection(connection)
    send_tls_at_once(tls)
    tls.transport.write(b"encrypted")
    assert there.recv(100) == b"encrypted"
    in_memory = TLSMemoryBIOFactory(certificate.creator, False, Factory.forProtocol(Protocol)).buildProtocol(None)
    transport = StringTransport()
    in_memory.makeConnection(transport)
    send_tls_at_once(in_memory)
    assert in_memory.transport is transport


def test_tls_gathers_small_writes_and_write_unbuffered_does_not(certificate, pem):
    link = tls_link(certificate, pem)
    link.server.write(b"later\r\n")
    assert link.server_transport.stream == []
    assert link.replies() == ["later"]  # which is a turn of the reactor
    write_unbuffered(link.server, b"now\r\n")
    assert link.server_transport.stream != []
    assert link.replies() == ["now"]
    link.hang_up()


def test_a_port_accepts_one_connection_in_its_next_turn():
    accepted = []

    class Counted(Protocol):
        def connectionMade(self):
            accepted.append(self.transport)

    port = reactor.listenTCP(0, Factory.forProtocol(Counted), interface="127.0.0.1")
    clients = [socket.create_connection(("127.0.0.1", port.getHost().port), 5) for _ in range(3)]
    accept_one(port)
    port.doRead()
    assert len(accepted) == 1
    port.doRead()
    assert len(accepted) == 3  # the next turn may have more again
    for transport in accepted:
        transport.abortConnection()
    for client in clients:
        client.close()
    port.stopListening()
