"""A message in one Maildir: a file in ``tmp``, which is renamed to ``new`` when it is whole and on the disk."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Sequence

from txsmtpx.backends.maildir_open import OpenMaildir, OpenMaildirs

PIECE = 256 * 1024
"""Octets that are copied at a time."""


class Copy:
    """
    The copy of a message for the recipients with the same Maildir.  Its methods block.  A `Delivery` creates it.

    Two copies differ in their trace fields, which name their own recipients.  So they cannot be links to one file.

    Args:
        maildirs: The Maildirs that are held open.
        maildir: The path of its Maildir.
        name: The name of its file.
        recipients: Its recipients.
        trace: The trace fields.

    Attributes:
        maildir: As in the arguments.
        name: As in the arguments.
        recipients: As in the arguments.
        trace: As in the arguments.
        error: Why it cannot be stored; None if nothing has failed so far.
    """

    def __init__(
        self, maildirs: OpenMaildirs, maildir: str, name: str, recipients: Sequence[str], trace: bytes
    ) -> None:
        self.maildir = maildir
        self.name = name
        self.recipients = recipients
        self.trace = trace
        self.error: OSError | None = None
        self._maildirs = maildirs
        self._descriptor = -1
        self._created = self._published = False

    def create(self) -> None:
        """
        Create the file in ``tmp``.

        Raises:
            OSError: It failed.
        """
        self._descriptor = self._maildirs.create(self.maildir, self.name)
        self._created = True

    def write(self, octets: bytes) -> None:
        """
        Write octets at the end of the file.

        Args:
            octets: The octets.

        Raises:
            OSError: It failed.  Some of them may have been written.
        """
        rest = memoryview(octets)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def write_body_of(self, other: Copy, size: int) -> None:
        """
        Write the body of another copy at the end of the file.

        Args:
            other: The other copy, whose file is open.
            size: Octets of its body.

        Raises:
            OSError: It failed.
        """
        position = len(other.trace)
        end = position + size
        while position < end:
            piece = os.pread(other._descriptor, min(PIECE, end - position), position)
            if not piece:
                raise OSError(errno.EIO, "what has been written is not there", other.maildir)
            self.write(piece)
            position += len(piece)

    def sync(self) -> None:
        """
        Write the file to the disk.

        Raises:
            OSError: It failed.
        """
        self._maildirs.directories.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file, if it is open.  An error is ignored: whether the octets are on the disk, `sync` has said."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def publish(self) -> OpenMaildir:
        """
        Rename the file to ``new``.

        Returns:
            The Maildir that it was renamed in, whose ``new`` is not yet on the disk.

        Raises:
            OSError: It failed.
        """
        maildir = self._maildirs.at(self.maildir)
        maildir.publish(self.name)
        self._published = True
        return maildir

    def remove(self) -> None:
        """Close the file, and remove it, unless a mail reader has moved it."""
        self.close()
        if self._created:
            part = "new" if self._published else "tmp"
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self.maildir, part, self.name))
