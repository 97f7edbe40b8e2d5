"""Behind ``haproxy:``: nothing is said or done before the whole PROXY header, and what is no header ends it."""

from __future__ import annotations

import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory

from tests.wire.replies import codes
from tests.wire.test_haproxy import PROXY, Proxied, v1, v2
from txsmtpx import Observer, SMTPServerFactory
from txsmtpx.grammar.proxy import ProxyHeader, ProxySSL, encode
from txsmtpx.testing import Link, RecordingBackend
from txsmtpx.wire.proxy_protocol_server import HEADER_TIMEOUT, ProxiedConnection, wait_for_header

ENDS = ("198.51.100.7", 40000), ("203.0.113.25", 25)
TLVS = {0x01: b"smtp", 0x02: b"mx.example", 0x05: b"id", 0x20: b"\x01\0\0\0\1\x21\0\x07TLSv1.3", 0xEA: b"hello"}
HEADERS = {
    "v1": v1("198.51.100.7"),
    "v1, IPv6": v1("2001:db8::7"),
    "v1, unknown": b"PROXY UNKNOWN\r\n",
    "v2": v2("198.51.100.7"),
    "v2, IPv6": v2("2001:db8::7"),
    "v2, local": encode(ProxyHeader(2)),
    "v2, TLVs": encode(ProxyHeader(2, *ENDS, TLVS), checksum=True),
}
MAIL = b"EHLO client.example\r\nMAIL FROM:<a@client.example>\r\n"

each = pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)


class Watching(Observer):
    """What it has seen of connections, by their peers."""

    def __init__(self):
        self.seen = []

    def connected(self, connection):
        self.seen.append(("connected", connection.peer_host))

    def secured(self, connection):
        self.seen.append(("secured", connection.peer_host))

    def disconnected(self, connection, reason):
        self.seen.append(("disconnected", connection.peer_host))


@pytest.fixture
def backend():
    return RecordingBackend()


@pytest.fixture
def watching():
    return Watching()


@pytest.fixture
def proxied(backend, watching):
    return Proxied(backend, observers=[watching])


def lines(logged) -> list[str]:
    """What the default log shows of it."""
    return [formatEvent(event) for event in logged if event["log_level"] >= LogLevel.info]


# ---- nothing before the whole header


@each
def test_cut_at_every_position(header):
    octets = header + MAIL
    for position in range(1, len(octets)):
        proxied = Proxied(RecordingBackend())
        link = proxied.connect()
        link.send(octets[:position])
        commands = octets[len(header) : position].count(b"\r\n")
        assert codes(link.replies()) == (["220", *["250"] * commands] if position >= len(header) else [])
        link.send(octets[position:])
        said = codes(link.replies())
        assert said[-1:] == ["250"]
        link.hang_up()
        assert proxied.clock.getDelayedCalls() == []


@each
def test_octet_by_octet(proxied, backend, watching, header):
    link = proxied.connect()
    for at in range(len(header)):
        assert link.replies() == []
        assert watching.seen == []
        link.send(header[at : at + 1])
    assert codes(link.replies()) == ["220"]
    assert [name for name, _ in watching.seen] == ["connected"]
    for octet in MAIL:
        link.send(bytes([octet]))
    assert codes(link.replies()) == ["250", "250"]
    link.hang_up()
    assert watching.seen == [(name, backend.calls[0][1].peer_host) for name in ("connected", "disconnected")]


def test_the_address_is_known_to_all(proxied, backend, watching):
    link = proxied.connect()
    link.send(v2("198.51.100.7") + MAIL)
    connection = backend.calls[0][1]
    assert connection.peer == IPv4Address("TCP", "198.51.100.7", 40000)
    assert connection.host == IPv4Address("TCP", "203.0.113.25", 25)
    assert connection.proxy is None
    link.hang_up()
    assert watching.seen == [("connected", "198.51.100.7"), ("disconnected", "198.51.100.7")]


def test_a_late_greeting_counts_from_the_header(backend):
    proxied = Proxied(backend, greeting_delay=5)
    link = proxied.connect()
    proxied.clock.advance(4)
    link.send(v1("198.51.100.7"))
    proxied.clock.advance(4)
    assert link.replies() == []
    proxied.clock.advance(1)
    assert codes(link.replies()) == ["220"]
    link.hang_up()


def test_the_idle_clock_counts_from_the_header(backend):
    proxied = Proxied(backend, read_timeout=30)
    link = proxied.connect()
    proxied.clock.advance(HEADER_TIMEOUT - 1)
    link.send(v1("198.51.100.7"))
    proxied.clock.advance(29)
    assert codes(link.replies()) == ["220"]
    proxied.clock.advance(1)
    assert codes(link.replies()) == ["421"]
    assert link.over


def test_a_cap_is_told_behind_the_header(backend):
    proxied = Proxied(backend, max_connections=1)
    first, second = proxied.connect(), proxied.connect()
    assert first.replies() == second.replies() == []
    second.send(v1("198.51.100.7"))
    assert codes(second.replies()) == ["421"]
    assert second.over
    first.send(v1("198.51.100.7"))
    assert codes(first.replies()) == ["220"]
    first.hang_up()
    assert proxied.factory.connections == set()


