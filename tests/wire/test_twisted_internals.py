"""
Each use of what Twisted keeps private: that it does what the docstring says, and that it is still needed.

Where the package does the work of a function of Twisted in another way, there is a digest of that function: when
Twisted changes it, the change has to be read.
"""

from __future__ import annotations

import ast
import errno
import hashlib
import inspect
import os
import select
import socket
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable

import pytest
from OpenSSL import SSL
from twisted.internet import _sslverify, main, reactor, tcp, unix
from twisted.internet._newtls import ConnectionMixin, startTLS
from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    UNIXClientEndpoint,
    clientFromString,
    connectProtocol,
)
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.ssl import (
    AcceptableCiphers,
    Certificate,
    CertificateOptions,
    PrivateCertificate,
    trustRootFromCertificates,
)
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import globalLogPublisher
from twisted.protocols.haproxy import proxyEndpoint
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from txsmtpx.testing import Link
from txsmtpx.wire.handshake import tls_connection
from txsmtpx.wire.twisted_internals import (
    HAProxyProtocolWrapper,
    IOpenSSLTrustRoot,
    convert_proxy_wrapper,
    endpoint_host,
    set_tls_defaults,
    sole_observer,
    tcp_destination,
    tls_protocol,
    unix_path,
)
from txsmtpx.wire.twisted_socket_internals import (
    ImmediateTransport,
    adopt_port,
    close_waker,
    dispatch_events,
    is_socket,
    keep_socket_open,
    send_plain,
    send_tls_at_once,
    tls_over,
    write_unbuffered,
)

# ---- What Twisted's own functions do


