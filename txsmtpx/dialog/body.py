"""
How the octets of a message are framed: by dots (RFC 5321 §4.1.1.4) or counted (RFC 3030 §2).

A body takes raw octets until its end, whatever becomes of the message: nothing of a refused one is
ever run as a command.
"""

from __future__ import annotations

from typing import Protocol

from txsmtpx.dialog.message import Message
from txsmtpx.grammar.transparency import BareNewlines, Unstuffer


class Body(Protocol):
    """Takes octets."""

    def feed(self, data: bytes, start: int) -> int:
        """Take ``data`` from ``start`` on; the index behind the end of the body, or -1 when more is to come."""


class DotBody:
    """
    What follows DATA.

    Attributes:
        bare: Whether a bare CR or LF was met.
    """

    def __init__(self, message: Message, bare_newlines: BareNewlines) -> None:
        self._message = message
        self._unstuffer = Unstuffer(bare_newlines)

    @property
    def bare(self) -> bool:
        return self._unstuffer.bare

    def feed(self, data: bytes, start: int) -> int:
        chunk, end = self._unstuffer.feed(data, start)
        if chunk:
            self._message.write(chunk)
        return end


class ChunkBody:
    """What follows BDAT: so many octets, the sender's own, for a message or for nobody."""

    def __init__(self, size: int, message: Message | None) -> None:
        self._remaining = size
        self._message = message

    def feed(self, data: bytes, start: int) -> int:
        chunk = data[start : start + self._remaining]
        self._remaining -= len(chunk)
        if chunk and self._message is not None:
            self._message.write(chunk)
        return -1 if self._remaining else start + len(chunk)
