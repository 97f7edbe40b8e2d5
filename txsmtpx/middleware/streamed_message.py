"""
A message that is made from another one while it is received, chunk by chunk.

A slow reader slows down the client.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer, IPushProducer
from zope.interface import implementer

from txsmtpx.dialog.buffer import Buffer
from txsmtpx.dialog.failure import own_failure
from txsmtpx.errors import message_too_big
from txsmtpx.interfaces import IMessage, Message
from txsmtpx.settling import FAILURES


@implementer(IMessage)
class StreamedMessage:
    """
    A message with one reader; see `IMessage`.

    Args:
        source: The other message.
        chunks: The octets of this one: an async generator over ``source``.  Its exceptions are raised in the reader.

    Attributes:
        source: The other message.
        ended: True after all of this one has been read.
    """

    def __init__(self, source: Message, chunks: AsyncIterator[bytes]) -> None:
        self.source = source
        self.ended: bool = False
        self._chunks = chunks
        self._reading = False
        self._failure: BaseException | None = None
        self._collected: bytes | None = None

    @property
    def received(self) -> int:
        """The octets of the other message that were received so far."""
        return self.source.received

    @property
    def content_limit(self) -> int:
        """The octets that `content` collects if its limit is None."""
        return self.source.content_limit

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """
        Return the next chunk.

        Returns:
            The chunk.

        Raises:
            RuntimeError: There is another reader.
        """
        if self._reading:
            raise RuntimeError("the message has a reader already")
        if self._failure is not None:  # an async generator that has failed would look as if it had come to its end
            own_failure(self._failure).raiseException()
        self._reading = True
        try:
            return await self._chunks.__anext__()
        except StopAsyncIteration:
            self.ended = True
            raise
        except FAILURES as error:
            self._failure = error
            raise
        finally:
            self._reading = False

    def content(self, limit: int | None = None) -> Deferred[bytes]:
        """
        Return the whole message (`IMessage.content`).

        Args:
            limit: The most octets.  None: `content_limit`.

        Returns:
            The octets.
        """
        if self._collected is not None:
            return succeed(self._collected)
        return Deferred.fromCoroutine(self._collect(self.content_limit if limit is None else limit))

    async def _collect(self, limit: int) -> bytes:
        held = Buffer()
        async for chunk in self:
            held.add(chunk)
            if held.size > limit:
                raise message_too_big()
        self._collected = held.take()
        return self._collected

    def deliver_to(self, consumer: IConsumer) -> Deferred[None]:
        """
        Write the whole message to a consumer (`IMessage.deliver_to`).

        Args:
            consumer: It may pause the message.

        Returns:
            A Deferred that fires at the end of the message.
        """
        valve = _Valve()
        delivered = valve.delivered = Deferred.fromCoroutine(self._deliver(consumer, valve))
        return delivered

    async def _deliver(self, consumer: IConsumer, valve: _Valve) -> None:
        consumer.registerProducer(valve, True)
        try:
            async for chunk in self:
                await valve.opened()
                consumer.write(chunk)
            await valve.opened()
        finally:
            consumer.unregisterProducer()

    async def rest(self) -> None:
        """Read the rest and discard it, since the generator has side effects; not after a failure."""
        while not self.ended and self._failure is None:
            try:
                await self.__anext__()
            except StopAsyncIteration:
                return


@implementer(IPushProducer)
class _Valve:
    """The producer of `StreamedMessage.deliver_to`."""

    delivered: Deferred[None]

    def __init__(self) -> None:
        self._paused = False
        self._waiting: Deferred[None] | None = None

    async def opened(self) -> None:
        """Wait until the consumer takes more."""
        if self._paused:
            self._waiting = Deferred()
            await self._waiting

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def stopProducing(self) -> None:
        self.delivered.cancel()
