"""A port that carries no mail, in memory."""

from __future__ import annotations

import http.client
import io
from types import SimpleNamespace

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.resource import Resource

from txsmtpx.wire.http_channel import RefusedConnection
from txsmtpx.wire.http_site import LimitedSite

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


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


def status(octets):
    """The status of an answer."""
    answer = http.client.HTTPResponse(SimpleNamespace(makefile=lambda mode: io.BytesIO(octets)))
    answer.begin()
    return answer.status
