"""
Ports that carry no mail leave most of the descriptors for mail, and the server free for other work (guarantee 21).
"""

from __future__ import annotations

import http.client
import io
from types import SimpleNamespace

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs, formatEvent
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.web.resource import Resource

from txsmtpx.wire.http_channel import LOOK, UNREAD, RefusedConnection, most_connections
from txsmtpx.wire.http_site import LimitedSite, values_of


class Page(Resource):
    """Answers at once, and remembers each request with its body."""

    isLeaf = True

    def __init__(self):
        super().__init__()
        self.requests = []
        self.bodies = []

    def render(self, request):
        self.requests.append(request)
        self.bodies.append(request.content.read())
        return b"x" * 1000


class Turns(Clock):
    """A clock on which what is called at once waits for the next turn, as it does in a reactor."""

    def __init__(self):
        super().__init__()
        self.next = []

    def callLater(self, delay, what, *args):
        if delay:
            return super().callLater(delay, what, *args)
        self.next.append(what)
        return None

    def turn(self):
        """One turn of the reactor."""
        now, self.next = self.next, []
        for what in now:
            what()

    def turn_all(self):
        """Turns until nothing is left to do."""
        while self.next:
            self.turn()


class Port:
    """A site with one page, on a clock."""

    def __init__(self, most=10):
        self.clock = Turns()
        self.page = Page()
        self.site = LimitedSite(self.page, self.clock, "the port", most)
        self.site.startFactory()

    def come(self, octets=b""):
        """A connection on which a client has sent this, None where it is closed at once."""
        protocol = self.site.buildProtocol(None)
        transport = StringTransport()
        protocol.makeConnection(transport)
        assert transport.disconnecting is isinstance(protocol, RefusedConnection)
        if octets:
            protocol.dataReceived(octets)
        return None if transport.disconnecting else protocol


@pytest.fixture
def port():
    made = Port()
    yield made
    made.site.stopFactory()


def status(octets):
    """The status of an answer."""
    answer = http.client.HTTPResponse(SimpleNamespace(makefile=lambda mode: io.BytesIO(octets)))
    answer.begin()
    return answer.status


@pytest.mark.parametrize(
    ("most", "descriptors", "allowed"),
    [(500, 1024, 128), (500, 8000, 500), (500, 0, 500), (50, 1024, 50), (50, 200, 25), (50, 7, 1), (50, 8, 1)],
)
def test_how_many_there_may_be(most, descriptors, allowed):
    assert most_connections(most, lambda: descriptors) == allowed


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def test_a_silent_connection_makes_room(port):
    """So clients that only hold connections, in the middle of a request or before it, do not lock out the others."""
    with capturedLogs() as log:
        silent = [port.come(b"GET" * (n % 2)) for n in range(10)]
        last = port.come(GET)
        port.clock.turn_all()
    assert [each.transport.disconnecting for each in silent] == [True] + [False] * 9
    assert status(last.transport.value()) == 200
    assert list(map(formatEvent, log)) == ["the port has 10 connections: new ones take the place of silent ones"]


def test_a_refused_connection_over_tls_is_closed(port, certificate, monkeypatch):
    """At once, without an exception, and without a handshake."""
    monkeypatch.setattr(port.site.connections, "make_room", lambda: False)
    wrapped = TLSMemoryBIOFactory(certificate.creator, False, port.site)
    transport = StringTransport()
    wrapped.buildProtocol(None).makeConnection(transport)
    assert transport.disconnecting


FORMS = {
    "a form": b"Content-Type: application/x-www-form-urlencoded\r\n",
    "parts": b"Content-Type: multipart/form-data; boundary=b\r\n",
    "octets": b"",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("length", [b"Content-Length: 4000000", b"Transfer-Encoding: chunked"])
def test_a_body_is_neither_kept_nor_parsed(port, form, length):
    """It was kept, and parsed at its end: 50 MB took 6.6 seconds and 840 MiB."""
    client = port.come(b"POST / HTTP/1.1\r\nHost: x\r\n" + form + length + b"\r\n\r\n")
    piece = b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\na=b&\r\n"
    piece += b"&" * (1000 - len(piece))
    for _ in range(4000):
        client.dataReceived(piece if length.startswith(b"C") else b"3e8\r\n" + piece + b"\r\n")
    if not length.startswith(b"C"):
        client.dataReceived(b"0\r\n\r\n")
    port.clock.turn_all()
    (request,) = port.page.requests
    assert request.args == {}
    assert port.page.bodies == [b""]
    assert status(client.transport.value()) == 200


def test_requests_of_one_segment_take_turns(port):
    """Twisted answers them all at once: 2,300 requests for figures took 640 milliseconds."""
    client = port.come(GET * 2000)
    assert port.page.requests == []
    other = port.come(GET)
    port.clock.turn()
    assert other.transport.value()
    assert len(port.page.requests) < 1000
    port.clock.turn_all()
    assert len(port.page.requests) == 2001
    assert client.transport.value().count(b"200 OK") == 2000


def test_a_client_that_does_not_read_is_not_answered(port):
    client = port.come()
    client.transport.producer.pauseProducing()
    client.dataReceived(GET * 100)
    port.clock.turn_all()
    assert port.page.requests == []
    client.transport.producer.resumeProducing()
    port.clock.turn_all()
    assert len(port.page.requests) == 100
    client.transport.producer.pauseProducing()
    port.clock.pump([LOOK] * (UNREAD // LOOK))
    assert not client.transport.disconnecting
    port.clock.advance(LOOK)
    assert client.transport.disconnecting


def test_any_octets_may_stand_in_a_header(port):
    port.come(b"GET / HTTP/1.1\r\nHost: \xff\xe9\r\nHost: b\r\n\r\n")
    port.clock.turn_all()
    (request,) = port.page.requests
    assert values_of(request, b"host") == ["\xff\xe9", "b"]
    assert values_of(request, b"origin") == []


def test_the_end(port):
    """All connections are closed, also those on which an answer is due."""
    clients = [port.come(), port.come(b"GET"), port.come(GET)]
    port.site.stopFactory()
    assert [client.transport.disconnecting for client in clients] == [True] * 3
    port.site.startFactory()
