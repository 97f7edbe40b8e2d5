"""
Bodies that a client sends: octets, an L{EmailMessage}, a file, an iterator, a producer; all as an iterator of chunks.
"""

from __future__ import annotations

import copy
import io
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from email import policy
from email.generator import BytesGenerator
from email.message import EmailMessage, Message
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from zope.interface import implementer

CHUNK = 128 * 1024
"""Octets handed on at a time."""


class Source:
    """
    What is to be sent.

    @ivar octets: all of it, where it is in memory; None where it comes by and by.
    @ivar eight_bit: whether it may hold octets above 127.
    """

    def __init__(self, chunks: Any, octets: bytes | None = None) -> None:
        self._chunks = chunks
        self.octets = octets
        self.eight_bit = octets is None or not octets.isascii()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The octets, a chunk at a time, never empty."""
        if self.octets is not None:
            for at in range(0, len(self.octets), CHUNK):
                yield self.octets[at : at + CHUNK]
        elif hasattr(self._chunks, "__aiter__"):
            async for chunk in self._chunks:
                if chunk:
                    yield chunk
        else:
            for chunk in self._chunks:
                if chunk:
                    yield chunk


def source(body: Any, offered: Mapping[str, Any], in_thread: Callable[..., Deferred[Any]], utf8: bool) -> Source:
    """
    Whatever a user calls a body.

    @param body: C{bytes}, an C{EmailMessage}, a binary file object, an C{IBodyProducer}, or an iterable or async
        iterable of C{bytes}.
    @param offered: the server's extensions; an C{EmailMessage} is written as they allow.
    @param in_thread: calls a function in a thread, for files.
    @param utf8: whether headers may be written in UTF-8 (RFC 6532).
    @raise TypeError: it is none of these.
    """
    if isinstance(body, bytes | bytearray | memoryview):
        return Source(None, bytes(body))
    if isinstance(body, Message):
        return Source(None, serialized(body, eight_bit="8BITMIME" in offered, utf8=utf8))
    if hasattr(body, "read"):
        return Source(_read(body, in_thread))
    if hasattr(body, "startProducing"):
        return Source(_Producer(body))
    if hasattr(body, "__aiter__") or (isinstance(body, Iterable) and not isinstance(body, str)):
        return Source(body)
    raise TypeError(f"not a body: {type(body).__name__}")


def needs_utf8(message: Any) -> bool:
    """Whether an address in a header has a local part that is not ASCII, so that only RFC 6532 can write it."""
    if not isinstance(message, EmailMessage):
        return False
    headers = (message[name] for name in ("From", "Sender", "Reply-To", "To", "Cc") if message[name] is not None)
    return any(not each.username.isascii() for header in headers for each in getattr(header, "addresses", ()))


def serialized(message: Any, *, eight_bit: bool, utf8: bool) -> bytes:
    """C{message} as it travels: CRLF, no Bcc (RFC 5322 §3.6.3), 8-bit octets and UTF-8 only where they are allowed."""
    if "Bcc" in message or "Resent-Bcc" in message:
        message = copy.copy(message)
        message._headers = list(message._headers)  # which a copy shares
        del message["Bcc"], message["Resent-Bcc"]
    written = io.BytesIO()
    how = policy.SMTP.clone(utf8=utf8, cte_type="8bit" if eight_bit else "7bit")
    BytesGenerator(written, policy=how).flatten(message)
    return written.getvalue()


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


def size_of(body: Any) -> int | None:
    """The octets a body will have, as well as can be told beforehand; None where nothing is known (RFC 1870 §6.1)."""
    if isinstance(body, bytes | bytearray):
        return len(body)
    length = getattr(body, "length", None)  # of an IBodyProducer
    if isinstance(length, int):
        return length
    try:
        left: int = os.fstat(body.fileno()).st_size - body.tell()
        return max(0, left)
    except (AttributeError, OSError, ValueError):
        return None


@implementer(IConsumer)
class _Producer:
    """An C{IBodyProducer} as an iterator: paused whenever something has not been fetched."""

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

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """Not used by an C{IBodyProducer}, which was there first."""

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
