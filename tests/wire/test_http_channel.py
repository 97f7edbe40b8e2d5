"""
Ports that carry no mail leave most of the descriptors for mail, and the server free for other work (guarantee 21).
"""

from __future__ import annotations

import pytest
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs, formatEvent
from twisted.protocols.tls import TLSMemoryBIOFactory

from tests.wire.http_port import GET, status
from txsmtpx.wire.http_channel import LOOK, UNREAD, most_connections


@pytest.mark.parametrize(
    ("most", "descriptors", "allowed"),
    [(500, 1024, 128), (500, 8000, 500), (500, 0, 500), (50, 1024, 50), (50, 200, 25), (50, 7, 1), (50, 8, 1)],
)
def test_how_many_there_may_be(most, descriptors, allowed):
    assert most_connections(most, lambda: descriptors) == allowed


def test_a_silent_connection_makes_room(web_port):
    """So clients that only hold connections, in the middle of a request or before it, do not lock out the others."""
    with capturedLogs() as log:
        silent = [web_port.come(b"GET" * (n % 2)) for n in range(10)]
        last = web_port.come(GET)
        web_port.clock.turn_all()
    assert [each.transport.disconnecting for each in silent] == [True] + [False] * 9
    assert status(last.transport.value()) == 200
    assert list(map(formatEvent, log)) == ["the port has 10 connections: new ones take the place of silent ones"]


def test_a_refused_connection_over_tls_is_closed(web_port, certificate, monkeypatch):
    """At once, without an exception, and without a handshake."""
    monkeypatch.setattr(web_port.site.connections, "make_room", lambda: False)
    wrapped = TLSMemoryBIOFactory(certificate.creator, False, web_port.site)
    transport = StringTransport()
    wrapped.buildProtocol(None).makeConnection(transport)
    assert transport.disconnecting


def test_a_client_that_does_not_read_is_not_answered(web_port):
    client = web_port.come()
    client.transport.producer.pauseProducing()
    client.dataReceived(GET * 100)
    web_port.clock.turn_all()
    assert web_port.page.requests == []
    client.transport.producer.resumeProducing()
    web_port.clock.turn_all()
    assert len(web_port.page.requests) == 100
    client.transport.producer.pauseProducing()
    web_port.clock.pump([LOOK] * (UNREAD // LOOK))
    assert not client.transport.disconnecting
    web_port.clock.advance(LOOK)
    assert client.transport.disconnecting


def test_the_end(web_port):
    """All connections are closed, also those on which an answer is due."""
    clients = [web_port.come(), web_port.come(b"GET"), web_port.come(GET)]
    web_port.site.stopFactory()
    assert [client.transport.disconnecting for client in clients] == [True] * 3
    web_port.site.startFactory()
