"""A message of a queue, as a consumer gives it to its handler."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from txsmtpx.backends.envelope_fields import EnvelopeFields


@dataclass(frozen=True)
class QueuedMessage:
    """
    A message of a queue.  A source creates it.

    Attributes:
        id: The identifier of the message.  A message that comes again has the same one.
        envelope: The envelope, as the server received it.
        attempt: 1 for the first attempt to handle the message.
        body: The octets of the message, or the file that has them.

    Example:
        A handler that counts the octets of each message::

            def handle(message: QueuedMessage) -> None:
                log.info("{id}: {octets} octets", id=message.id, octets=len(message.content()))
    """

    id: str
    envelope: EnvelopeFields
    attempt: int
    body: bytes | Path = field(repr=False)

    def content(self) -> bytes:
        """
        Return the message.  If it is in a file, this blocks while the file is read.

        Returns:
            The octets, as the client sent them.

        Raises:
            OSError: The file cannot be read.
        """
        return self.body if isinstance(self.body, bytes) else self.body.read_bytes()

    def open(self) -> BinaryIO:
        """
        Open the message for reading.

        Returns:
            The open file, which the caller closes.

        Raises:
            OSError: The file cannot be opened.
        """
        return io.BytesIO(self.body) if isinstance(self.body, bytes) else self.body.open("rb")
