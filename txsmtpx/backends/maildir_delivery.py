"""
The delivery of a message to Maildirs: it is written to ``tmp/`` while it is received, and copied for further Maildirs.

Only a whole message that is on the disk is renamed into ``new/``.  For LMTP, a Maildir that cannot be written fails the
delivery to its own recipients only.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import socket
import time
from collections.abc import Sequence
from io import FileIO

from txsmtpx.backends.maildir_directories import Directories
from txsmtpx.grammar import trace
from txsmtpx.interfaces import DataContext

GATHER = 256 * 1024
"""Octets that are gathered before they are written: a small message needs one call in a thread."""

_numbers = itertools.count(1)
_host = socket.gethostname().replace("/", "\\057").replace(":", "\\072")


class Delivery:
    """
    The delivery of one message to one or more Maildirs.  It blocks, so it runs in a thread; a session creates it.

    Args:
        context: The envelope.
        maildirs: A Maildir for each recipient.
        directories: The directories of the backend.

    Attributes:
        outcomes: Each recipient, in the order of RCPT, with the error of its delivery; None for a success.
    """

    def __init__(self, context: DataContext, maildirs: Sequence[str], directories: Directories) -> None:
        self.outcomes: list[tuple[str, OSError | None]] = []
        self._directories = directories
        self._context = context
        self._recipients: dict[str, list[str]] = {}
        for recipient, maildir in zip(context.recipients, maildirs, strict=True):
            self._recipients.setdefault(maildir, []).append(recipient)
        self._received = time.time()
        self._name = f"{self._received:.6f}".replace(".", ".M") + f"P{os.getpid()}Q{next(_numbers)}.{_host}"
        self._file: FileIO | None = None
        self._maildir = ""
        self._body = self._octets = 0  # where in the file it begins, and how much of it there is
        self._unusable: dict[str, OSError] = {}
        self._temporary: list[str] = []
        self._abandoned = False

    def write(self, octets: bytes) -> None:
        """
        Write the next octets of the message.

        Args:
            octets: The octets.

        Raises:
            OSError: No Maildir can be written.
        """
        if self._file is None:
            self._file = self._open_next()
        while True:
            try:
                _write(self._file, octets)
            except OSError as error:
                self._file = self._move(self._file, error)
            else:
                self._octets += len(octets)
                return

    def complete(self, octets: bytes) -> None:
        """
        Write the last octets of the message, and deliver it.

        Args:
            octets: The octets.

        Raises:
            OSError: It is delivered nowhere.
        """
        self.write(octets)
        assert self._file is not None
        ready = [self._prepare(maildir) for maildir in reversed(self._recipients)]  # ``_file``, which is copied, last
        ready.reverse()
        failures = [error for _, error in ready if error is not None]
        if failures and (len(failures) == len(ready) or not self._context.connection.lmtp):
            raise failures[0]  # SMTP has one answer: none is delivered, the client keeps the message
        found: dict[str, OSError | None] = {}
        published: list[str] = []
        for (maildir, recipients), (temporary, error) in zip(self._recipients.items(), ready, strict=True):
            error = error or self._publish(maildir, temporary)
            if error is None:
                published.append(maildir)
            elif not self._context.connection.lmtp:
                self._take_back(published)
                raise error
            found.update(dict.fromkeys(recipients, error))
        self._file.close()
        self.outcomes = [(recipient, found[recipient]) for recipient in self._context.recipients]

    def abandon(self) -> None:
        """Remove what was written."""
        self._abandoned = True
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
        for temporary in self._temporary:
            self._remove(temporary)

    def _remove(self, temporary: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(temporary)

    def _open_next(self) -> FileIO:
        """Return a file in the first Maildir that can be written; for LMTP the others may fail alone."""
        for maildir, recipients in self._recipients.items():
            if maildir in self._unusable:
                continue
            try:
                file = self._open(maildir, recipients)
            except OSError as error:
                self._unusable[maildir] = error
                if not self._context.connection.lmtp or self._abandoned:
                    break
            else:
                self._maildir, self._body = maildir, file.tell()
                return file
        raise next(iter(self._unusable.values()))

    def _move(self, full: FileIO, error: OSError) -> FileIO:
        """Copy what was received so far to the next Maildir, since the one of ``full`` cannot be written."""
        begin = self._body
        while True:
            self._unusable[self._maildir] = error
            if not self._context.connection.lmtp or self._abandoned:
                raise error
            file = self._open_next()
            try:
                _copy(full.name, begin, self._octets, file)
            except OSError as failure:
                error = failure
                self._drop(file)
            else:
                self._drop(full)
                return file

    def _drop(self, file: FileIO) -> None:
        with contextlib.suppress(OSError):
            file.close()
        self._remove(str(file.name))

    def _prepare(self, maildir: str) -> tuple[str, OSError | None]:
        """Write the whole message to the ``tmp`` of a Maildir, and to the disk."""
        whole = self._file
        assert whole is not None
        if maildir in self._unusable:
            return "", self._unusable[maildir]
        try:
            if maildir != self._maildir:
                with self._open(maildir, self._recipients[maildir]) as copy:
                    _copy(whole.name, self._body, self._octets, copy)
                    self._directories.fsync(copy.fileno())
            else:
                self._directories.fsync(whole.fileno())
        except OSError as error:
            self._remove(self._path(maildir, "tmp"))
            return "", error
        return self._path(maildir, "tmp"), None

    def _publish(self, maildir: str, temporary: str) -> OSError | None:
        """Move the message into ``new``, and write that to the disk."""
        try:
            if self._abandoned:
                raise FileNotFoundError(errno.ENOENT, "the peer has gone", temporary)
            os.rename(temporary, self._path(maildir, "new"))
            self._directories.sync(os.path.join(maildir, "new"))
        except OSError as error:
            self._remove(temporary)
            self._remove(self._path(maildir, "new"))
            return error
        return None

    def _take_back(self, maildirs: Sequence[str]) -> None:
        """Remove the message from ``new``, unless a mail reader has moved it: the client keeps the message."""
        for maildir in maildirs:
            self._remove(self._path(maildir, "new"))

    def _path(self, maildir: str, part: str) -> str:
        return os.path.join(maildir, part, self._name)

    def _open(self, maildir: str, recipients: list[str]) -> FileIO:
        self._directories.ensure(maildir)
        temporary = self._path(maildir, "tmp")
        try:
            file = FileIO(temporary, "x")  # without a buffer, so that what has been written is known
        except FileNotFoundError:  # ``tmp`` was removed
            self._directories.make(maildir)
            file = FileIO(temporary, "x")
        self._temporary.append(temporary)
        try:
            if self._abandoned:  # meanwhile, in the reactor's thread
                raise FileNotFoundError(errno.ENOENT, "the peer has gone", temporary)
            _write(file, self._trace(recipients))
        except OSError:
            self._drop(file)
            raise
        return file

    def _trace(self, recipients: list[str]) -> bytes:
        """Return the trace fields of final delivery (RFC 5321 §4.4)."""
        context = self._context
        delivered = b"".join(map(trace.delivered_to, recipients))
        return trace.return_path(context.sender) + delivered + bytes(context.received(self._received))


def _write(file: FileIO, octets: bytes) -> None:
    """Write all octets."""
    rest = memoryview(octets)
    while rest:
        rest = rest[file.write(rest) :]


def _copy(source: str | bytes | int, begin: int, octets: int, target: FileIO) -> None:
    """Copy octets of a file, from ``begin`` on."""
    with FileIO(source) as file:
        file.seek(begin)
        while octets:
            piece = file.read(min(GATHER, octets))
            if not piece:
                raise OSError(errno.EIO, "what has been written is not there", source)
            _write(target, piece)
            octets -= len(piece)
