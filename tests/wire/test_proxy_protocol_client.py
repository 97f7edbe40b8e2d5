"""The PROXY protocol from the client's side: what the header says, and our client and server with it between them."""

from __future__ import annotations

import contextlib
import ipaddress
import struct
from collections.abc import AsyncIterator
from ipaddress import ip_address
from typing import Any

import pytest
from twisted.internet import reactor, ssl
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.error import ConnectionRefusedError
from twisted.protocols.haproxy._v1parser import V1Parser
from twisted.protocols.haproxy._v2parser import V2Parser
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory

from tests.ports import free_port
from txsmtpx import SMTPServerFactory, connect, send_mail
from txsmtpx.testing import RecordingBackend
from txsmtpx.wire.proxy_protocol_client import PROXYEndpoint, header
from txsmtpx.wire.target import target

FOUR = IPv4Address("TCP", "192.0.2.1", 40000), IPv4Address("TCP", "203.0.113.25", 25)
SIX = IPv6Address("TCP", "2001:db8::1", 40000), IPv6Address("TCP", "2001:db8::25", 25)
UNIX = UNIXAddress("/run/a"), UNIXAddress("/run/b")
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


# ---- the header


@pytest.mark.parametrize(
    ("ends", "first", "second"),
    [
        (
            FOUR,
            b"PROXY TCP4 192.0.2.1 203.0.113.25 40000 25\r\n",
            b"\x21\x11\x00\x0c\xc0\x00\x02\x01\xcb\x00\x71\x19" + struct.pack("!HH", 40000, 25),
        ),
        (
            SIX,
            b"PROXY TCP6 2001:db8::1 2001:db8::25 40000 25\r\n",
            b"\x21\x21\x00\x24\x20\x01\x0d\xb8" + bytes(11) + b"\x01\x20\x01\x0d\xb8" + bytes(11) + b"\x25"
            + struct.pack("!HH", 40000, 25),
        ),
        (
            (IPv6Address("TCP", "::ffff:192.0.2.1%eth0", 40000), FOUR[1]),
            b"PROXY TCP4 192.0.2.1 203.0.113.25 40000 25\r\n",
            b"\x21\x11\x00\x0c\xc0\x00\x02\x01\xcb\x00\x71\x19" + struct.pack("!HH", 40000, 25),
        ),
        (UNIX, b"PROXY UNKNOWN\r\n", b"\x20\x00\x00\x00"),
        (
            (FOUR[0], SIX[1]),
            f"PROXY TCP6 {ip_address('::ffff:192.0.2.1')} 2001:db8::25 40000 25\r\n".encode(),
            b"\x21\x21\x00\x24" + bytes(10) + b"\xff\xff\xc0\x00\x02\x01\x20\x01\x0d\xb8" + bytes(11) + b"\x25"
            + struct.pack("!HH", 40000, 25),
        ),
        ((UNIX[0], SIX[1]), b"PROXY UNKNOWN\r\n", b"\x20\x00\x00\x00"),
    ],
)  # fmt: skip
def test_header(ends, first, second):
    assert header(1, *ends) == first
    assert header(2, *ends) == SIGNATURE + second


@pytest.mark.parametrize("ends", [FOUR, SIX, (FOUR[0], SIX[1]), (SIX[0], FOUR[1])])
@pytest.mark.parametrize(("version", "parser"), [(1, V1Parser), (2, V2Parser)])
def test_twisted_reads_it(ends, version, parser):
    info, rest = parser().feed(header(version, *ends) + b"EHLO")
    assert (info.source.port, info.destination.port, rest) == (40000, 25, b"EHLO")


def test_the_scope_of_a_link_local_address_is_nobody_elses():
    here = IPv6Address("TCP", "fe80::1%eth0", 1, 0, 2)
    assert header(1, here, SIX[1]) == b"PROXY TCP6 fe80::1 2001:db8::25 1 25\r\n"
    assert header(2, here, SIX[1])[16:32].startswith(b"\xfe\x80")


def test_there_are_two_versions():
    with pytest.raises(ValueError, match="not 3"):
        header(3, *FOUR)
    with pytest.raises(ValueError, match="not 0"):
        PROXYEndpoint(clientFromString(reactor, "tcp:localhost:25"), version=0)


# ---- as a string


@pytest.mark.parametrize(
    "string",
    ["haproxy", "haproxy:", "haproxy:v1", "haproxy:v3:tcp:localhost:25", "haproxy:tcp:localhost:25", "haproxy:v1:no:x"],
)
def test_no_endpoint(string):
    with pytest.raises(ValueError, match=r"."):
        clientFromString(reactor, string)
    with pytest.raises(ValueError, match=r"."):
        target(reactor, string)


def test_what_is_within_is_quoted_as_it_was():
    endpoint = clientFromString(reactor, r"haproxy:v2:unix:/run/a\:b\=c\\d:timeout=7")
    assert (endpoint.version, endpoint.endpoint._path, endpoint.endpoint._timeout) == (2, r"/run/a:b=c\d", 7)


@pytest.mark.parametrize(
    ("string", "hostname", "tls"),
    [
        ("haproxy:v1:tcp:mail.example:25", "mail.example", "required"),
        ("haproxy:v2:tcp:127.0.0.1:25", "127.0.0.1", "none"),
        ("haproxy:v2:tls:mail.example:465", "mail.example", "implicit"),
        ("haproxy:v2:unix:/run/lmtp", "", "none"),
    ],
)
def test_what_it_says_of_tls_is_what_stands_within(string, hostname, tls):
    to = target(reactor, string)
    assert (to.hostname, to.tls) == (hostname, tls)
    assert isinstance(to.endpoint, PROXYEndpoint)


