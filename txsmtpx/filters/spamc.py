"""
The client of SPAMC/1.5, the protocol of SpamAssassin's daemon: a connection for each message.

The message is sent while it is received, without a length.  The client closes its half of the connection at the end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.interfaces import StreamTransport

_RESULT = re.compile(rb"SPAMD/[0-9.]+ ([0-9]+) (\S*)\r\n")
_SPAM = re.compile(rb"^Spam: *(True|False|Yes|No) *; *(-?[0-9.]+) */ *(-?[0-9.]+)", re.MULTILINE | re.IGNORECASE)

MAX_ANSWER = 64 * 1024
"""Octets of an answer; of more, the connection is aborted."""


@dataclass(frozen=True)
class Score:
    """
    The result of SpamAssassin for a message.

    Attributes:
        spam: True if ``score`` has reached ``threshold``.
        score: The score.
        threshold: The score from which on a message is spam.
    """

    spam: bool
    score: float
    threshold: float


class SpamdError(Exception):
    """The daemon has answered with an error, or not by its protocol."""


def score_in(answer: bytes) -> Score:
    r"""
    Parse an answer.

    Args:
        answer: The answer of the daemon.

    Returns:
        The score.

    Raises:
        SpamdError: It has none.

    Example:
        >>> score_in(b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; 12.5 / 5.0\r\n\r\n")
        Score(spam=True, score=12.5, threshold=5.0)
    """
    result = _RESULT.match(answer)
    if result is None:
        raise SpamdError(f"not the protocol of spamd: {answer[:80]!r}")
    if int(result[1]):
        raise SpamdError(f"spamd replied {result[1].decode()} {result[2].decode('ascii', 'replace')}")
    found = _SPAM.search(answer, result.end())
    if found is None:
        raise SpamdError("the reply of spamd has no verdict")
    return Score(found[1].lower() in (b"true", b"yes"), float(found[2]), float(found[3]))


@implementer(IHalfCloseableProtocol, IPushProducer)
class SpamcProtocol(Protocol):
    """A connection to the daemon, for one message.  A filter creates it."""

    transport: StreamTransport  # type: ignore[assignment]  # Twisted's is None before connectionMade

    def __init__(self) -> None:
        self._received = b""
        self._lost = False
        self._room: Deferred[None] | None = None
        self._paused = False
        self._answer: Deferred[bytes] | None = None

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
        Close the half of the client, and wait for the answer.

        Returns:
            The answer.
        """
        answer = self._answer = Deferred()
        if self._lost:
            self._conclude()
        else:
            self.transport.unregisterProducer()
            self.transport.loseWriteConnection()
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
        if len(self._received) > MAX_ANSWER:
            self.abort()

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

    def readConnectionLost(self) -> None:
        """Close the connection, since the daemon has sent everything."""
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Do nothing: the client has closed its half itself."""

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
