"""
A message that is made of another while it comes, chunk by chunk; whoever reads slowly slows the peer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer, IPushProducer
from zope.interface import implementer

from txsmtpx.dialog.buffer import Buffer
from txsmtpx.dialog.failure import own_failure
from txsmtpx.dialog.message import CONTENT_LIMIT
from txsmtpx.errors import message_too_big
from txsmtpx.interfaces import IMessage
from txsmtpx.settling import FAILURES


@implementer(IMessage)
class StreamedMessage:
    """
    See `IMessage`; it has one reader.

    Attributes:
        source: The other message.
        ended: Whether all of it has been read.

    Args:
        source: An `IMessage`.
        chunks: What this one is made of, an async generator over ``source``; what it raises its reader is told.
    """

    def __init__(self, source: Any, chunks: AsyncIterator[bytes]) -> None:
        self.source = source
        self.ended = False
        self._chunks = chunks
        self._reading = False
        self._failure: BaseException | None = None
        self._collected: bytes | None = None

    @property
    def received(self) -> int:
        """Octets of the other message that have come so far."""
        return int(self.source.received)

    @property
    def content_limit(self) -> int:
        """Octets that `content` collects where it is not told."""
        return int(getattr(self.source, "content_limit", CONTENT_LIMIT))

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """
        The next chunk.

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
        """All of it (`IMessage.content`)."""
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
        """Write it all to ``consumer`` (`IMessage.deliver_to`)."""
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
        """Read what nobody has read, for those through whose hands it passes; not where a reader has failed."""
        while not self.ended and self._failure is None:
            try:
                await self.__anext__()
            except StopAsyncIteration:
                return


@implementer(IPushProducer)
class _Valve:
    """What a consumer pauses."""

    delivered: Deferred[None]

    def __init__(self) -> None:
        self._paused = False
        self._waiting: Deferred[None] | None = None

    async def opened(self) -> None:
        """When it takes more."""
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
