"""A message that is held before it is sent: in memory if it is short, otherwise in a temporary file."""

from __future__ import annotations

import hmac
import tempfile
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IReactorTime
from twisted.internet.task import deferLater
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from txsmtpx.interfaces import Clock, Message

IN_MEMORY = 64 * 1024
"""Octets of a held message in memory; a longer one is in a temporary file."""

CHUNK = 64 * 1024
"""Octets of a held message that are read from its file at a time."""

AT_ONCE = 32 * CHUNK
"""Octets of a held message that are signed in one turn of the reactor, in some milliseconds."""


class HeldMessage:
    """
    A message in a temporary file, in memory if it is short.

    Attributes:
        size: Its octets.
    """

    def __init__(self) -> None:
        self.size: int = 0
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # which close() closes

    async def receive(self, message: Message, beginning: bytes = b"") -> None:
        """
        Receive a message to its end.

        Args:
            message: The message.
            beginning: What has been read of it.

        Raises:
            OSError: The file cannot be written.
        """
        self._add(beginning)
        async for chunk in message:
            self._add(chunk)

    def _add(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self.size += len(chunk)

    def content(self) -> bytes:
        """
        Return the message.

        Returns:
            All of it.
        """
        self._file.seek(0)
        return self._file.read()

    def read(self, position: int) -> bytes:
        """
        Read a piece of the message.

        Args:
            position: Where it begins.

        Returns:
            The piece; b"" at the end.
        """
        self._file.seek(position)
        return self._file.read(CHUNK)

    def body(self) -> IBodyProducer | bytes:
        """
        Return the body of a request.

        Returns:
            The body.
        """
        return cast(IBodyProducer, HeldBody(self))

    async def sign(self, signature: hmac.HMAC, clock: Clock) -> None:
        """
        Update a signature with the body.

        Args:
            signature: The signature.
            clock: The reactor.
        """
        for position in range(0, self.size, CHUNK):
            signature.update(self.read(position))
            if position % AT_ONCE == AT_ONCE - CHUNK:
                await deferLater(cast(IReactorTime, clock), 0)

    def close(self) -> None:
        """Delete the file."""
        self._file.close()


@implementer(IBodyProducer)
class HeldBody:
    """
    The body of a held message.

    Attributes:
        length: Its octets.

    Args:
        held: The message.
    """

    def __init__(self, held: HeldMessage) -> None:
        self.length: int = held.size
        self._held = held
        self._position = 0
        self._paused = False
        self._request: IConsumer | None = None
        self._done: Deferred[None] = Deferred(lambda _: self.stopProducing())

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """
        Write the message to the request.

        Args:
            consumer: The request.

        Returns:
            A Deferred that fires at the end.
        """
        self._request = consumer
        self._write()
        return self._done

    def _write(self) -> None:
        while self._request is not None and not self._paused:
            piece = self._held.read(self._position)
            if not piece:
                self._request = None
                self._done.callback(None)
                return
            self._position += len(piece)
            self._request.write(piece)

    def pauseProducing(self) -> None:
        """Write no more for now."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Write on."""
        self._paused = False
        self._write()

    def stopProducing(self) -> None:
        """Write no more."""
        self._request = None