def test_a_server_that_stops_says_nothing(proxied, watching):
    link = proxied.connect()
    link.send(v1("198.51.100.7")[:20])
    with capturedLogs() as logged:
        drained = proxied.factory.drain(10)
        assert link.over
    assert lines(logged) == []
    assert link.replies() == []
    assert drained.called
    assert watching.seen == []
    proxied.clock.advance(10)
    assert proxied.clock.getDelayedCalls() == []


# ---- what is no header


NO_HEADERS = {
    "SMTP": MAIL,
    "an octet": b"E",
    "TLS": b"\x16\x03\x01\x00\x05",
    "a bad address": b"PROXY TCP4 198.51.100.7]\x1b evil 203.0.113.25 40000 25\r\n" + MAIL,
    "another address": b"PROXY TCP4 256.1.1.1 203.0.113.25 40000 25\r\n" + MAIL,
    "a bad port": b"PROXY TCP4 198.51.100.7 203.0.113.25 99999 25\r\n" + MAIL,
    "no ports": b"PROXY TCP4 198.51.100.7 203.0.113.25\r\n" + MAIL,
    "v1, too long": b"PROXY TCP4 " + b"1" * 200,
    "v2, too long": v2("198.51.100.7")[:14] + b"\xff\xff",
    "v2, addresses cut": v2("198.51.100.7")[:14] + b"\0\x0b" + bytes(11) + MAIL,
    "v2, version 3": v2("198.51.100.7")[:12] + b"\x31\x11\0\x0c" + bytes(12) + MAIL,
    "v2, a wrong checksum": encode(ProxyHeader(2, *ENDS), checksum=True)[:-1] + b"\0" + MAIL,
    "v2, a TLV cut": v2("198.51.100.7")[:14] + b"\0\x0e" + bytes(12) + b"\xea\0" + MAIL,
}


@pytest.mark.parametrize("octets", NO_HEADERS.values(), ids=NO_HEADERS)
@pytest.mark.parametrize("segments", ["whole", "octets"])
def test_what_is_no_header_ends_it(proxied, backend, watching, octets, segments):
    link = proxied.connect()
    with capturedLogs() as logged:
        for at in range(len(octets)) if segments == "octets" else [None]:
            link.send(octets if at is None else octets[at : at + 1])
    assert link.over
    assert link.replies() == []
    assert backend.calls == watching.seen == []
    (line,) = lines(logged)
    assert line.startswith("session=")
    assert f"no PROXY header from [{PROXY}]: " in line
    assert line.isprintable()
    assert proxied.factory.connections == set()
    assert proxied.clock.getDelayedCalls() == []


@given(st.binary(min_size=1, max_size=300), st.integers(1, 300))
def test_any_octets(octets, position):
    proxied = Proxied(RecordingBackend())
    link = proxied.connect()
    link.send(octets[:position])
    link.send(octets[position:])
    if not octets.startswith(b"PROXY UNKNOWN"):  # which may be drawn, since it stands in the source
        assert link.replies() == []
    link.hang_up()
    assert link.over
    assert proxied.clock.getDelayedCalls() == []


CHECKSUM = 16 + 12  # where its TLV begins; changed, there is none


@given(
    st.integers(16, len(HEADERS["v2, TLVs"]) - 1).filter(lambda at: at != CHECKSUM),
    st.integers(1, 255),
    st.integers(1, 200),
)
def test_a_checksum_that_notices(at, change, position):
    octets = bytearray(HEADERS["v2, TLVs"])
    octets[at] ^= change
    proxied = Proxied(backend := RecordingBackend())
    link = proxied.connect()
    link.send(bytes(octets[:position]))
    link.send(bytes(octets[position:]) + MAIL)
    assert link.over
    assert backend.calls == []


@pytest.mark.parametrize("octets", [b"", b"PROXY TCP4 198.51", v2("198.51.100.7")[:20]], ids=["none", "v1", "v2"])
def test_it_must_come_in_time(proxied, watching, octets):
    link = proxied.connect()
    with capturedLogs() as logged:
        link.send(octets)
        proxied.clock.advance(HEADER_TIMEOUT - 0.1)
        assert not link.over
        proxied.clock.advance(0.1)
        assert link.over
    assert [line.partition(" ")[2] for line in lines(logged)] == [
        f"no PROXY header from [{PROXY}]: it was not complete after 10 seconds"
    ]
    assert watching.seen == []
    assert proxied.clock.getDelayedCalls() == []


@pytest.mark.parametrize("end", ["hang_up", "end_sending"])
def test_a_monitor_that_connects_and_closes_leaves_no_line(proxied, watching, end):
    link = proxied.connect()
    with capturedLogs() as logged:
        getattr(link, end)()
    assert link.over
    assert lines(logged) == []
    assert watching.seen == []
    assert proxied.factory.connections == set()
    assert proxied.clock.getDelayedCalls() == []


