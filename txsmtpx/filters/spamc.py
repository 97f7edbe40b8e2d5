"""
SPAMC/1.5, the protocol of SpamAssassin's daemon: one connection, which asks about one message.

The message goes there as it comes, without a length; that its end has come the daemon learns from our half of the
connection.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

_RESULT = re.compile(rb"SPAMD/[0-9.]+ ([0-9]+) (\S*)\r\n")
_SPAM = re.compile(rb"^Spam: *(True|False|Yes|No) *; *(-?[0-9.]+) */ *(-?[0-9.]+)", re.MULTILINE | re.IGNORECASE)

MAX_ANSWER = 64 * 1024
"""Octets that it may say."""


@dataclass(frozen=True)
class Score:
    """
    What SpamAssassin thinks of a message.

    Attributes:
        spam: Whether ``score`` has reached ``threshold``.
    """

    spam: bool
    score: float
    threshold: float


class SpamdError(Exception):
    """It has no opinion, or said so in a way that is not its protocol's."""


def score_in(answer: bytes) -> Score:
    """
    Read an answer.

    Raises:
        SpamdError: It is none.
    """
    result = _RESULT.match(answer)
    if result is None:
        raise SpamdError(f"not the protocol of spamd: {answer[:80]!r}")
    if int(result[1]):
        raise SpamdError(f"spamd says {result[1].decode()} {result[2].decode('ascii', 'replace')}")
    found = _SPAM.search(answer, result.end())
    if found is None:
        raise SpamdError("spamd says nothing of spam")
    return Score(found[1].lower() in (b"true", b"yes"), float(found[2]), float(found[3]))


@implementer(IHalfCloseableProtocol, IPushProducer)
class Connection(Protocol):
    """A connection, for one message."""

    transport: Any

    def __init__(self) -> None:
        self._heard = b""
        self._lost = False
        self._room: Deferred[None] | None = None
        self._paused = False
        self._answer: Deferred[bytes] | None = None

    def connectionMade(self) -> None:
        """Be told when there is too much on the way."""
        self.transport.registerProducer(self, True)

    def say(self, octets: bytes) -> Deferred[None] | None:
        """Say ``octets``; where there is too much on the way, a Deferred of when there is not."""
        self.transport.write(octets)
        if not self._paused or self._lost:
            return None
        self._room = Deferred()
        return self._room

    def answer(self) -> Deferred[bytes]:
        """That was all: what it answers to it."""
        answer = self._answer = Deferred()
        if self._lost:
            self._conclude()
        else:
            self.transport.unregisterProducer()
            self.transport.loseWriteConnection()
        return answer

    def give_up(self) -> None:
        """Hang up at once."""
        if not self._lost:
            self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Part of the answer."""
        self._heard += data
        if len(self._heard) > MAX_ANSWER:
            self.give_up()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """That was the answer."""
        self._lost = True
        self._let_go()
        self._conclude()

    def _conclude(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.called:
            if self._heard:
                answer.callback(self._heard)
            else:
                answer.errback(ConnectionLost())

    def readConnectionLost(self) -> None:
        """It has said everything."""
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """We have."""

    def pauseProducing(self) -> None:
        """There is too much on the way."""
        self._paused = True

    def resumeProducing(self) -> None:
        """There is not."""
        self._paused = False
        self._let_go()

    def stopProducing(self) -> None:
        """The connection is lost."""

    def _let_go(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.called:
            room.callback(None)
