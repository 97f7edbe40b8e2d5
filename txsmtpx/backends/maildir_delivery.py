"""
A message on its way into Maildirs: written to ``tmp/`` as it comes, for further Maildirs copied from there.

Only what is whole, and on the disk, is renamed into ``new/``.  Under LMTP a Maildir that takes no more, even in the
middle, is the misfortune of its own recipients alone.
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
from typing import Any

from txsmtpx.backends.maildir_directories import Directories
from txsmtpx.grammar import trace

GATHER = 256 * 1024
"""Octets gathered before they are written: a small message takes one trip to a thread."""

_numbers = itertools.count(1)
_host = socket.gethostname().replace("/", "\\057").replace(":", "\\072")


class Delivery:
    """
    One message on its way to one or more Maildirs; blocking, for a thread.

    Attributes:
        outcomes: (recipient, None or what went wrong), one for each, in RCPT order.

    Args:
        maildirs: One for each recipient of ``context``.
        directories: Of the backend.
    """

    def __init__(self, context: Any, maildirs: Sequence[str], directories: Directories) -> None:
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
        The next octets of the body.

        Raises:
            OSError: The disk takes no more.
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
        The last octets of the body: store it, everywhere.

        Raises:
            OSError: It is stored nowhere.
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
        """Leave nothing behind."""
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
        """A file in the first Maildir that can be had; under LMTP the others may fail alone."""
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
        """What has come so far, in the next Maildir, since the one of ``full`` takes no more."""
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
        """The whole message in the ``tmp`` of ``maildir``, on the disk."""
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
        """Into ``new``, and that on the disk too."""
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
        """Out of ``new`` again, as far as no reader of mail has seen it: the client keeps the message."""
        for maildir in maildirs:
            self._remove(self._path(maildir, "new"))

    def _path(self, maildir: str, part: str) -> str:
        return os.path.join(maildir, part, self._name)

    def _open(self, maildir: str, recipients: list[str]) -> FileIO:
        self._directories.ensure(maildir)
        temporary = self._path(maildir, "tmp")
        try:
            file = FileIO(temporary, "x")  # without a buffer, so that what has been written is known
        except FileNotFoundError:  # somebody has taken ``tmp`` away
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
        """The headers of final delivery (RFC 5321 §4.4)."""
        context = self._context
        delivered = b"".join(map(trace.delivered_to, recipients))
        return trace.return_path(context.sender) + delivered + bytes(context.received(self._received))


def _write(file: FileIO, octets: bytes) -> None:
    """All of it."""
    rest = memoryview(octets)
    while rest:
        rest = rest[file.write(rest) :]


def _copy(source: Any, begin: int, octets: int, target: FileIO) -> None:
    """So many octets, from ``begin`` on."""
    with FileIO(source) as file:
        file.seek(begin)
        while octets:
            piece = file.read(min(GATHER, octets))
            if not piece:
                raise OSError(errno.EIO, "what has been written is not there", source)
            _write(target, piece)
            octets -= len(piece)