@pytest.mark.parametrize("end", ["hang_up", "end_sending"])
def test_half_a_header(proxied, end):
    link = proxied.connect()
    with capturedLogs() as logged:
        link.send(v1("198.51.100.7")[:-2])
        getattr(link, end)()
    assert link.over
    (line,) = lines(logged)
    assert line.endswith(f"no PROXY header from [{PROXY}]: the connection ended within it")


# ---- what TLVs say


def test_tlvs(proxied, backend):
    link = proxied.connect()
    link.send(encode(ProxyHeader(2, *ENDS, TLVS), checksum=True) + MAIL)
    header = backend.calls[0][1].proxy_header
    assert (header.version, header.source, header.destination) == (2, *ENDS)
    assert header.tlvs == TLVS
    assert (header.authority, header.alpn, header.unique_id) == ("mx.example", b"smtp", b"id")
    assert header.ssl == ProxySSL(True, False, False, "TLSv1.3")
    link.hang_up()


def test_a_connection_without_a_proxy_has_no_header(backend):
    link = Link.to(backend)
    link.send(MAIL)
    assert backend.calls[0][1].proxy_header is None
    link.hang_up()


def test_a_unix_socket_behind_the_proxy(proxied, backend):
    paths = b"/run/client".ljust(108, b"\0") + b"/run/proxy".ljust(108, b"\0")
    link = proxied.connect()
    link.send(v2("198.51.100.7")[:12] + struct.pack("!BBH", 0x21, 0x31, 216) + paths + MAIL)
    connection = backend.calls[0][1]
    assert (connection.peer.name, connection.host.name, connection.peer_host) == (b"/run/client", b"/run/proxy", "")
    link.hang_up()


# ---- TLS around the header, and within


def test_a_header_inside_tls(backend, watching, certificate, pem):
    """As a proxy sends it that speaks TLS to the server."""
    clock = Clock()
    factory = SMTPServerFactory(backend, reactor=clock, observers=[watching])
    wrapped = TLSMemoryBIOFactory(certificate.creator, False, HAProxyWrappingFactory(factory), clock)
    link = Link(wrapped.buildProtocol(None), clock, PROXY, tls=pem.client_options())
    assert link.replies() == watching.seen == []
    header = v1("198.51.100.7")
    link.send(header[:11])
    assert link.replies() == []
    link.send(header[11:])
    assert codes(link.replies()) == ["220"]
    assert watching.seen == [("connected", "198.51.100.7"), ("secured", "198.51.100.7")]
    link.send(MAIL)
    assert backend.calls[0][1].with_protocol() == "ESMTPS"
    link.hang_up()


def test_starttls_behind_the_header_is_noticed_at_once(backend, watching, certificate, pem):
    proxied = Proxied(backend, tls=certificate, observers=[watching])
    link = proxied.connect()
    link.send(v1("198.51.100.7"))
    link.ask("EHLO client.example", "STARTTLS")
    link.start_tls(pem.client_options())
    assert watching.seen[-1] == ("secured", "198.51.100.7")
    link.hang_up()


def test_tls_after_the_header_begins_when_it_has_come(backend, watching, certificate, pem):
    clock = Clock()
    factory = SMTPServerFactory(backend, reactor=clock, observers=[watching])
    wrapped = HAProxyWrappingFactory(TLSMemoryBIOFactory(certificate.creator, False, factory, clock))
    link = Link(wrapped.buildProtocol(None), clock, PROXY)
    for octet in v2("198.51.100.7"):
        assert watching.seen == []
        link.send_raw(bytes([octet]))
    assert watching.seen == [("connected", "198.51.100.7")]
    link.start_tls(pem.client_options())
    assert codes(link.replies()) == ["220"]
    assert watching.seen[1:] == [("secured", "198.51.100.7")]
    link.hang_up()


def test_no_header_before_tls(backend, certificate, pem):
    """A client of TLS that has found the port."""
    clock = Clock()
    factory = SMTPServerFactory(backend, reactor=clock)
    wrapped = HAProxyWrappingFactory(TLSMemoryBIOFactory(certificate.creator, False, factory, clock))
    with capturedLogs() as logged:
        link = Link(wrapped.buildProtocol(None), clock, PROXY, tls=pem.client_options())
        assert link.over
    (line,) = lines(logged)
    assert "no PROXY header from" in line
    assert re.search(r"begins with b['\"]\\x16\\x03", line)  # Python quotes by what random octets follow
    assert clock.getDelayedCalls() == []


# ---- Twisted's part


def test_twisteds_wrapper_becomes_ours():
    """The one way in: this fails when Twisted does it in another way."""
    factory = SMTPServerFactory(RecordingBackend(), reactor=Clock())
    wrapper = HAProxyWrappingFactory(factory).buildProtocol(None)
    link = Link(wrapper, Clock(), PROXY)
    assert type(wrapper) is ProxiedConnection
    assert IHalfCloseableProtocol.providedBy(wrapper)
    link.hang_up()


def test_where_there_is_none():
    assert not wait_for_header(StringTransport(), None, Clock())
