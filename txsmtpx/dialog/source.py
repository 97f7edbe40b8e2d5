"""Bodies that a client sends: octets, an `EmailMessage`, a file, an iterator, a producer; each read as pieces."""

from __future__ import annotations

import io
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
    Iterator,
    Mapping,
)
from email.message import Message

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.content.serialization import serialized
from txsmtpx.dialog.client_body import BodyProducer, ClientBody, ReadableFile, SeekableFile, check_body, check_piece
from txsmtpx.dialog.demands import Content, Watch, of_file, of_octets, of_pieces
from txsmtpx.interfaces import InThread

CHUNK = 128 * 1024
"""Octets that are read from a file at a time."""


class Source:
    """
    A body, read piece by piece.  `source` creates one for each transaction.

    Attributes:
        octets: The whole body, if it is in memory; otherwise None.
        checked: True if it is known that each line end of `octets` is a CRLF.
        watch: Looks at each piece that is not in memory, before it is sent; None for nothing.

    Args:
        chunks: The pieces; None if there are octets.
        octets: See the attribute.
    """

    def __init__(
        self, chunks: Iterable[bytes] | AsyncIterable[bytes] | None, octets: bytes | None = None
    ) -> None:
        self._chunks = chunks
        self._ready: Iterator[bytes] | None = None
        if isinstance(chunks, Iterable) and not isinstance(chunks, AsyncIterable):
            self._ready = iter(chunks)
        self._running = self._coming()
        self._at = 0
        self.octets = octets
        self.checked = False
        self.watch: Watch | None = None

    def at_hand(self, size: int) -> bytes | None:
        """
        Return the next piece, if there is one without waiting.

        Args:
            size: Octets of a piece of what is in memory.

        Returns:
            The piece; empty after the last; None if it must be awaited by `next`.

        Raises:
            NotOffered: The server does not accept the piece.
            TypeError: The piece is no octets.
        """
        if self.octets is not None:
            at, self._at = self._at, self._at + size
            return self.octets[at : at + size]
        if self._ready is None:
            return None
        for chunk in self._ready:
            if chunk:
                return self._seen(chunk)
        return b""

    def _seen(self, piece: bytes) -> bytes:
        """Return a piece that may be sent."""
        check_piece(piece)
        if self.watch is not None:
            self.watch.see(piece)
        return piece

    @property
    def exhausted(self) -> bool:
        """True if it is known that nothing more comes."""
        return self.octets is not None and self._at >= len(self.octets)

    async def _coming(self) -> AsyncGenerator[bytes, None]:
        """Yield the pieces that must be awaited, none of them empty."""
        assert isinstance(self._chunks, AsyncIterable)
        async for chunk in self._chunks:
            if chunk:
                yield chunk

    async def next(self) -> bytes:
        """
        Wait for the next piece.

        Returns:
            The piece; empty after the last.

        Raises:
            NotOffered: The server does not accept the piece.
            TypeError: The piece is no octets.
        """
        try:
            return self._seen(await self._running.__anext__())
        except StopAsyncIteration:
            return b""

    async def close(self) -> None:
        """Note that no further piece is read."""
        await self._running.aclose()
        if isinstance(self._chunks, AsyncGenerator | _Producer):
            await self._chunks.aclose()
        elif isinstance(self._ready, Generator):
            self._ready.close()


def source(body: ClientBody, offered: Mapping[str, object], in_thread: InThread, utf8: bool) -> Source:
    """
    Make any body readable piece by piece.

    Args:
        body: `bytes`, an `EmailMessage`, a binary file object, an `IBodyProducer`, or an iterable or async iterable of
            `bytes`.
        offered: The extensions of the server; an `EmailMessage` is written as they allow.
        in_thread: Calls a function in a thread, for files.
        utf8: True if header fields may be written in UTF-8 (RFC 6532).

    Returns:
        The source.

    Raises:
        TypeError: The body is none of these.
    """
    if isinstance(body, bytes | bytearray | memoryview):
        return Source(None, bytes(body))
    if isinstance(body, Message):
        return Source(None, serialized(body, eight_bit="8BITMIME" in offered, utf8=utf8))
    check_body(body)
    if isinstance(body, ReadableFile):
        return Source(_read(body, in_thread))
    if isinstance(body, BodyProducer):
        return Source(_Producer(body))
    return Source(body)


async def look(file: SeekableFile, binary: bool, in_thread: InThread) -> Content:
    """
    Read a file before it is sent, in a thread unless it is in memory.

    Args:
        file: The file.
        binary: True if it is sent as it is, whatever its lines end in.
        in_thread: Calls a function in a thread.

    Returns:
        What is known of it.

    Raises:
        TypeError: It is open for text.
    """
    if isinstance(file, io.BytesIO):
        return of_file(file, binary)
    known = await in_thread(of_file, file, binary)
    assert isinstance(known, Content)
    return known


def content(body: ClientBody, made: Source, binary: bool) -> Content:
    """
    Return what is known of a body that is no seekable file.

    Args:
        body: The body.
        made: Its `source`.
        binary: True if it is sent as it is, whatever its lines end in.

    Returns:
        What is known of it.
    """
    if made.octets is not None:
        return of_octets(made.octets, binary)
    if isinstance(body, list | tuple) and all(isinstance(piece, bytes) for piece in body):
        return of_pieces(body, binary, sized=False)
    length = getattr(body, "length", None)  # of an IBodyProducer, which counts as its own octets come
    return Content(length if isinstance(length, int) else None, None, None)


async def _read(file: ReadableFile, in_thread: InThread) -> AsyncGenerator[bytes, None]:
    """Yield the pieces of a file, read in a thread unless it is in memory."""
    memory = isinstance(file, io.BytesIO)
    while True:
        chunk: object = file.read(CHUNK) if memory else await in_thread(file.read, CHUNK)
        if isinstance(chunk, str):
            raise TypeError("the file is open for text, a body is octets")
        if not chunk:
            return
        check_piece(chunk)
        assert isinstance(chunk, bytes | bytearray | memoryview)
        yield bytes(chunk)


@implementer(IConsumer)
class _Producer:
    """The pieces of an `IBodyProducer`, which is paused while one of them has not been read."""

    def __init__(self, producer: BodyProducer) -> None:
        self._producer = producer
        self._started = False
        self._paused = False
        self._held: list[bytes] = []
        self._waiting: Deferred[bytes] | None = None
        self._ended = False
        self._failure: Failure | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._started:
            self._started = True
            self._producer.startProducing(self).addBoth(self._over)
        if not self._held and not self._ended:
            self._waiting = Deferred()
            if self._paused:
                self._paused = False
                self._producer.resumeProducing()
            if self._waiting is not None:
                await self._waiting
        if self._held:
            return self._held.pop(0)
        if self._failure is not None:
            self._failure.raiseException()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Stop the producer."""
        if self._started and not self._ended:
            self._ended = True
            self._producer.stopProducing()

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """
        Do nothing: an `IBodyProducer` does not call this.

        Args:
            producer: The producer.
            streaming: True if it is a push producer.
        """

    def unregisterProducer(self) -> None:
        """Do nothing: an `IBodyProducer` does not call this."""

    def write(self, data: bytes) -> None:
        """
        Take a piece; the next comes when this one has been read.

        Args:
            data: The piece.
        """
        self._held.append(data)
        if not self._paused:
            self._paused = True
            self._producer.pauseProducing()
        self._wake()

    def _over(self, result: object) -> None:
        self._ended = True
        if isinstance(result, Failure):
            self._failure = result
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(b"")
