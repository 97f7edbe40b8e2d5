"""The kinds of messages that a client takes from its caller."""

from __future__ import annotations

import io
from collections.abc import AsyncIterable, Iterable, Mapping, Set
from email.message import Message
from typing import Protocol, TypeGuard, runtime_checkable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer


@runtime_checkable
class ReadableFile(Protocol):
    """A file that is open for octets."""

    def read(self, size: int, /) -> bytes:
        """
        Read octets.

        Args:
            size: How many at most.

        Returns:
            The octets; empty at the end.
        """


class SeekableFile(ReadableFile, Protocol):
    """A file that can be read again."""

    def seekable(self) -> bool:
        """
        Ask whether it can.

        Returns:
            True if it can.
        """

    def tell(self) -> int:
        """
        Return the position.

        Returns:
            The position.
        """

    def seek(self, offset: int, /) -> int:
        """
        Go to a position.

        Args:
            offset: The position.

        Returns:
            The position.
        """


@runtime_checkable
class BodyProducer(Protocol):
    """What Twisted calls an `IBodyProducer`."""

    @property
    def length(self) -> object:
        """Its octets; `twisted.web.iweb.UNKNOWN_LENGTH` if their number is not known."""

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """
        Begin to write.

        Args:
            consumer: Takes the octets.

        Returns:
            A Deferred, which fires at the end.
        """

    def stopProducing(self) -> None:
        """Stop for good."""

    def pauseProducing(self) -> None:
        """Stop producing octets until `resumeProducing`."""

    def resumeProducing(self) -> None:
        """Continue to produce octets."""


ClientBody = (
    bytes | bytearray | memoryview | Message | ReadableFile | BodyProducer | Iterable[bytes] | AsyncIterable[bytes]
)
"""What a client sends as a message."""


_NO_BODY = (
    "a body must be bytes, a file open in binary mode, an EmailMessage, a producer or an iterable of bytes"
)

_INSTEAD: Mapping[type, str] = {str: ": give text.encode()"}
"""What to give instead of a value that is nearly a body."""


def check_body(body: object) -> None:
    """
    Check that this is a `ClientBody`.

    Args:
        body: The body.

    Raises:
        TypeError: It is none.
    """
    if isinstance(body, io.TextIOBase):
        raise TypeError("the file is open for text, a body is octets")
    if isinstance(body, Message) or any(hasattr(body, each) for each in ("read", "startProducing", "__aiter__")):
        return
    if isinstance(body, str | Mapping | Set) or not isinstance(body, Iterable | memoryview):
        raise TypeError(f"{_NO_BODY}, not {type(body).__name__}{_INSTEAD.get(type(body), '')}")
    if isinstance(body, list | tuple):
        for piece in body:
            check_piece(piece)


def check_piece(piece: object) -> None:
    """
    Check that a piece of a body is octets.

    Args:
        piece: The piece.

    Raises:
        TypeError: The piece is no octets.
    """
    if not isinstance(piece, bytes | bytearray | memoryview):
        raise TypeError(f"a body is octets, and a piece of it is {type(piece).__name__}")


def is_seekable(body: object) -> TypeGuard[SeekableFile]:  # pragma: no mutate block, since a mutant narrows no type
    """
    Ask whether a body is a file that can be read twice.

    Args:
        body: The body.

    Returns:
        True if it is.
    """
    return isinstance(body, ReadableFile) and hasattr(body, "seekable") and bool(body.seekable())
