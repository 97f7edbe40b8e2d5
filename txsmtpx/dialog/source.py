"""
Bodies that a client sends: octets, an `EmailMessage`, a file, an iterator, a producer; all as an iterator of chunks.
"""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping, Set
from email.message import Message
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from zope.interface import implementer

from txsmtpx.content.serialization import serialized
from txsmtpx.dialog.demands import Content, Watch, of_file, of_octets, of_pieces

CHUNK = 128 * 1024
"""Octets that are read from a file at a time."""


class Source:
    """
    What is to be sent.

    Attributes:
        octets: All of it, where it is in memory; None where it comes by and by.
        checked: Whether it is known that each line end of ``octets`` is a CRLF.
        watch: Sees each piece that comes by and by, before it is sent; None for nothing.

    Args:
        chunks: An iterable or async iterable of ``bytes``; not used where there are ``octets``.
    """

    def __init__(self, chunks: Any, octets: bytes | None = None) -> None:
        self._chunks = chunks
        waits = octets is not None or hasattr(chunks, "__aiter__")
        self._ready: Iterator[bytes] | None = None if waits else iter(chunks)
        self._running = self._coming()
        self._at = 0
        self.octets = octets
        self.checked = False
        self.watch: Watch | None = None

    def at_hand(self, size: int) -> bytes | None:
        """
        The next piece, empty after the last, where there is one without waiting; None where it must be waited for.

        Args:
            size: Of a piece of what is in memory.
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
        """
        A piece that may be sent.

        Raises:
            NotOffered: It may not.
            TypeError: It is no octets.
        """
        _check_piece(piece)
        if self.watch is not None:
            self.watch.see(piece)
        return piece

    @property
    def exhausted(self) -> bool:
        """Whether it is known that nothing more comes."""
        return self.octets is not None and self._at >= len(self.octets)

    async def _coming(self) -> AsyncGenerator[bytes, None]:
        """What must be waited for, a piece at a time, never empty."""
        async for chunk in self._chunks:
            if chunk:
                yield chunk

    async def next(self) -> bytes:
        """The next piece, empty after the last, of what must be waited for."""
        try:
            return self._seen(await self._running.__anext__())
        except StopAsyncIteration:
            return b""

    async def close(self) -> None:
        """Nothing more is wanted."""
        await self._running.aclose()
        if hasattr(self._chunks, "aclose"):
            await self._chunks.aclose()
        elif isinstance(self._ready, Generator):
            self._ready.close()


def source(body: Any, offered: Mapping[str, Any], in_thread: Callable[..., Deferred[Any]], utf8: bool) -> Source:
    """
    Whatever a user calls a body.

    Args:
        body: ``bytes``, an ``EmailMessage``, a binary file object, an ``IBodyProducer``, or an iterable or async
            iterable of ``bytes``.
        offered: The server's extensions; an ``EmailMessage`` is written as they allow.
        in_thread: Calls a function in a thread, for files.
        utf8: Whether headers may be written in UTF-8 (RFC 6532).

    Raises:
        TypeError: It is none of these.
    """
    if isinstance(body, bytes | bytearray | memoryview):
        return Source(None, bytes(body))
    if isinstance(body, Message):
        return Source(None, serialized(body, eight_bit="8BITMIME" in offered, utf8=utf8))
    check_body(body)
    if hasattr(body, "read"):
        return Source(_read(body, in_thread))
    if hasattr(body, "startProducing"):
        return Source(_Producer(body))
    return Source(body)


def check_body(body: Any) -> None:
    """
    Check that this is one of the bodies that `source` takes.

    Raises:
        TypeError: It is none.
    """
    if isinstance(body, io.TextIOBase):
        raise TypeError("the file is open for text, a body is octets")
    if isinstance(body, Message) or any(hasattr(body, each) for each in ("read", "startProducing", "__aiter__")):
        return
    if isinstance(body, str | Mapping | Set) or not isinstance(body, Iterable | memoryview):
        raise TypeError(f"not a body: {type(body).__name__}")
    if isinstance(body, list | tuple):
        for piece in body:
            _check_piece(piece)


def _check_piece(piece: Any) -> None:
    """
    Raises:
        TypeError: It is no octets.
    """
    if not isinstance(piece, bytes | bytearray | memoryview):
        raise TypeError(f"a body is octets, and a piece of it is {type(piece).__name__}")


def needs_look(body: Any) -> bool:
    """Whether a body is a file that can be looked at before it is sent."""
    return hasattr(body, "read") and hasattr(body, "seekable") and bool(body.seekable())


async def look(file: Any, binary: bool, in_thread: Callable[..., Deferred[Any]]) -> Content:
    """
    What is known of a file, in a thread unless it is in memory.

    Args:
        binary: It is sent as it is, whatever its lines end in.

    Raises:
        TypeError: It is open for text.
    """
    if isinstance(file, io.BytesIO):
        return of_file(file, binary)
    known: Content = await in_thread(of_file, file, binary)
    return known


def content(body: Any, made: Source, binary: bool) -> Content:
    """
    What is known of a body that is not a file.

    Args:
        made: Its `source`.
        binary: It is sent as it is, whatever its lines end in.
    """
    if made.octets is not None:
        return of_octets(made.octets, binary)
    if isinstance(body, list | tuple) and all(isinstance(piece, bytes) for piece in body):
        return of_pieces(body, binary, sized=False)
    length = getattr(body, "length", None)  # of an IBodyProducer, which counts as its own octets come
    return Content(length if isinstance(length, int) else None, None, None)


async def _read(file: Any, in_thread: Callable[..., Deferred[Any]]) -> AsyncIterator[bytes]:
    """A file, read in a thread unless it is in memory."""
    memory = isinstance(file, io.BytesIO)
    while True:
        chunk = file.read(CHUNK) if memory else await in_thread(file.read, CHUNK)
        if isinstance(chunk, str):
            raise TypeError("the file is open for text, a body is octets")
        if not chunk:
            return
        yield chunk


@implementer(IConsumer)
class _Producer:
    """An ``IBodyProducer`` as an iterator: paused whenever something has not been fetched."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer
        self._started = False
        self._paused = False
        self._held: list[bytes] = []
        self._waiting: Deferred[bytes] | None = None
        self._ended: Any = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._started:
            self._started = True
            self._producer.startProducing(self).addBoth(self._over)
        if not self._held and self._ended is None:
            self._waiting = Deferred()
            if self._paused:
                self._paused = False
                self._producer.resumeProducing()
            if self._waiting is not None:
                await self._waiting
        if self._held:
            return self._held.pop(0)
        if hasattr(self._ended, "raiseException"):
            self._ended.raiseException()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Nothing more is wanted."""
        if self._started and self._ended is None:
            self._ended = True
            self._producer.stopProducing()

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """Not used by an ``IBodyProducer``, which was there first."""

    def unregisterProducer(self) -> None:
        """Likewise."""

    def write(self, data: bytes) -> None:
        """Take a chunk; the next when this one has been fetched."""
        self._held.append(data)
        if not self._paused:
            self._paused = True
            self._producer.pauseProducing()
        self._wake()

    def _over(self, result: object) -> None:
        self._ended = result if result is not None else True
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(b"")
