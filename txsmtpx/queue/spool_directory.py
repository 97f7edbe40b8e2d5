"""A directory of one process for bodies that go into a database: `SpoolDirectory`."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has none; there the directories of killed processes remain
    fcntl = None  # type: ignore[assignment]

PREFIX = "txsmtpx-queue-"
"""The beginning of the name, in the directory for temporary files."""

LOCK = "lock"
"""The name of a file in the directory.  It is locked as long as the process lives."""


class SpoolDirectory:
    """
    A directory for bodies that are being received.  It is removed when it is closed, or by another process.

    Attributes:
        path: Its path.

    Example:
        >>> spool = SpoolDirectory()
        >>> spool.open()
        >>> spool.path.is_dir()
        True
        >>> spool.close()
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.gettempdir(), f"{PREFIX}{secrets.token_hex(8)}")
        self._descriptor = -1

    def open(self) -> None:
        """
        Create it, and remove those of processes that were killed.  It may be open already.

        Raises:
            OSError: It cannot be created.
        """
        _remove_abandoned(self.path)
        while self._descriptor < 0:
            self.path.mkdir(mode=0o700, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # another process has removed it before it was locked
                descriptor = _locked(self.path, wait=True)
                try:
                    if (self.path / LOCK).exists():
                        self._descriptor = descriptor
                finally:
                    if self._descriptor < 0:  # a descriptor that is left open would lock out the next call
                        os.close(descriptor)

    def close(self) -> None:
        """Remove it with all that is in it."""
        descriptor, self._descriptor = self._descriptor, -1
        shutil.rmtree(self.path, ignore_errors=True)
        if descriptor >= 0:
            os.close(descriptor)


def _locked(path: Path, wait: bool) -> int:
    """
    Lock a directory, until the descriptor is closed or the process has ended.

    Returns:
        The descriptor.

    Raises:
        OSError: There is no such directory, or another process has locked it.
    """
    descriptor = os.open(path / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _remove_abandoned(own: Path) -> None:
    if fcntl is None:
        return
    for path in own.parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # it is in use, or it is gone
            if path != own and path.lstat().st_uid == os.geteuid():
                descriptor = _locked(path, wait=False)
                try:
                    shutil.rmtree(path)
                finally:
                    os.close(descriptor)
