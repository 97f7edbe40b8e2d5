"""A connection to a daemon that looks at one message: octets in, with back-pressure, and one answer out."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.interfaces import StreamTransport


@implementer(IPushProducer)
class DaemonConnection(Protocol):
    """
    A connection to a daemon, for one message.  A filter creates an instance of a subclass.

    Attributes:
        MAX_ANSWER: Octets of an answer.  If there are more, the connection is aborted.
    """

    MAX_ANSWER = 64 * 1024
    transport: StreamTransport  # type: ignore[assignment]  # Twisted's is None before connectionMade

    def __init__(self) -> None:
        self._received = b""
        self._lost = False
        self._room: Deferred[None] | None = None
        self._paused = False
        self._answer: Deferred[bytes] | None = None

    @property
    def has_answered(self) -> bool:
        """True if the daemon has sent an octet."""
        return bool(self._received)

    def finish(self) -> None:
        """End the request, if its octets do not."""

    def is_complete(self, received: bytes) -> bool:
        """
        Return whether an answer is complete before the daemon closes the connection.

        Args:
            received: The octets so far.

        Returns:
            True if it is.
        """
        return False

    def connectionMade(self) -> None:
        """Register as a producer, to learn when the daemon is slow."""
        self.transport.registerProducer(self, True)

    def send(self, octets: bytes) -> Deferred[None] | None:
        """
        Send octets.

        Args:
            octets: The octets.

        Returns:
            None; or a Deferred that fires when the daemon can take more.
        """
        self.transport.write(octets)
        if not self._paused or self._lost:
            return None
        self._room = Deferred()
        return self._room

    def answer(self) -> Deferred[bytes]:
        """
        End the message, and wait for the answer.

        Returns:
            The answer.  It fails with ``ConnectionLost`` if the daemon closes the connection without one.
        """
        answer = self._answer = Deferred()
        if self._lost or self.is_complete(self._received):
            self._conclude()
        else:
            self.transport.unregisterProducer()
            self.finish()
        return answer

    def abort(self) -> None:
        """Abort the connection."""
        if not self._lost:
            self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """
        Collect the answer.

        Args:
            data: The next octets.
        """
        self._received += data
        if len(self._received) > self.MAX_ANSWER:
            self.abort()
        elif self.is_complete(self._received):
            self._conclude()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        Take what was received as the answer.

        Args:
            reason: Why the connection was closed.
        """
        self._lost = True
        self._resume()
        self._conclude()

    def _conclude(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.called:
            if self._received:
                answer.callback(self._received)
            else:
                answer.errback(ConnectionLost())

    def pauseProducing(self) -> None:
        """Note that the daemon is slow."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Note that the daemon can take more."""
        self._paused = False
        self._resume()

    def stopProducing(self) -> None:
        """Do nothing: `connectionLost` follows."""

    def _resume(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.called:
            room.callback(None)