def test_an_endpoint_says_what_it_wraps():
    to = target(reactor, PROXYEndpoint(clientFromString(reactor, "tcp:127.0.0.1:25")))
    assert (to.hostname, to.tls) == ("127.0.0.1", "none")


# ---- over sockets, into ``haproxy:``


@contextlib.asynccontextmanager
async def server(string: str, backend: Any, **settings: Any) -> AsyncIterator[Any]:
    """The address where it listens; when all is over nobody is connected."""
    factory = SMTPServerFactory(backend, **settings)
    port = await serverFromString(reactor, string).listen(factory)
    try:
        yield port.getHost()
    finally:
        await port.stopListening()
        await factory.drain(10)


@pytest.fixture
def backend() -> RecordingBackend:
    return RecordingBackend()


def client_of(backend: RecordingBackend) -> Any:
    """The connection that the backend has seen."""
    return next(call[1] for call in backend.calls if call[0] == "anonymous_login")


VERSIONS = pytest.mark.parametrize("version", [1, 2])


@pytest.mark.system
@VERSIONS
async def test_it_tells_of_the_connection(backend, version):
    async with server("haproxy:tcp:0:interface=127.0.0.1", backend) as host:
        client = await connect(f"haproxy:v{version}:tcp:127.0.0.1:{host.port}")
        await client.mail("me@client.example")
        connection = client_of(backend)
        ours = client.protocol.transport.getHost()
        assert (connection.peer_host, connection.peer.port) == ("127.0.0.1", ours.port)
        assert (connection.host.host, connection.host.port) == ("127.0.0.1", host.port)
        await client.quit()


@pytest.mark.system
@VERSIONS
@pytest.mark.parametrize("ends", [FOUR, SIX], ids=["4", "6"])
async def test_it_tells_of_another(backend, version, ends):
    async with server("haproxy:tcp:0:interface=127.0.0.1", backend) as host:
        within = clientFromString(reactor, f"tcp:127.0.0.1:{host.port}")
        client = await connect(PROXYEndpoint(within, version, *ends))
        await client.mail("me@client.example")
        connection = client_of(backend)
        assert connection.peer.port == 40000
        assert header(2, connection.peer, connection.host) == header(2, *ends)
        await client.quit()


@pytest.mark.system
@VERSIONS
async def test_over_ipv6(backend, version):
    async with server(r"haproxy:tcp6:0:interface=\:\:1", backend) as host:
        client = await connect(rf"haproxy:v{version}:tcp:\:\:1:{host.port}")
        await client.mail("me@client.example")
        connection = client_of(backend)
        assert ipaddress.ip_address(connection.peer_host) == ipaddress.ip_address("::1")  # version 2 writes it in full
        assert connection.peer.port == client.protocol.transport.getHost().port
        await client.quit()


@pytest.mark.system
@VERSIONS
async def test_over_a_unix_socket(backend, tmp_path, version):
    """Which has no address to tell of: version 1 says UNKNOWN, version 2 LOCAL."""
    async with server(f"haproxy:unix:{tmp_path}/socket", backend):
        client = await connect(f"haproxy:v{version}:unix:{tmp_path}/socket")
        await client.mail("me@client.example")
        assert client_of(backend).peer_host == ""
        await client.quit()


@pytest.mark.system
@VERSIONS
@pytest.mark.parametrize("tls", ["required", "opportunistic"])
async def test_starttls_after_the_header(backend, certificate, pem, version, tls):
    async with server("haproxy:tcp:0:interface=127.0.0.1", backend, tls=certificate) as host:
        endpoint = f"haproxy:v{version}:tcp:localhost:{host.port}"
        client = await connect(endpoint, tls=tls, trust_roots=str(pem.certificate))
        await client.mail("me@client.example")
        assert client.tls.version == client_of(backend).tls.version == "TLSv1.3"
        assert client_of(backend).peer.port == client.protocol.transport.getHost().port
        await client.quit()


@pytest.mark.system
@VERSIONS
async def test_tls_after_the_header(backend, pem, version):
    """A name and a certificate that are verified, as without a header."""
    async with tls_behind_header(backend, pem) as port:
        for endpoint in (f"haproxy:v{version}:tls:localhost:{port}", f"haproxy:v{version}:tcp:localhost:{port}"):
            result = await send_mail(
                endpoint, "me@client.example", ["you@example.com"], b"x\r\n", tls="implicit",
                trust_roots=str(pem.certificate),
            )  # fmt: skip
            assert [recipient for recipient, _ in result.accepted] == ["you@example.com"]
        assert client_of(backend).tls.version == "TLSv1.3"


@contextlib.asynccontextmanager
async def tls_behind_header(backend: Any, pem: Any) -> AsyncIterator[int]:
    """A port that wants a header, then TLS."""
    options = ssl.DefaultOpenSSLContextFactory(str(pem.key), str(pem.certificate))
    factory = SMTPServerFactory(backend)
    wrapped = HAProxyWrappingFactory(TLSMemoryBIOFactory(options, False, factory))
    port = reactor.listenTCP(0, wrapped, interface="127.0.0.1")
    try:
        yield port.getHost().port
    finally:
        await port.stopListening()
        await factory.drain(10)


@pytest.mark.system
async def test_nobody_there():
    with pytest.raises(ConnectionRefusedError):
        await connect(f"haproxy:v2:tcp:127.0.0.1:{free_port()}")
