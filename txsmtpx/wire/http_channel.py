"""
HTTP connections with limits: those of the web inbox and of the metrics for Prometheus.

Theory of operation.  Three things are limited: the number of connections, the time that a client may be silent, and
the memory of the responses.

  - HTTP shares the file descriptors of the process with mail.  `most_connections` leaves most of them for mail.
  - If a client does not read, at most 64 KiB wait in the transport, and one piece of the response.  After `UNREAD`
    seconds the connection is aborted.
  - A response may hold what was made for it, such as a part of a long message.  All responses of a port together hold
    `MAX_HELD` octets.  If more are needed, the connection that has not read for the longest time is aborted.
  - If a port has all its connections, a new one replaces the one that has been silent for the longest time: between two
    requests, within a request, or not reading.  If none is silent, the new one is closed.  So clients that only hold
    connections do not lock out the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol as Interface
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime, ITCPTransport
from twisted.internet.protocol import Protocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request

from txsmtpx.wire.descriptors import limit

log = Logger(__name__)

SHARE = 8
"""The connections of one port have at most one of so many file descriptors."""

MAX_HELD = 64 * 1024 * 1024
"""Octets that all responses of a port together may hold, besides the messages that are kept."""

IDLE = 60
"""Seconds for a request to arrive, the silence before it included (nginx: ``client_header_timeout``, 60)."""

UNREAD = 30
"""Seconds in which a client has to read what waits for it, 64 KiB or more (nginx: ``send_timeout``, 60)."""

SLOW = 1
"""Seconds without reading, after which a connection may be aborted to free memory for others."""

LOOK = 5
"""Seconds between two checks of these times."""


def most_connections(most: int, limit: Callable[[], int] = limit) -> int:
    """
    Return how many connections an HTTP port may have at a time.

    Args:
        most: The number for a process that may have any number of descriptors.
        limit: Returns how many descriptors the process may have, 0 for any number.

    Returns:
        The lesser of ``most`` and an eighth of the descriptors, but at least 1.
    """
    descriptors = limit()
    return min(most, max(1, descriptors // SHARE)) if descriptors else most


class RefusedConnection(Protocol):
    """
    A connection beyond the limit.

    A factory returns it in the place of None, which the factory of Twisted for TLS does not accept.
    """

    def connectionMade(self) -> None:
        """Abort the connection.  A client that does not begin its TLS handshake would delay an orderly end."""
        cast(ITCPTransport, self.transport).abortConnection()


class _Site(Interface):
    connections: HTTPConnections


class LimitedHTTPChannel(HTTPChannel):
    """
    A connection of HTTP/1.1.  `LimitedSite` creates it.

    Attributes:
        site: The site.
        busy: True if a request is being answered.
        unread: True if the client does not read what has been written.
        since: When the last of these changed, or the connection was made; seconds of the clock.
        held: Octets that the response holds.
    """

    site: _Site
    busy: bool = False
    unread: bool = False
    since: float = 0.0
    held: int = 0
    _read: Deferred[None] | None = None

    def connectionMade(self) -> None:
        """Count the connection."""
        HTTPChannel.connectionMade(self)
        self.site.connections.add(self)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """
        Count the connection no more.

        Args:
            reason: Why it was lost.
        """
        self.site.connections.remove(self)
        HTTPChannel.connectionLost(self, reason)

    def allContentReceived(self) -> None:
        """Note that a request has arrived."""
        self.busy, self.since = True, self.site.connections.seconds()
        HTTPChannel.allContentReceived(self)

    def requestDone(self, request: Request) -> None:
        """
        Note that a request has been answered.

        Args:
            request: The request.
        """
        self.busy, self.since = False, self.site.connections.seconds()
        self.held = 0
        HTTPChannel.requestDone(self, request)

    def read(self) -> Deferred[None]:
        """
        Wait until the client has read what has been written.

        Returns:
            A Deferred that fires then.  It never fires if the client does not read.
        """
        self._read = Deferred()
        return self._read

    def pauseProducing(self) -> None:
        """Note that the client does not read."""
        if not self.unread:
            self.unread, self.since = True, self.site.connections.seconds()
        HTTPChannel.pauseProducing(self)

    def resumeProducing(self) -> None:
        """Note that the client has read everything."""
        self.unread, self.since = False, self.site.connections.seconds()
        HTTPChannel.resumeProducing(self)
        read, self._read = self._read, None
        if read is not None:
            read.callback(None)

    def abort(self) -> None:
        """Abort the connection."""
        self.site.connections.remove(self)
        cast(ITCPTransport, self.transport).abortConnection()


class HTTPConnections:
    """
    All connections of a port.  `LimitedSite` creates it.

    Args:
        clock: Times the checks.
        name: The name of the port in the log.
        most: Connections at a time.
        max_held: Octets that all responses together may hold.
    """

    def __init__(self, clock: IReactorTime, name: str, most: int, max_held: int = MAX_HELD) -> None:
        self._name = name
        self._most = most
        self._max_held = max_held
        self._open: dict[LimitedHTTPChannel, None] = {}  # in the order in which they came
        self._full = False
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock
        self.seconds: Callable[[], float] = clock.seconds

    def start(self) -> None:
        """Begin to check the times."""
        self._looking.start(LOOK, now=False)

    def stop(self) -> None:
        """Stop to check the times."""
        self._looking.stop()

    def add(self, channel: LimitedHTTPChannel) -> None:
        """
        Count a new connection.

        Args:
            channel: The connection.
        """
        channel.since = self.seconds()
        self._open[channel] = None

    def remove(self, channel: LimitedHTTPChannel) -> None:
        """
        Count a connection no more.

        Args:
            channel: The connection, which is lost or about to be.
        """
        self._open.pop(channel, None)
        if self._full and len(self._open) <= self._most // 2:  # so that a few clients do not fill the log
            self._full = False
            log.info("{name} has room for new connections again", name=self._name)

    def abort(self) -> None:
        """Abort all connections."""
        for channel in list(self._open):
            channel.abort()

    def make_room(self) -> bool:
        """
        Make room for one more connection.  If there is none, abort the one that has been silent for the longest time.

        Returns:
            False if all connections are busy.
        """
        if len(self._open) < self._most:
            return True
        if not self._full:
            self._full = True
            full = "{name} has {most} connections: new ones take the place of silent ones"
            log.warn(full, name=self._name, most=self._most)
        silent = [each for each in self._open if each.unread or not each.busy]
        if silent:
            min(silent, key=lambda channel: channel.since).abort()
        return bool(silent)

    def hold(self, channel: LimitedHTTPChannel, octets: int) -> bool:
        """
        Count what a response holds until it is complete.  Connections that do not read may be aborted for it.

        Args:
            channel: The connection of the response.
            octets: What the response holds in addition.

        Returns:
            True if the response may hold it.  If no other one holds anything, it may hold any number of octets.
        """
        before = sum(each.held for each in self._open)
        late = self.seconds() - SLOW
        slow = [each for each in self._open if each.held and each.unread and each.since <= late]
        stuck = sorted(slow, key=lambda channel: channel.since)
        while before and before + octets > self._max_held and stuck:
            before -= stuck[0].held
            stuck.pop(0).abort()
        if before and before + octets > self._max_held:
            return False
        channel.held += octets
        return True

    def _look(self) -> None:
        now = self.seconds()
        for channel in list(self._open):
            limit = UNREAD if channel.unread else IDLE
            if (channel.unread or not channel.busy) and now - channel.since > limit:
                channel.abort()
