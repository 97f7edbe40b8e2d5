"""
Maildirs that are held open, so that a file in one is created and renamed without a walk along its path.

A directory that is held open stays what it was if it is removed, or renamed, and another one gets its path.  Mail that
is written there is lost to its owner.  So the path is compared with the directory twice: when a group of messages
begins (`OpenMaildirs.holds`), and after they are on the disk, before they are accepted (`OpenMaildir.sync`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading

from txsmtpx.backends.maildir_directories import Directories, Identity, identity_of, opened

HELD = 32
"""Maildirs that are held open, each with two descriptors.  A limit of 1024 descriptors is common (``ulimit -n``)."""

_REMOVED = frozenset({errno.ENOENT, errno.ESTALE})
"""Of a call in a directory that was removed; NFS says ESTALE."""

_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL
_MODE = 0o666
"""Of the file of a message; the umask takes its part away."""


class OpenMaildir:
    """
    A Maildir that is held open until nothing refers to it.  `OpenMaildirs` creates it.

    Args:
        path: The Maildir.
        directories: The directories that are on the disk.

    Raises:
        OSError: It cannot be opened, or it has been replaced meanwhile.
    """

    def __init__(self, path: str, directories: Directories) -> None:
        self._path = path
        self._directories = directories
        self._tmp = self._new = -1
        self._identity: Identity = directories.ensure(path)
        self._tmp = opened(os.path.join(path, "tmp"))
        self._new = opened(os.path.join(path, "new"))
        if identity_of(self._new) != self._identity:
            raise self._replaced()

    def __del__(self) -> None:
        for descriptor in (self._tmp, self._new):
            if descriptor >= 0:
                os.close(descriptor)

    def create(self, name: str) -> int:
        """
        Create a file in ``tmp``.

        Args:
            name: Its name.

        Returns:
            Its descriptor.

        Raises:
            OSError: It failed.
        """
        return os.open(name, _CREATE, _MODE, dir_fd=self._tmp)

    def publish(self, name: str) -> None:
        """
        Rename a file from ``tmp`` to ``new``.

        Args:
            name: Its name.

        Raises:
            OSError: It failed.
        """
        os.rename(name, name, src_dir_fd=self._tmp, dst_dir_fd=self._new)

    def sync(self) -> None:
        """
        Write the entries of ``new`` to the disk.

        Raises:
            OSError: It failed; or the path leads to another directory now.
        """
        self._directories.sync_open(self._new)
        if not self.is_at_its_path():
            raise self._replaced()

    def is_at_its_path(self) -> bool:
        """
        Compare ``new`` with what the path leads to.

        Returns:
            True if they are the same; False too if that cannot be found out.
        """
        try:
            return identity_of(os.path.join(self._path, "new")) == self._identity
        except OSError:
            return False

    def _replaced(self) -> OSError:
        return FileNotFoundError(errno.ENOENT, "another directory has taken its place", self._path)

    def take_back(self, name: str) -> None:
        """
        Remove a file from ``new``, unless a mail reader has moved it.  The path may lead elsewhere.

        Args:
            name: Its name.
        """
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=self._new)


class OpenMaildirs:
    """
    The Maildirs that are held open.  Any thread may use it; `txsmtpx.MaildirBackend` creates it.

    Args:
        directories: The directories that are on the disk.
        held: Maildirs that are held open at most.

    Attributes:
        directories: As in the arguments.
    """

    def __init__(self, directories: Directories, held: int = HELD) -> None:
        self.directories = directories
        self._most = held
        self._held: dict[str, OpenMaildir] = {}
        self._lock = threading.Lock()

    def at(self, path: str) -> OpenMaildir:
        """
        Return a Maildir.  If it is not held open, it is created, and written to the disk, as far as that is necessary.

        Args:
            path: The Maildir.

        Returns:
            It.

        Raises:
            OSError: It failed.
        """
        with self._lock:
            found = self._held.pop(path, None)
            if found is not None:
                self._held[path] = found  # the last one to be forgotten
                return found
        found = OpenMaildir(path, self.directories)
        with self._lock:
            self._held[path] = found
            while len(self._held) > self._most:
                del self._held[next(iter(self._held))]
        return found

    def create(self, path: str, name: str) -> int:
        """
        Create a file in the ``tmp`` of a Maildir, which is created again if it was removed.

        Args:
            path: The Maildir.
            name: The name of the file.

        Returns:
            Its descriptor.

        Raises:
            OSError: It failed.
        """
        try:
            return self.at(path).create(name)
        except OSError as error:
            self.forget(path)
            if error.errno not in _REMOVED:
                raise
        self.directories.make(path)
        return self.at(path).create(name)

    def holds(self, path: str) -> bool:
        """
        Return whether a Maildir is held open.  If its path leads to another one, or to none, it is forgotten.

        Args:
            path: The Maildir.

        Returns:
            True if it is held open.
        """
        held = self._held.get(path)
        if held is not None and held.is_at_its_path():
            return True
        self.forget(path)
        return False

    def prepare(self, path: str) -> None:
        """
        Hold a Maildir open.  If that fails, `create` will say why.

        Args:
            path: The Maildir.
        """
        with contextlib.suppress(OSError):
            self.at(path)

    def forget(self, path: str) -> None:
        """
        Hold a Maildir open no longer.

        Args:
            path: The Maildir.
        """
        with self._lock:
            self._held.pop(path, None)
