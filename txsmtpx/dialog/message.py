"""
The content of a message on its way from the wire to the backend.

The dialog writes, the backend reads.  Octets that are not read yet are held, up to a high-water mark.  Past it the
message is ``full``, and the dialog waits for `Message.drained`.

A client decides in how many pieces a message comes (guarantee 5).  The first `PIECES` go to the reader as they come.
After them small pieces are joined, so that a reader does the work of `PIECES` chunks and of one for each `PIECE`
octets.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IConsumer, IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.dialog.buffer import PIECE, Buffer
from txsmtpx.dialog.failure import own_failure
from txsmtpx.errors import message_too_big
from txsmtpx.interfaces import IMessage

log = Logger(__name__)

HIGH_WATER = 64 * 1024
"""Octets held for a backend that does not read.  Twisted's transports hold as many before they pause a producer."""

PIECES = 100
"""Chunks that a reader gets as they come; later ones have `PIECE` octets at least, the last excepted."""

CONTENT_LIMIT = 64 * 1024 * 1024
"""Octets that `Message.content` collects if the server has no limit."""


class MessageAborted(Exception):
    """The rest of the message will not come: the client has aborted it, or the backend has answered already."""


@implementer(IMessage, IPushProducer)
class Message:
    """
    A message as it comes, for one reader; see `IMessage`.  The dialog creates it, and uses the second half of it.

    Args:
        limit: Octets of the longest message; 0 for no limit.
        high_water: Octets held before the message is ``full``.

    Attributes:
        received: Octets that have come.
        too_big: True if more has come than the limit.
        content_limit: Octets that `content` collects.
    """

    def __init__(self, limit: int = 0, high_water: int = HIGH_WATER) -> None:
        self._limit = limit
        self.content_limit: int = limit or CONTENT_LIMIT
        self._high_water = high_water
        self._held = Buffer()
        self._passed = 0  # chunks that a reader has had
        self.received: int = 0
        self.too_big: bool = False
        self._ended = False
        self._failure: Failure | Exception | None = None
        self._content: Deferred[bytes] | None = None
        self._collected: bytes | None = None
        self._next: Deferred[bytes] | None = None
        self._consumer: IConsumer | None = None
        self._delivered: Deferred[None] | None = None
        self._paused = False
        self._drained: Deferred[None] | None = None

    def content(self, limit: int | None = None) -> Deferred[bytes]:
        """
        Return the whole message (`IMessage.content`).

        Args:
            limit: Octets; None for the limit of the server.

        Returns:
            A Deferred of the octets.  It fails with 552 for a longer message, or with what has ended the message.
        """
        if self._collected is not None:
            return succeed(self._collected)
        self._claim()
        if limit is not None:
            self.content_limit = limit
        if self._held.size > self.content_limit:
            self.fail(message_too_big())
            return fail(message_too_big())
        if self._failure is not None:
            return fail(own_failure(self._failure))
        if self._ended:
            self._collected = self._held.take()
            return succeed(self._collected)
        self._content = Deferred(self._reader_gone)
        self._relieve()
        return self._content

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    def __anext__(self) -> Deferred[bytes]:
        """Return a Deferred of the next chunk."""
        self._claim()
        if self._held.size and self._worth_passing:
            chunk = self._pass()
            self._relieve()
            return succeed(chunk)
        if self._failure is not None:
            return fail(own_failure(self._failure))
        if self._ended:
            return fail(StopAsyncIteration())
        self._next = Deferred(self._reader_gone)
        return self._next

    def deliver_to(self, consumer: IConsumer) -> Deferred[None]:
        """
        Write the whole message to a consumer (`IMessage.deliver_to`).

        Args:
            consumer: Takes the octets, and may pause the message.

        Returns:
            A Deferred that fires at the end.
        """
        self._claim()
        self._consumer = consumer
        done = self._delivered = Deferred(self._reader_gone)
        try:
            consumer.registerProducer(self, True)
        except BaseException:
            self._consumer = self._delivered = None  # it is no reader
            raise
        if self._held.size:
            self._give(self._pass())
        if self._consumer is not None and (self._ended or self._failure is not None):
            self._delivery_over()
        else:
            self._relieve()
        return done

    def pauseProducing(self) -> None:
        """Write no more: the consumer has enough for now."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Write on: the consumer takes more."""
        self._paused = False
        if self._consumer is not None and self._held.size:
            self._give(self._pass())
        if self._ended and self._consumer is not None and not self._held.size:
            self._delivery_over()
        self._relieve()

    def stopProducing(self) -> None:
        """Cancel the delivery: the consumer takes no more, and the rest is discarded."""
        if self._delivered is not None:
            self._delivered.cancel()

    def _claim(self) -> None:
        if self._content is not None or self._next is not None or self._consumer is not None:
            raise RuntimeError("the message has a reader already")

    def _reader_gone(self, reader: Deferred[object]) -> None:
        """Let another reader take the place of one that was cancelled."""
        self._content = self._next = self._delivered = None
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            try:
                consumer.unregisterProducer()
            except BaseException:
                log.failure("a consumer of a message failed")
        self._paused = False
        self._relieve()

    @property
    def _worth_passing(self) -> bool:
        """True if a reader gets what is held now; otherwise it gets that with the octets that follow."""
        held = self._held.size
        return self._passed < PIECES or held >= PIECE or held > self._high_water or self._ended

    def _pass(self) -> bytes:
        """Return what is held, for the reader."""
        self._passed += 1
        return self._held.take()

    def _relieve(self) -> None:
        if self._drained is not None and not self.full:
            drained, self._drained = self._drained, None
            drained.callback(None)

    def _give(self, chunk: bytes) -> None:
        """Write ``chunk`` to the consumer.  If that fails, the delivery has failed, and the connection goes on."""
        assert self._consumer is not None
        try:
            self._consumer.write(chunk)
        except BaseException:
            self._delivery_over(Failure())

    def _delivery_over(self, failure: Failure | None = None) -> None:
        """
        Tell the reader that the delivery has ended.

        Args:
            failure: Why the consumer takes no more.
        """
        consumer, self._consumer = self._consumer, None
        delivered, self._delivered = self._delivered, None
        if consumer is None or delivered is None:  # the consumer's own failing write has cancelled the delivery
            return
        self._paused = False
        try:
            consumer.unregisterProducer()
        except BaseException:
            failure = failure or Failure()
        if failure is None and self._failure is not None:
            failure = own_failure(self._failure)
        if failure is not None:
            delivered.errback(failure)
        else:
            delivered.callback(None)
        self._relieve()

    # ---- for the dialog

    @property
    def failed(self) -> bool:
        """True if the message has ended before its end."""
        return self._failure is not None

    @property
    def full(self) -> bool:
        """True if the dialog should wait for `drained`."""
        if self._failure is not None or self._content is not None or self._ended:
            return False
        return self._paused or self._held.size > self._high_water

    def drained(self) -> Deferred[None]:
        """
        Wait until the message is ``full`` no more.

        Returns:
            A Deferred that fires then.
        """
        self._drained = Deferred(self._writer_gone)
        return self._drained

    def _writer_gone(self, drained: Deferred[None]) -> None:
        self._drained = None

    def write(self, chunk: bytes) -> None:
        """
        Take octets, which are discarded if the message has failed.

        Args:
            chunk: The next octets.
        """
        self.received += len(chunk)
        if self._limit and self.received > self._limit:
            self.exceed()
        elif self._failure is not None:
            return
        elif self._content is not None:
            self._held.add(chunk)
            if self._held.size > self.content_limit:
                self.fail(message_too_big())
        elif self._consumer is not None and not self._paused and self._passed < PIECES:
            self._passed += 1  # what came before has been written
            self._give(chunk)
        else:
            self._held.add(chunk)
            if self._worth_passing:
                self._pass_on()

    def _pass_on(self) -> None:
        """Give what is held to a reader that waits for it."""
        if self._next is not None:
            waiting, self._next = self._next, None
            waiting.callback(self._pass())
        elif self._consumer is not None and not self._paused:
            self._give(self._pass())

    def exceed(self) -> None:
        """Fail: the message is, or will be, longer than the limit."""
        self.too_big = True
        self.fail(message_too_big())

    def finish(self) -> None:
        """End the message: all of it has come."""
        if self._failure is not None:
            return
        self._ended = True
        if self._held.size and self._content is None:
            self._pass_on()
        if self._content is not None:
            waiting, self._content = self._content, None
            self._collected = self._held.take()
            waiting.callback(self._collected)
        elif self._next is not None:
            next_chunk, self._next = self._next, None
            next_chunk.errback(StopAsyncIteration())
        elif self._consumer is not None and not self._held.size:
            self._delivery_over()

    def abandon(self) -> None:
        """Discard the held octets and all later ones, since the message has no reader any more."""
        self.fail(MessageAborted("data() has ended before it has read the message"))

    def fail(self, failure: Failure | Exception) -> None:
        """
        End the message before its end: its reader fails, now or when it comes.

        Args:
            failure: What the reader fails with.
        """
        if self._failure is not None or self._ended:
            return
        self._failure = failure
        self._held.clear()
        if self._content is not None:
            waiting, self._content = self._content, None
            waiting.errback(own_failure(failure))
        elif self._next is not None:
            next_chunk, self._next = self._next, None
            next_chunk.errback(own_failure(failure))
        elif self._consumer is not None:
            self._delivery_over()
        self._relieve()
