"""The bodies of requests to web servers."""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from txsmtpx.wire.time_budget import TimeBudget


@implementer(IBodyProducer)
class Octets:
    """
    A body in memory.

    Attributes:
        length: Its octets.

    Args:
        octets: The body.
    """

    def __init__(self, octets: bytes) -> None:
        self.length = len(octets)
        self._octets = octets

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """
        Write the body.

        Args:
            consumer: The request.

        Returns:
            A Deferred that has fired.
        """
        consumer.write(self._octets)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Do nothing: all has been written."""

    def resumeProducing(self) -> None:
        """Do nothing."""

    def stopProducing(self) -> None:
        """Do nothing."""


@implementer(IBodyProducer)
class TimedBody:
    """
    A body whose producer is not hurried: time is spent while the server is waited for, not while the producer is.

    Attributes:
        length: The octets of the body, or ``UNKNOWN_LENGTH``.
        whole: True after the end of the body.

    Args:
        body: The body.
        budget: The time for the server.
    """

    def __init__(self, body: IBodyProducer, budget: TimeBudget) -> None:
        self.length = body.length
        self.whole: bool = False
        self._body = body
        self._budget = budget
        self._running = False
        self._paused = False

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """
        Write the body.

        Args:
            consumer: The request.

        Returns:
            A Deferred that fires at the end of the body.
        """
        self._budget.stop()
        self._running = True
        produced: Deferred[None] = self._body.startProducing(consumer)
        done: Deferred[None] = Deferred(lambda _: produced.cancel())
        produced.addBoth(self._ended, done)
        return done

    def _ended(self, result: Failure | None, done: Deferred[None]) -> None:
        if self._running:  # otherwise the request has ended, and takes no result
            self._running = False
            self.whole = True
            self._budget.start()
            done.callback(cast(None, result))

    def pauseProducing(self) -> None:
        """Write no more for now: the server does not read."""
        if self._running and not self._paused:
            self._paused = True
            self._budget.start()
            self._body.pauseProducing()

    def resumeProducing(self) -> None:
        """Write on."""
        if self._paused:
            self._paused = False
            self._budget.stop()
            self._body.resumeProducing()

    def stopProducing(self) -> None:
        """Write no more: the request has ended."""
        if self._running:
            self._running = False
            self._body.stopProducing()