def digest(function: Callable[..., object]) -> str:
    """Of the code of a function, without its docstring, its comments and its annotations."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
        elif isinstance(node, ast.arg):
            node.annotation = None
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:16]


READ: dict[Callable[..., object], set[str]] = {
    tcp.Port.startListening: {"21e36d4da985bedc", "9a6de5355afbe78d"},
    tcp.Port.doRead: {"00d51359f4d3df05", "f83e1375d35d43bf"},
    tcp.Port._fromListeningDescriptor: {"7944ed7872ce1914"},
    unix.Port.startListening: {"24bc7ffa41ab2f4a", "c3d2517ecbdb898d"},
    unix.Port.connectionLost: {"e4f551c526c0bce0", "b9b15fa85ee665ed"},
    unix.Port._fromListeningDescriptor: {"b554bda9c4a409be"},
    tcp.Connection.writeSomeData: {"0eadf1630626ffee"},
    FileDescriptor.write: {"f54a3cd9f21d701b"},
    FileDescriptor.doWrite: {"59d5e53f857a62d1"},
    ConnectionMixin.write: {"4a31a6b47db063a1"},
    startTLS: {"78b03a01fa4d141c"},
    TLSMemoryBIOProtocol.write: {"4d91ba95c973b0b9"},
    HAProxyProtocolWrapper.dataReceived: {"d557f2e599ed8263"},
    HAProxyProtocolWrapper.getPeer: {"d8a2809189f744a8"},
    HAProxyProtocolWrapper.getHost: {"fb749c5670a4cbc0"},
}
"""Functions that the package replaces or builds on, with the digests of those that were read: 24.11, 25.5 and 26.10."""


@pytest.mark.parametrize("function", READ, ids=lambda function: function.__qualname__)
def test_a_function_that_is_replaced_has_been_read(function):
    assert digest(function) in READ[function], "Twisted has changed it: read it, mend ours, and write the digest here"


# ---- Listening sockets


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


# ---- Client endpoints


@pytest.mark.parametrize("host", ["mail.example", "192.0.2.1", "2001:db8::1"])
def test_where_an_endpoint_string_connects_to(host):
    quoted = host.replace(":", r"\:")
    endpoint = clientFromString(reactor, f"tcp:{quoted}:2525:timeout=7:bindAddress=198.51.100.1")
    destination = tcp_destination(endpoint)
    assert destination[:3] == (host, 2525, 7)
    assert destination.bind_address in ("198.51.100.1", ("198.51.100.1", 0))
    assert endpoint_host(endpoint) == host
    assert unix_path(endpoint) is None


@pytest.mark.parametrize("kind", [TCP4ClientEndpoint, TCP6ClientEndpoint, HostnameEndpoint])
def test_the_host_of_an_endpoint(kind):
    assert endpoint_host(kind(reactor, "mail.example", 25)) == "mail.example"


def test_an_endpoint_that_is_not_twisteds_has_no_host():
    assert endpoint_host(object()) == ""
    assert unix_path(object()) is None


@pytest.mark.parametrize("path", ["/run/lmtp", ""])
def test_the_path_of_an_endpoint(path):
    endpoint = clientFromString(Clock(), f"unix:path={path}")
    assert unix_path(endpoint) == path
    assert endpoint_host(endpoint) == ""


# ---- Contexts of TLS


def tls_link(certificate, pem) -> Link:
    """A connection whose TLS is complete."""
    clock = Clock()
    server = TLSMemoryBIOFactory(certificate, False, Factory.forProtocol(Protocol), clock).buildProtocol(None)
    link = Link(server, clock, tls=pem.client_options())
    assert link.replies() == []
    return link


def test_the_defaults_of_tls_are_those_that_were_set(monkeypatch, pem):
    """Whoever makes a context from a certificate only, as the parsers of endpoint strings do, gets them."""
    contexts: list[SSL.Context] = []
    monkeypatch.setattr(_sslverify, "defaultCiphers", _sslverify.defaultCiphers)
    if hasattr(_sslverify, "setupForALPN"):
        monkeypatch.setattr(_sslverify, "setupForALPN", _sslverify.setupForALPN)
    suite = "ECDHE-RSA-AES128-GCM-SHA256"
    ciphers = AcceptableCiphers.fromOpenSSLCipherString(suite)
    set_tls_defaults(ciphers, lambda context, protocols: contexts.append(context))
    own = PrivateCertificate.loadPEM(pem.key.read_bytes() + pem.certificate.read_bytes())
    context = CertificateOptions(privateKey=own.privateKey.original, certificate=own.original).getContext()
    assert contexts == [context] * hasattr(_sslverify, "setupForALPN")
    before = [name for name in SSL.Connection(context, None).get_cipher_list() if not name.startswith("TLS_")]
    assert before == [suite]


def test_what_is_trusted_has_the_type_that_is_named(pem):
    root = trustRootFromCertificates([Certificate.loadPEM(pem.certificate.read_bytes())])
    assert IOpenSSLTrustRoot.providedBy(root)


def test_the_protocol_of_a_connection_is_found_from_openssl(certificate, pem):
    link = tls_link(certificate, pem)
    expected = link.server if hasattr(_sslverify, "setupForALPN") else None
    assert tls_protocol(tls_connection(link.server)) is expected
    link.hang_up()


# ---- The wrapper of the PROXY protocol


class Converted(HAProxyProtocolWrapper):
    """What a wrapper is converted to."""

    def dataReceived(self, data):
        self.wrappedProtocol.dataReceived(data.swapcase())


class Port:
    """An endpoint that remembers what listens."""

    def listen(self, factory):
        self.factory = factory


class Silent(Protocol):
    def dataReceived(self, data):
        self.data = data


def test_the_wrapper_of_an_endpoint_can_be_converted():
    port, inner = Port(), Silent()
    proxyEndpoint(port).listen(Factory.forProtocol(lambda: inner))
    wrapper = port.factory.buildProtocol(None)
    wrapper.makeConnection(StringTransport())
    assert inner.connected, "Twisted waits for the header now: docs/upstream"
    between = ProtocolWrapper(WrappingFactory(Factory()), Protocol())
    between.transport = inner.transport
    assert convert_proxy_wrapper(between, Converted) is wrapper
    assert type(wrapper) is Converted
    wrapper.dataReceived(b"Hello")
    assert inner.data == b"hELLO"


def test_there_may_be_no_wrapper():
    assert convert_proxy_wrapper(StringTransport(), Converted) is None
    assert convert_proxy_wrapper(None, Converted) is None


# ---- Writes that do not wait for the reactor


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


# ---- The reactors


@implementer(IReadDescriptor)
class Reading:
    """One end of a pair of sockets that a reactor watches."""

    def __init__(self, read):
        self.end, self.other = socket.socketpair()
        self._read = read
        self.lost = None

    def fileno(self):
        return self.end.fileno()

    def logPrefix(self):
        return "test"

    def doRead(self):
        self.end.recv(100)
        return self._read(self)

    def connectionLost(self, reason):
        self.lost = reason


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="there is no epoll here")
def test_events_of_epoll_reach_the_object_that_waits():
    from twisted.internet.epollreactor import EPollReactor

    assert digest(EPollReactor.doPoll) == "63d8cd39bc3446b4", "see test_a_function_that_is_replaced_has_been_read"
    made = EPollReactor()
    seen = []
    waiting = [Reading(seen.append), Reading(seen.append), Reading(lambda _: main.CONNECTION_LOST)]
    for each in waiting:
        made.addReader(each)
    dispatch_events(made, 0)
    assert seen == []
    for each in waiting[::2]:
        each.other.send(b"x")
    dispatch_events(made, None)
    assert seen == waiting[:1]
    assert waiting[2].lost.check(ConnectionLost)
    assert set(waiting) & set(made.getReaders()) == set(waiting[:2])
    made.removeAll()
    close_waker(made)
    made._poller.close()
    for each in waiting:
        each.end.close()
        each.other.close()


def test_a_reactor_that_has_stopped_leaves_no_descriptor_open():
    before = set(os.listdir("/dev/fd"))
    made = SelectReactor()
    assert len(os.listdir("/dev/fd")) > len(before), "Twisted opens it later now"
    made.removeAll()
    close_waker(made)
    assert set(os.listdir("/dev/fd")) <= before


def test_the_only_observer_of_the_log():
    before = len(globalLogPublisher._observers)
    try:
        globalLogPublisher.addObserver(first := [].append)
        assert len(globalLogPublisher._observers) == before + 1, "Twisted keeps its observers elsewhere"
        assert (sole_observer() is first) is (before == 0)
        globalLogPublisher.addObserver(second := [].append)
        assert sole_observer() is None
    finally:
        globalLogPublisher.removeObserver(first)
        globalLogPublisher.removeObserver(second)


def test_the_log_that_twistd_begins_has_one_observer():
    program = """
import sys
from twisted.logger import globalLogBeginner
from txsmtpx.wire.twisted_internals import sole_observer
observer = lambda event: None
assert sole_observer() is not observer
globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
assert sole_observer() is observer
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
