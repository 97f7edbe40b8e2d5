"""
Connections that carry no mail: those of the web inbox and of the figures for Prometheus.  They speak HTTP.

How many there are, how long they may be silent, and how much memory they take is limited:

  - They share the file descriptors of the process with mail.  `most_connections` leaves most of them for mail.
  - A client that does not read stops what is written to it: at most 64 KiB wait in the transport, and one piece of the
    answer.  After `UNREAD` seconds the connection is aborted.
  - An answer may hold what was made for it, such as a part of a long message.  All answers of a port together hold
    `MAX_HELD` octets; where more are needed, the connection that has not read for the longest time is aborted.
  - When there are as many connections as there may be, a new one takes the place of the one that has been silent for
    the longest time: between two requests, in the middle of a request, or not reading.  If all of them are busy, the
    new one is closed.  So clients that only hold connections do not lock out the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

from txsmtpx.wire.descriptors import limit

log = Logger(__name__)

SHARE = 8
"""One of so many file descriptors may be that of a connection of one such port."""

MAX_HELD = 64 * 1024 * 1024
"""Octets that all answers together may hold, besides the messages that are kept."""

IDLE = 60
"""Seconds for a request to come in, the silence before it among them (nginx: client_header_timeout, 60)."""

UNREAD = 30
"""Seconds in which a client has to read what waits for it, 64 KiB or more (nginx: send_timeout, 60)."""

SLOW = 1
"""Seconds without reading, after which a connection may be aborted for others."""

LOOK = 5
"""Seconds between two checks of these times."""


def most_connections(most: int, limit: Callable[[], int] = limit) -> int:
    """
    Return how many connections a port that carries no mail may have at a time.

    Args:
        most: the number where the process may have any number of descriptors.
        limit: how many descriptors the process may have, 0 where nobody counts.

    Returns:
        The lesser of ``most`` and an eighth of the descriptors; at least 1.
    """
    descriptors = limit()
    return min(most, max(1, descriptors // SHARE)) if descriptors else most


class Refused(Protocol):
    """
    A connection beyond the limit.

    A factory returns it instead of None, since the factory that Twisted puts around another one for TLS takes no None.
    """

    transport: Any

    def connectionMade(self) -> None:
        """Close the connection, and do not wait for the client: it may not even begin with TLS."""
        self.transport.abortConnection()


class LimitedHTTPChannel(HTTPChannel):
    """
    A connection, which speaks HTTP/1.1.

    Attributes:
        busy: whether a request is being answered.
        unread: whether the client does not read what has been written.
        since: when the last of these changed, or the connection was made; seconds of the clock.
        held: octets that the answer holds.
    """

    site: Any
    transport: Any
    busy = False
    unread = False
    since = 0.0
    held = 0
    _read: Deferred[None] | None = None

    def connectionMade(self) -> None:
        """Count the connection."""
        HTTPChannel.connectionMade(self)
        self.site.connections.add(self)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Forget the connection."""
        self.site.connections.remove(self)
        HTTPChannel.connectionLost(self, reason)

    def allContentReceived(self) -> None:
        """A request has come in."""
        self.busy, self.since = True, self.site.connections.seconds()
        HTTPChannel.allContentReceived(self)

    def requestDone(self, request: Any) -> None:
        """A request has been answered."""
        self.busy, self.since = False, self.site.connections.seconds()
        self.held = 0
        HTTPChannel.requestDone(self, request)

    def read(self) -> Deferred[None]:
        """Wait until the client has read what has been written; never fires if it does not."""
        self._read = Deferred()
        return self._read

    def pauseProducing(self) -> None:
        """The client does not read."""
        if not self.unread:
            self.unread, self.since = True, self.site.connections.seconds()
        HTTPChannel.pauseProducing(self)

    def resumeProducing(self) -> None:
        """The client has read everything."""
        self.unread, self.since = False, self.site.connections.seconds()
        HTTPChannel.resumeProducing(self)
        read, self._read = self._read, None
        if read is not None:
            read.callback(None)

    def abort(self) -> None:
        """Close the connection, and do not wait for the client."""
        self.site.connections.remove(self)
        self.transport.abortConnection()


class Connections:
    """
    All connections of a port.

    Args:
        name: what the log calls the port.
        most: connections at a time.
        max_held: octets that all answers together may hold.
    """

    def __init__(self, clock: IReactorTime, name: str, most: int, max_held: int = MAX_HELD) -> None:
        self._name = name
        self._most = most
        self._max_held = max_held
        self._open: dict[LimitedHTTPChannel, None] = {}  # in the order in which they came
        self._full = False
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock
        self.seconds = clock.seconds

    def start(self) -> None:
        """Check the times from now on."""
        self._looking.start(LOOK, now=False)

    def stop(self) -> None:
        """Check them no more."""
        self._looking.stop()

    def add(self, channel: LimitedHTTPChannel) -> None:
        """Count a new connection."""
        channel.since = self.seconds()
        self._open[channel] = None

    def remove(self, channel: LimitedHTTPChannel) -> None:
        """Forget a connection that is lost, or about to be."""
        self._open.pop(channel, None)
        if self._full and len(self._open) <= self._most // 2:  # so that a few clients do not fill the log
            self._full = False
            log.info("{name} has room for new connections again", name=self._name)

    def abort(self) -> None:
        """Close all connections."""
        for channel in list(self._open):
            channel.abort()

    def make_room(self) -> bool:
        """Return whether one more connection is allowed; a silent one may be aborted for it."""
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
        Count what an answer holds until it is over; connections that do not read may be aborted for it.

        Returns:
            Whether it may be held. A single answer may hold any number of octets.
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
