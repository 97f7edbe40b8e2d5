"""
Each use of what Twisted keeps private: that it does what the docstring says, and that it is still needed.

Where the package does the work of a function of Twisted in another way, there is a digest of that function: when
Twisted changes it, the change has to be read.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest
from OpenSSL import SSL
from twisted.internet import _sslverify, main, reactor, tcp, unix
from twisted.internet._newtls import ConnectionMixin, startTLS
from twisted.internet.abstract import FileDescriptor
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    clientFromString,
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
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from tests.wire.digests import digest
from tests.wire.tls_link import tls_link
from txsmtpx.wire.handshake import tls_connection
from txsmtpx.wire.twisted_internals import (
    LOG_OBSERVERS,
    HAProxyProtocolWrapper,
    IOpenSSLTrustRoot,
    close_waker,
    convert_proxy_wrapper,
    dispatch_events,
    endpoint_host,
    loop_of,
    set_tls_defaults,
    tcp_destination,
    tls_protocol,
    unix_path,
)

# ---- What Twisted's own functions do


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


def test_the_observers_of_the_log():
    before = len(globalLogPublisher._observers)
    try:
        globalLogPublisher.addObserver(first := [].append)
        assert len(globalLogPublisher._observers) == before + 1, "Twisted keeps its observers elsewhere"
        assert (len(LOG_OBSERVERS), LOG_OBSERVERS[-1]) == (before + 1, first), "Twisted makes another list"
        globalLogPublisher.addObserver(second := [].append)
        assert LOG_OBSERVERS[-2:] == [first, second]
    finally:
        globalLogPublisher.removeObserver(first)
        globalLogPublisher.removeObserver(second)
    assert len(LOG_OBSERVERS) == before


@pytest.mark.system
def test_the_log_that_twistd_begins_has_one_observer():
    program = """
import sys
from twisted.logger import globalLogBeginner
from txsmtpx.wire.twisted_internals import LOG_OBSERVERS
observer = lambda event: None
globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
assert LOG_OBSERVERS == [observer]
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


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


def test_the_loop_of_a_reactor():
    loop = asyncio.new_event_loop()
    assert loop_of(AsyncioSelectorReactor(loop)) is loop
    assert loop_of(reactor) is loop_of(None) is None
    loop.close()
