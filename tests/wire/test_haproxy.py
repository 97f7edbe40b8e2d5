"""Behind a proxy that says whom it speaks for: the PROXY header, v1 and v2, as ``haproxy:`` puts it around us."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from twisted.internet.task import Clock
from twisted.protocols.haproxy import proxyEndpoint
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory

from tests.wire.replies import codes
from txsmtpx import SMTPServerFactory
from txsmtpx.testing import Link, RecordingBackend

PROXY = "192.0.2.1"


def v1(client: str) -> bytes:
    family = "TCP6" if ":" in client else "TCP4"
    server = "2001:db8::25" if ":" in client else "203.0.113.25"
    return f"PROXY {family} {client} {server} 40000 25\r\n".encode()


def v2(client: str) -> bytes:
    address = ipaddress.ip_address(client)
    server = ipaddress.ip_address("2001:db8::25" if address.version == 6 else "203.0.113.25")
    body = address.packed + server.packed + struct.pack("!HH", 40000, 25)
    family = 0x21 if address.version == 6 else 0x11
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, family, len(body)) + body


@pytest.fixture(params=[v1, v2])
def header(request):
    return request.param


@pytest.fixture
def backend():
    return RecordingBackend({"user": "secret"})


class Proxied:
    """A server behind a proxy, to which one may connect again and again."""

    def __init__(self, backend, **settings):
        self.clock = Clock()
        self.factory = SMTPServerFactory(backend, reactor=self.clock, **settings)
        self._wrapped = HAProxyWrappingFactory(self.factory)

    def connect(self) -> Link:
        return Link(self._wrapped.buildProtocol(None), self.clock, PROXY)


def test_the_wrapper_is_that_of_the_endpoint():
    class Port:
        def listen(self, factory):
            self.factory = factory

    port = Port()
    proxyEndpoint(port).listen(SMTPServerFactory(RecordingBackend(), reactor=Clock()))
    assert type(port.factory) is HAProxyWrappingFactory


@pytest.mark.parametrize("client", ["198.51.100.7", "2001:db8::7"])
def test_the_peer_is_the_client(backend, header, client):
    link = Proxied(backend).connect()
    link.send(header(client))
    link.ask("EHLO client.example", "MAIL FROM:<a@client.example>")
    connection = backend.calls[0][1]
    assert connection.peer.host == connection.peer_host
    assert ipaddress.ip_address(connection.peer_host) == ipaddress.ip_address(client)
    assert connection.peer.port == 40000
    server = "2001:db8::25" if ":" in client else "203.0.113.25"
    assert ipaddress.ip_address(connection.host.host) == ipaddress.ip_address(server)
    link.hang_up()


def test_the_header_in_one_segment_with_the_hello(backend, header):
    link = Proxied(backend).connect()
    link.send(header("198.51.100.7") + b"EHLO client.example\r\nMAIL FROM:<a@client.example>\r\n")
    assert codes(link.replies()) == ["220", "250", "250"]
    assert backend.calls[0][1].peer_host == "198.51.100.7"
    link.hang_up()


OWN = {
    "v1": b"PROXY UNKNOWN\r\n",
    "v1 with addresses": b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
    "v2": b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
    "v2 with a TLV": b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\x04\x04\0\x01x",
    "v2, a protocol that is not TCP": b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0",
}


@pytest.mark.parametrize("own", OWN.values(), ids=OWN)
def test_a_connection_of_the_proxys_own_keeps_its_address(backend, own):
    link = Proxied(backend).connect()
    link.send(own)
    link.ask("EHLO client.example", "MAIL FROM:<a@client.example>")
    assert backend.calls[0][1].peer_host == PROXY
    link.hang_up()


def test_starttls(backend, header, certificate, pem):
    link = Proxied(backend, tls=certificate).connect()
    link.send(header("198.51.100.7"))
    assert link.ask("EHLO client.example", "STARTTLS")[-1] == "220 2.0.0 Ready to start TLS"
    link.start_tls(pem.client_options())
    assert codes(link.ask("MAIL FROM:<a@client.example>")) == ["503"]
    assert link.ask("EHLO client.example")[-1] == "250 AUTH PLAIN LOGIN"
    link.ask("MAIL FROM:<a@client.example>")
    connection = backend.calls[0][1]
    assert connection.tls.version == "TLSv1.3"
    assert connection.with_protocol() == "ESMTPS"
    assert connection.peer_host == "198.51.100.7"
    link.hang_up()


def test_plaintext_behind_starttls_is_forgotten(backend, header, certificate, pem):
    link = Proxied(backend, tls=certificate).connect()
    link.send(header("198.51.100.7"))
    link.ask("EHLO client.example")
    link.send(b"STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@evil.exa")
    assert codes(link.replies()) == ["220"]
    link.start_tls(pem.client_options())
    assert codes(link.ask("MAIL FROM:<a@client.example>", "EHLO client.example")) == ["503", "250"]
    assert backend.calls == []
    link.hang_up()


def test_a_failed_handshake_closes(backend, header, certificate):
    link = Proxied(backend, tls=certificate).connect()
    link.send(header("198.51.100.7"))
    link.ask("EHLO client.example", "STARTTLS")
    link.send(b"NOOP, in the clear\r\n")
    assert link.over


def test_the_cap_of_a_host_counts_clients_not_the_proxy(backend, header):
    proxied = Proxied(backend, max_connections_per_host=1)
    first, second, third = (proxied.connect() for _ in range(3))
    first.send(header("198.51.100.7"))
    second.send(header("198.51.100.8"))
    third.send(header("198.51.100.7"))
    assert codes(first.ask("EHLO a.example") + second.ask("EHLO b.example")) == ["220", "250"] * 2
    assert third.replies() == ["421 4.7.0 Too many connections, try again later"]
    assert third.over
    first.hang_up()
    fourth = proxied.connect()
    fourth.send(header("198.51.100.7"))
    assert codes(fourth.ask("EHLO a.example")) == ["220", "250"]
    fourth.hang_up()
    second.hang_up()
    assert proxied.factory.connections == set()
