"""
A web site beside mail: the web inbox, or the metrics for Prometheus.

The site of Twisted does more with a request than these need.  It keeps a body of any size.  It parses forms, which
takes seconds and several times their size in memory.  It answers all requests of a segment at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Protocol
from twisted.internet.task import Cooperator
from twisted.web import http
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from txsmtpx.wire.http_channel import HTTPConnections, LimitedHTTPChannel, RefusedConnection


class LimitedRequest(Request):
    """
    A request whose body is not read.  `LimitedHTTPChannel` creates it.

    It is answered in its turn, when the client has read the responses before it.  So endless requests, on one
    connection (pipelining, RFC 9112 §9.3.2) or on many, do not keep the server from other work.
    """

    def gotLength(self, length: int | None) -> None:
        """
        Prepare for the body.

        Args:
            length: Its octets; None if they are not known.
        """
        self.content: BytesIO = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """
        Drop a part of the body.

        Args:
            data: The octets.
        """

    def process(self) -> None:
        """Answer the request in its turn."""
        cooperator_of(self).cooperate(self._answered())

    def _answered(self) -> Iterator[Deferred[None] | None]:
        if self.channel is not None and channel_of(self).unread:
            yield channel_of(self).read()
        if self.channel is not None:  # the client is still connected
            self.begin()
            Request.process(self)
        yield None

    def begin(self) -> None:
        """Set the header fields that each response has, also one that reports an error."""


class LimitedSite(Site):
    """
    A site whose requests and connections are limited.

    Attributes:
        connections: The connections of the port.
        cooperator: Runs the work that takes turns, for up to 10 milliseconds a turn.

    Args:
        root: The resource of the path ``/``.
        clock: A reactor, or a clock.
        name: The name of the port in the log.
        most: Connections at a time (`most_connections`).
    """

    displayTracebacks = False
    noisy = False
    protocol = LimitedHTTPChannel  # type: ignore[assignment]
    requestFactory = LimitedRequest

    def __init__(self, root: IResource, clock: IReactorTime, name: str, most: int) -> None:
        Site.__init__(self, root, timeout=None, reactor=clock)
        self.connections: HTTPConnections = HTTPConnections(clock, name, most)
        self.cooperator: Cooperator = Cooperator(scheduler=lambda turn: clock.callLater(0, turn))

    def buildProtocol(  # type: ignore[override]  # Twisted names the class of its own channel
        self, addr: IAddress | None
    ) -> Protocol | None:
        """
        Make the protocol of a connection.

        Args:
            addr: The address of the client.

        Returns:
            The protocol; one that aborts the connection if there are too many.
        """
        return Site.buildProtocol(self, addr) if self.connections.make_room() else RefusedConnection()

    def startFactory(self) -> None:
        """Begin to check the connections."""
        Site.startFactory(self)
        self.connections.start()

    def stopFactory(self) -> None:
        """
        Abort all connections.

        The responses end with their connections.  The cooperator is not stopped: half of the responses would not end.
        """
        self.connections.stop()
        self.connections.abort()
        Site.stopFactory(self)

    def log(self, request: http.Request) -> None:
        """
        Log nothing: the log is for mail.

        Args:
            request: A request that was answered.
        """

    def acceptableProtocols(self) -> list[bytes]:
        """
        Return the ALPN names of the site (RFC 7301).

        Returns:
            HTTP/1.1, also where Twisted supports HTTP/2.
        """
        return [b"http/1.1"]


def values_of(request: Request, name: bytes) -> list[str]:
    """
    Return the values of a header field.

    Args:
        request: A request.
        name: The name of the field.

    Returns:
        A value for each field of that name, in Latin-1: a value may hold any octets (RFC 9110 §5.5).
    """
    return [value.decode("latin-1") for value in request.requestHeaders.getRawHeaders(name, [])]


def channel_of(request: Request) -> LimitedHTTPChannel:
    """
    Return the connection of a request.

    Args:
        request: A request whose client is still connected.

    Returns:
        The connection.
    """
    channel = request.channel
    assert isinstance(channel, LimitedHTTPChannel)
    return channel


def cooperator_of(request: Request) -> Cooperator:
    """
    Return the cooperator of the site of a request.

    Args:
        request: A request whose client is still connected.

    Returns:
        The cooperator, which runs the work that takes turns.
    """
    site = channel_of(request).site
    assert isinstance(site, LimitedSite)
    return site.cooperator
