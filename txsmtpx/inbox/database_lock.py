"""
The lock of a file of messages: one server at a time uses it.

It is a file of its own, ``PATH-lock``.  To close a descriptor of the database itself would end the locks of SQLite.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # Windows has none; there the servers are not kept apart
    fcntl = None  # type: ignore[assignment]


class DatabaseLock:
    """
    The lock of a file of messages.  `DatabaseWriter` creates it.

    Args:
        path: The path of the file.

    Example:
        ::

            lock = DatabaseLock("mail.db")
            lock.acquire()
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """
        Lock the file, until `release` or the end of the process.

        Raises:
            OSError: The file of the lock cannot be opened or locked.
            ValueError: Another server uses the file.
        """
        descriptor = os.open(f"{self._path}-lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                raise ValueError(f"{self._path} is used by another server; stop it, or name another file") from error
            raise
        self._descriptor = descriptor

    @contextlib.contextmanager
    def acquired(self) -> Iterator[None]:
        """
        Lock the file, and unlock it if the block fails.

        Yields:
            Nothing.

        Raises:
            OSError: The file of the lock cannot be opened.
            ValueError: Another server uses the file.
        """
        self.acquire()
        try:
            yield
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Unlock the file, if it is locked."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def check(self) -> None:
        """
        Check that no other server uses the file.  Nothing is created.

        Raises:
            ValueError: Another server uses it.
        """
        with contextlib.suppress(OSError):
            if os.path.exists(f"{self._path}-lock"):
                self.acquire()
                self.release()
