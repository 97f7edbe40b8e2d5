"""
A web site beside mail: the web inbox, or the figures for Prometheus.

Twisted's own site does more with a request than these need.  It keeps a body of any size, and parses forms, which takes
seconds and several times their size in memory.  It answers all the requests of a segment at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.task import Cooperator
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from txsmtpx.wire.http_channel import Connections, LimitedHTTPChannel, Refused


class LimitedRequest(Request):
    """
    A request, whose body is not read.

    It is looked at in its turn, and when the client has read the answers before it.  So requests without end, on one
    connection (pipelining, RFC 9112 §9.3.2) or on many, do not keep the server from other work.
    """

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """Throw it away: it costs the sender's time, not our memory."""

    def process(self) -> None:
        """Answer, when its turn has come."""
        cooperator_of(self).cooperate(self._answered())

    def _answered(self) -> Iterator[Deferred[None] | None]:
        if self.channel is not None and channel_of(self).unread:
            yield channel_of(self).read()
        if self.channel is not None:  # the client is still there
            self.begin()
            Request.process(self)
        yield None

    def begin(self) -> None:
        """Set what each response has, also one that tells of an error."""


class LimitedSite(Site):
    """
    A site whose clients, requests and connections are limited.

    Attributes:
        connections: Those that there are.
        cooperator: Runs what takes turns, for up to 10 milliseconds before others have theirs.

    Args:
        clock: A reactor, or a clock.
        name: What the log calls its port.
        most: Connections at a time; see `txsmtpx.wire.http_channel.most_connections`.
    """

    displayTracebacks = False
    noisy = False
    protocol = LimitedHTTPChannel  # type: ignore[assignment]
    requestFactory = LimitedRequest

    def __init__(self, root: IResource, clock: Any, name: str, most: int) -> None:
        Site.__init__(self, root, timeout=None, reactor=clock)
        self.connections = Connections(clock, name, most)
        self.cooperator = Cooperator(scheduler=lambda turn: clock.callLater(0, turn))

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A connection, or one that is closed since there are too many."""
        return Site.buildProtocol(self, addr) if self.connections.make_room() else Refused()

    def startFactory(self) -> None:
        """Begin to check the connections."""
        Site.startFactory(self)
        self.connections.start()

    def stopFactory(self) -> None:
        """
        Close all connections.

        The answers end as their connections do.  The cooperator is not stopped: it would leave half of them unended.
        """
        self.connections.stop()
        self.connections.abort()
        Site.stopFactory(self)

    def log(self, request: Any) -> None:
        """The log is for mail."""

    def acceptableProtocols(self) -> list[bytes]:
        """Return what is spoken over TLS (RFC 7301), also where Twisted could speak HTTP/2."""
        return [b"http/1.1"]


def values_of(request: Request, name: bytes) -> list[str]:
    """
    Return the values of a header field.

    Args:
        request: a request.
        name: the field's name.

    Returns:
        A value for each field of that name, in Latin-1: any octets may stand in it (RFC 9110 §5.5).
    """
    return [value.decode("latin-1") for value in request.requestHeaders.getRawHeaders(name, [])]


def channel_of(request: Request) -> LimitedHTTPChannel:
    """Return the connection of a request that still has one."""
    channel = request.channel
    assert isinstance(channel, LimitedHTTPChannel)
    return channel


def cooperator_of(request: Request) -> Cooperator:
    """Return what runs the work that takes turns."""
    cooperator: Cooperator = channel_of(request).site.cooperator
    return cooperator
