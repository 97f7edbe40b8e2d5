"""
The body of a request to a web application: octets in memory, or a message while it is received.

A message that is sent while it is received has no Content-Length.  `txsmtpx.backends.held_message` has another kind:
such a message has one, and can be signed and sent more than once.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IProducer, IPushProducer
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from txsmtpx.interfaces import Clock, Message

AHEAD = 64 * 1024
"""Octets of a message that are read before a connection is needed.  Most messages are shorter."""


class Content(Protocol):
    """The content of a request."""

    def body(self) -> IBodyProducer | bytes:
        """
        Return the body of a request.

        Returns:
            The body.
        """

    async def sign(self, signature: hmac.HMAC, clock: Clock) -> None:
        """
        Update a signature with the body.

        Args:
            signature: The signature.
            clock: The reactor.
        """

    def close(self) -> None:
        """Delete what is held."""


@dataclass(frozen=True)
class Octets:
    """
    A content in memory.

    Attributes:
        octets: The content.
    """

    octets: bytes

    def body(self) -> IBodyProducer | bytes:
        """
        Return the body of a request.

        Returns:
            The octets.
        """
        return self.octets

    async def sign(self, signature: hmac.HMAC, clock: Clock) -> None:
        """
        Update a signature with the body.

        Args:
            signature: The signature.
            clock: The reactor.
        """
        signature.update(self.octets)

    def close(self) -> None:
        """Do nothing: no file is held."""


class Stream:
    """
    A message that is sent while it is received.  It can be sent once, and cannot be signed.

    Args:
        beginning: What has been read of it.
        message: The rest.
        ended: Called by `close`.
    """

    def __init__(self, beginning: bytes, message: Message, ended: Callable[[], object]) -> None:
        self._beginning = beginning
        self._message = message
        self._ended = ended

    def body(self) -> IBodyProducer | bytes:
        """
        Return the body of a request.

        Returns:
            The body.
        """
        return cast(IBodyProducer, StreamedBody(self._beginning, self._message))

    async def sign(self, signature: hmac.HMAC, clock: Clock) -> None:
        """
        Refuse to update a signature.

        Args:
            signature: The signature.
            clock: The reactor.

        Raises:
            TypeError: Always.
        """
        raise TypeError("a message is signed after it has been received")

    def close(self) -> None:
        """End the stream."""
        self._ended()


@implementer(IBodyProducer, IConsumer)
class StreamedBody:
    """
    The body of a message that is being received.

    It is the consumer of the message, and the producer of the request.  So the message stops while the application does
    not read.

    Attributes:
        length: Unknown.

    Args:
        beginning: What has been read of it.
        message: The rest.
    """

    length = UNKNOWN_LENGTH

    def __init__(self, beginning: bytes, message: Message) -> None:
        self._beginning = beginning
        self._message = message
        self._paused = False
        self._producer: IPushProducer | None = None
        self._request: IConsumer | None = None

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """
        Write the message to the request.

        Args:
            consumer: The request.

        Returns:
            A Deferred that fires at the end of the message.
        """
        self._request = consumer
        beginning, self._beginning = self._beginning, b""
        if beginning:
            consumer.write(beginning)
        return self._message.deliver_to(cast(IConsumer, self))

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """
        Take the message as the producer.

        Args:
            producer: The message.
            streaming: True.
        """
        self._producer = cast(IPushProducer, producer)
        if self._paused:
            self._producer.pauseProducing()

    def unregisterProducer(self) -> None:
        """Forget the message."""
        self._producer = None

    def write(self, data: bytes) -> None:
        """
        Write octets of the message to the request.

        Args:
            data: The octets.
        """
        assert self._request is not None
        self._request.write(data)

    def pauseProducing(self) -> None:
        """Pause the message: the application does not read."""
        self._paused = True
        if self._producer is not None:
            self._producer.pauseProducing()

    def resumeProducing(self) -> None:
        """Resume the message."""
        self._paused = False
        if self._producer is not None:
            self._producer.resumeProducing()

    def stopProducing(self) -> None:
        """Stop the message: the request has ended."""
        if self._producer is not None:
            self._producer.stopProducing()
