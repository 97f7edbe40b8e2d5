"""
Bodies that a client sends: octets, an L{EmailMessage}, a file, an iterator, a producer; all as an iterator of chunks.
"""

from __future__ import annotations

import copy
import io
import os
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping
from email import policy
from email.generator import BytesGenerator
from email.headerregistry import Address, Group
from email.message import EmailMessage, Message
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from zope.interface import implementer

from txsmtpx.grammar.domain import to_a_label

CHUNK = 128 * 1024
"""Octets that are read from a file at a time."""


class Source:
    """
    What is to be sent.

    @ivar octets: all of it, where it is in memory; None where it comes by and by.
    @ivar eight_bit: whether it may hold octets above 127.
    """

    def __init__(self, chunks: Any, octets: bytes | None = None) -> None:
        """
        @param chunks: an iterable or async iterable of C{bytes}; not used where there are C{octets}.
        """
        self._chunks = chunks
        waits = octets is not None or hasattr(chunks, "__aiter__")
        self._ready: Iterator[bytes] | None = None if waits else iter(chunks)
        self._running = self._coming()
        self._at = 0
        self.octets = octets
        self.eight_bit = octets is None or not octets.isascii()

    def at_hand(self, size: int) -> bytes | None:
        """
        The next piece, empty after the last, where there is one without waiting; None where it must be waited for.

        @param size: of a piece of what is in memory.
        """
        if self.octets is not None:
            at, self._at = self._at, self._at + size
            return self.octets[at : at + size]
        if self._ready is None:
            return None
        for chunk in self._ready:
            if chunk:
                return chunk
        return b""

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
            return await self._running.__anext__()
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


_ADDRESSES = ("From", "Sender", "Reply-To", "To", "Cc", "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc")
"""Headers that hold addresses (RFC 5322 §3.6.2, §3.6.3, §3.6.6)."""


def needs_utf8(message: Any) -> bool:
    """Whether an address in a header has a local part that is not ASCII, so that only RFC 6532 can write it."""
    if not isinstance(message, EmailMessage):
        return False
    headers = [header for name in _ADDRESSES for header in message.get_all(name, ())]
    return any(not each.username.isascii() for header in headers for each in getattr(header, "addresses", ()))


def serialized(message: Any, *, eight_bit: bool, utf8: bool) -> bytes:
    """C{message} as it travels: CRLF, no Bcc (RFC 5322 §3.6.3), 8-bit octets and UTF-8 only where they are allowed."""
    message = _detached(message)
    del message["Bcc"], message["Resent-Bcc"]
    how = message.policy.clone(linesep="\r\n", cte_type="8bit" if eight_bit else "7bit")
    if isinstance(how, policy.EmailPolicy):
        how = how.clone(utf8=utf8)
        if not utf8:
            _write_domains_in_ascii(message)
    written = io.BytesIO()
    BytesGenerator(written, mangle_from_=False, policy=how).flatten(message)
    return written.getvalue()


def _detached(message: Any) -> Any:
    """A copy to write in: the headers and the boundaries, which are made up in writing, but not the contents."""
    copied = copy.copy(message)
    copied._headers = list(message._headers)
    if isinstance(message._payload, list):
        copied._payload = [_detached(part) for part in message._payload]
    return copied


def _write_domains_in_ascii(message: Any) -> None:
    """Domains as their A-labels, where headers cannot hold UTF-8: Python would make encoded words of them."""
    for index, (name, header) in enumerate(message._headers):
        groups = getattr(header, "groups", ())
        if not all(each.domain.isascii() for group in groups for each in group.addresses):
            renamed = [Group(group.display_name, tuple(map(_in_ascii, group.addresses))) for group in groups]
            message._headers[index] = message.policy.header_store_parse(name, renamed)


def _in_ascii(address: Address) -> Address:
    return Address(address.display_name, address.username, to_a_label(address.domain))


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
    """The octets a body will have, as well as can be told beforehand; None where nothing is known (RFC 1870 §6)."""
    if isinstance(body, bytes | bytearray):
        return len(body)
    length = getattr(body, "length", None)  # of an IBodyProducer
    if isinstance(length, int):
        return length
    if isinstance(body, io.BytesIO):
        return max(0, body.getbuffer().nbytes - body.tell())
    try:
        status = os.fstat(body.fileno())
        return max(0, status.st_size - body.tell()) if stat.S_ISREG(status.st_mode) else None
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

    async def aclose(self) -> None:
        """Nothing more is wanted."""
        if self._started and self._ended is None:
            self._ended = True
            self._producer.stopProducing()

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
