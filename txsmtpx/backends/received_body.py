"""The body of a message while it is received for a broker: in memory and a temporary file, or in a file of its own."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterable, Callable

from twisted.internet.defer import Deferred

from txsmtpx.backends.body_directory import BodyDirectory, BodyFile
from txsmtpx.errors import message_too_big
from txsmtpx.interfaces import InThread

IN_MEMORY = 256 * 1024
"""Octets of a body in memory; the rest is in a temporary file."""

PIECE = 256 * 1024
"""Octets that are written to a file of the directory at a time."""


class ReceivedBody:
    """
    A body that goes into the message of a broker, or into the directory of bodies if it is longer than a limit.

    Args:
        inline: The octets that the message of the broker can have.
        directory: The directory; None rejects a longer body.
        in_thread: It calls a function in a thread.

    Attributes:
        size: The octets so far.
        name: The name of its file in the directory, which is on the disk; ``""`` without one.
    """

    def __init__(self, inline: int, directory: BodyDirectory | None, in_thread: InThread) -> None:
        self.size: int = 0
        self.name: str = ""
        self._inline = inline
        self._directory = directory
        self._in_thread = in_thread
        self._spool = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # which close() closes
        self._gathered: list[bytes] = []
        self._file: BodyFile | None = None
        self._moved = False  # what is in the temporary file is in the file of the directory too

    async def read(self, message: AsyncIterable[bytes]) -> None:
        """
        Read the body to its end.

        Args:
            message: The pieces of the message.

        Raises:
            SMTPError: 552 5.3.4 if it is too long, and there is no directory.
            OSError: It cannot be written.
        """
        gathered = 0
        async for chunk in message:
            self.size += len(chunk)
            if self.size <= self._inline:
                self._spool.write(chunk)
                continue
            if self._directory is None:
                raise message_too_big()
            self._gathered.append(chunk)
            gathered += len(chunk)
            if gathered >= PIECE:
                gathered = 0
                await self._thread(self._write)
        if self.size > self._inline:
            await self._thread(self._publish)

    def content(self) -> bytes:
        """
        Return the body, if it has no file in the directory.

        Returns:
            The octets.
        """
        self._spool.seek(0)
        return self._spool.read()

    def close(self) -> None:
        """Delete the temporary file.  An error is ignored: the message may be stored already."""
        with contextlib.suppress(OSError):
            self._spool.close()

    def discard(self) -> None:
        """Remove its file in the directory, if there is one."""
        file, self._file = self._file, None
        if file is not None:
            self._in_thread(file.discard)

    def _thread(self, function: Callable[[BodyFile], None]) -> Deferred[object]:
        """Call a function in a thread, which may run on after the body is discarded."""
        if self._file is None:
            assert self._directory is not None
            self._file = self._directory.create()
        return self._in_thread(function, self._file)

    def _write(self, file: BodyFile) -> None:
        if not self._moved:
            self._moved = True
            self._spool.seek(0)
            shutil.copyfileobj(self._spool, file, PIECE)
        pieces, self._gathered = self._gathered, []
        file.write(b"".join(pieces))

    def _publish(self, file: BodyFile) -> None:
        self._write(file)
        self.name = file.publish()
