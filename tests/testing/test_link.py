"""Two ends in memory: what a client sends and reads, how it leaves, and TLS."""

from __future__ import annotations

import pytest
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory

from txsmtpx import Certificate, MemoryBackend
from txsmtpx.testing import Link, ScriptedServer
from txsmtpx.testing.link import Typist


def test_lines_in_one_segment():
    link = Link.to(MemoryBackend(), domain="mx.example")
    assert link.replies() == ["220 mx.example ESMTP txsmtpx"]
    assert link.ask("HELO a", "NOOP") == ["250 mx.example", "250 2.0.0 Ok"]
    assert link.replies() == []
    link.hang_up()
    assert link.over


def test_octets_in_segments():
    link = Link(ScriptedServer(), Clock())
    link.replies()
    link.send(b"NO")
    assert link.replies() == []
    link.send(b"OP\r\n")
    assert link.replies() == ["250 2.0.0 Ok"]


@pytest.mark.parametrize("peer", ["192.0.2.1", "198.51.100.7", "2001:db8::1"])
def test_the_peer(peer):
    server = Protocol()
    link = Link(server, Clock(), peer)
    assert server.transport.getPeer().host == peer
    assert server.transport.getPeer().type == "TCP"
    assert link.server is server
    assert link.server_transport is server.transport


def test_a_new_server_has_the_clock():
    clock = Clock()
    link = Link.to(MemoryBackend(), clock=clock, read_timeout=10)
    link.replies()
    clock.advance(10)
    assert link.replies()[0].startswith("421 4.4.2")
    assert link.over


def test_an_unknown_argument():
    with pytest.raises(TypeError, match="no argument domian; did you mean domain"):
        Link.to(MemoryBackend(), domian="mx.example")


def test_over_is_when_both_ends_know():
    link = Link(ScriptedServer(), Clock())
    assert not link.over
    link.ask("QUIT")
    assert link.over
    assert link.client.lost


def test_who_ends_sending_still_reads():
    """A server that knows half-closed connections goes on; for any other the connection is closed."""
    link = Link.to(MemoryBackend())
    link.replies()
    link.end_sending()
    assert link.over
    server = ScriptedServer()
    other = Link(server, Clock())
    other.end_sending()
    assert server.lost
    assert other.over


def test_starttls(pem):
    link = Link.to(MemoryBackend(), tls=Certificate(str(pem.both)))
    link.replies()
    assert "STARTTLS" in " ".join(link.ask("EHLO a"))
    assert link.ask("STARTTLS")[0].startswith("220")
    link.start_tls(pem.client_options())
    assert "STARTTLS" not in " ".join(link.ask("EHLO a"))
    link.hang_up()
    assert link.over


def implicit(pem):
    options = PrivateCertificate.loadPEM(pem.both.read_bytes()).options()
    server = ScriptedServer()
    clock = Clock()
    factory = TLSMemoryBIOFactory(options, False, None, clock)
    return server, Link(factory.protocol(factory, server), clock, tls=pem.client_options())


def test_tls_from_the_first_octet_on(pem):
    _, link = implicit(pem)
    assert link.replies() == ["220 scripted.example"]


def test_octets_below_tls_break_it(pem):
    server, link = implicit(pem)
    link.replies()
    link.send_raw(b"NOOP\r\n")
    assert server.lines == []
    assert server.lost


def test_what_a_typist_has_received():
    """It keeps what comes until a test takes it."""
    typist = Typist()
    typist.dataReceived(b"25")
    typist.dataReceived(b"0")
    assert (typist.received, typist.lost) == (b"250", False)
    typist.connectionLost()
    assert typist.lost
