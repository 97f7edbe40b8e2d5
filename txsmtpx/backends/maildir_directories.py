"""
The directories of Maildirs: they are created with mode 0700, and are on the disk before a message in them is accepted.

A directory is on the disk when its parent was fsynced after the directory was made, and so on upwards.  A killed
process, another thread or an fsync that failed may have left a directory that exists and is not on the disk.  So what
exists proves nothing.  What this process has synced is remembered, and everything else is synced once more.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import threading
from collections.abc import Callable

MODE = 0o700
"""
Of each directory that is made, whatever the umask: ``tmp``, ``new``, ``cur``, the Maildir, and its parents.  Postfix
(virtual(8)) and Dovecot make parents so too.
"""

REMEMBERED = 10_000
"""Directories that are remembered as being on the disk; for one that is forgotten, fsync is called again."""

_UNSUPPORTED = frozenset({errno.EINVAL, errno.EBADF})
"""
Of an fsync of a directory: the file system has no such thing (CIFS says EINVAL, NFS of some systems EBADF).  Dovecot
ignores the same two.
"""

_EFFECTIVE = os.access in os.supports_effective_ids

Identity = tuple[int, int]
"""Of a directory: its device and its inode."""


class Directories:
    """
    The directories of a backend that are on the disk.  Any thread may use it; `MaildirBackend` creates it.

    Args:
        fsync: It writes a file or directory to the disk, as `os.fsync` does.

    Attributes:
        fsync: As in the arguments.
    """

    def __init__(self, fsync: Callable[[int], None]) -> None:
        self.fsync = fsync
        self._known: dict[str, Identity] = {}
        self._lock = threading.Lock()

    def sync(self, directory: str) -> None:
        """
        Write the entries of a directory to the disk.

        Args:
            directory: The directory.

        Raises:
            OSError: It failed.
        """
        descriptor = opened(directory)
        try:
            self.sync_open(descriptor)
        finally:
            os.close(descriptor)

    def sync_open(self, descriptor: int) -> None:
        """
        Write the entries of an open directory to the disk.

        Args:
            descriptor: The directory.

        Raises:
            OSError: It failed.
        """
        try:
            self.fsync(descriptor)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise

    def ensure(self, maildir: str) -> Identity:
        """
        Create a Maildir and write it to the disk, unless that has been done.  Then it costs one ``stat``.

        Args:
            maildir: The Maildir.

        Returns:
            The identity of its ``new``, which is on the disk.

        Raises:
            OSError: It failed.
        """
        return self._known_as(os.path.join(maildir, "new")) or self.make(maildir)

    def make(self, maildir: str) -> Identity:
        """
        Create what is missing of a Maildir, and write it to the disk.

        ``new`` is created last, so that another program which finds it finds a whole Maildir.

        Args:
            maildir: The Maildir.

        Returns:
            The identity of its ``new``, which is on the disk.

        Raises:
            OSError: It failed.
        """
        missing = [maildir]
        while not os.path.isdir(parent := os.path.dirname(missing[-1])):
            missing.append(parent)
        for directory in reversed(missing):
            self._make(directory)
        for part in ("tmp", "cur"):
            self._make(os.path.join(maildir, part))
        self._settle(maildir)
        new = os.path.join(maildir, "new")
        self._make(new)
        found = identity_of(new)
        self._settle(new)
        return found

    def check(self, directory: str) -> None:
        """
        Check that a directory can be written, or created.  Nothing is left behind.

        Args:
            directory: The directory.

        Raises:
            OSError: It cannot.  The file name of the error is that of the directory that refuses it.
        """
        missing: list[str] = []
        while not os.path.lexists(directory):
            missing.append(directory)
            directory = os.path.dirname(directory)
        longest = os.pathconf(directory, "PC_NAME_MAX")
        for each in missing:
            if len(os.fsencode(os.path.basename(each))) > longest:
                raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), each)
        try:
            with tempfile.TemporaryFile(dir=directory):
                pass
        except OSError as error:
            raise OSError(error.errno, error.strerror, directory) from error

    def _make(self, directory: str) -> None:
        try:
            os.mkdir(directory, MODE)
        except FileExistsError:
            if not os.path.isdir(directory):
                raise
            return
        mode = stat.S_IMODE(os.stat(directory).st_mode)
        if mode & MODE != MODE:  # the umask can take bits away, even the owner's
            os.chmod(directory, mode | MODE)
        with self._lock:
            self._known.pop(directory, None)  # one of that name was known, and was removed

    def _settle(self, directory: str) -> None:
        """Write the entry of a directory in its parent to the disk, and those above it, from the top down."""
        unknown: list[str] = []
        while self._known_as(directory) is None:
            parent = os.path.dirname(directory)
            if parent == directory or not os.access(parent, os.R_OK | os.W_OK, effective_ids=_EFFECTIVE):
                break  # with our rights nothing was made in there, or it cannot be opened for fsync
            unknown.append(directory)
            directory = parent
        for each in reversed(unknown):
            identity = identity_of(each)
            self.sync(os.path.dirname(each))
            self._remember(each, identity)

    def _known_as(self, directory: str) -> Identity | None:
        """Return the identity of a directory if it is known to be on the disk, otherwise None."""
        known = self._known.get(directory)
        if known is None:
            return None
        try:
            return known if known == identity_of(directory) else None
        except FileNotFoundError:
            return None

    def _remember(self, directory: str, identity: Identity) -> None:
        with self._lock:
            self._known.pop(directory, None)
            self._known[directory] = identity
            while len(self._known) > REMEMBERED:
                del self._known[next(iter(self._known))]


def opened(directory: str) -> int:
    """
    Open a directory.

    Args:
        directory: The directory.

    Returns:
        Its descriptor.

    Raises:
        OSError: It failed.
    """
    return os.open(directory, os.O_RDONLY | os.O_DIRECTORY)


def identity_of(directory: str | int) -> Identity:
    """
    Return what tells a directory from every other one.

    Args:
        directory: The directory, or its descriptor.

    Returns:
        Its device and its inode.

    Raises:
        OSError: It failed.
    """
    status = os.stat(directory)
    return status.st_dev, status.st_ino
