"""
A directory of bodies that are too long for a message of a broker.

A backend writes the body of a message to a file, and sends the name of the file to the broker.  The file and its entry
in the directory are on the disk before that (guarantee 12).  The consumer removes the file when the message is handled.
All machines with such a backend or consumer share the directory.

A broker may deliver a message again although it is handled, since an acknowledgement can be lost.  So a handled body
leaves a mark for a day: an empty file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import threading
import time
from pathlib import Path

PART = ".part"
"""The end of the name of a file that is not complete.  After a crash it remains, and can be deleted."""

HANDLED = ".done"
"""The end of the name of a mark."""

DAY = 86_400.0
"""Seconds that a mark is kept."""

_NAME = re.compile(r"[0-9a-f]{32}\.eml").fullmatch

_MODE = 0o640
"""The group can read a body, since the consumer may run as another user."""


class BodyDirectory:
    """
    The directory.  Its methods block.

    Args:
        path: Its path.  Surrounding directories are not created.

    Attributes:
        path: As in the arguments.

    Raises:
        ValueError: It is no directory that can be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as path:
        ...     directory = BodyDirectory(path)
        ...     body = directory.create()
        ...     body.write(b"Subject: hello")
        ...     directory.path_of(body.publish()).read_bytes()
        b'Subject: hello'
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()
        if not self.path.is_dir():
            raise ValueError(f"{self.path} is no directory; create it")
        if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
            raise ValueError(f"this user cannot write to the directory {self.path}")

    def create(self) -> BodyFile:
        """
        Create a file.

        Returns:
            The file, which is empty and open.

        Raises:
            OSError: It failed.
        """
        return BodyFile(self)

    def path_of(self, name: str) -> Path:
        """
        Return the path of a body.

        Args:
            name: The name, which a broker has kept.

        Returns:
            The path.

        Raises:
            ValueError: No body has such a name, which could lead out of the directory.
        """
        return body_path(self.path, name)

    def link(self, name: str) -> str:
        """
        Give a body a second name, for a second message with it.

        Args:
            name: The first name.

        Returns:
            The second name, which is on the disk.

        Raises:
            OSError: It failed.
        """
        second = _new_name()
        os.link(self.path_of(name), self.path / second)
        self.sync()
        return second

    def remove(self, name: str) -> None:
        """
        Remove a body.  It may be removed already.

        Args:
            name: The name.

        Raises:
            OSError: It failed.
        """
        self.path_of(name).unlink(missing_ok=True)

    def mark(self, name: str) -> None:
        """
        Mark a body as handled.  The mark is on the disk then.

        Args:
            name: The name.

        Raises:
            OSError: It failed.
        """
        self._mark_of(name).touch()
        self.sync()

    def is_marked(self, name: str) -> bool:
        """
        Return whether a body is marked as handled.

        Args:
            name: The name.

        Returns:
            True if it is.
        """
        return self._mark_of(name).exists()

    def sweep(self, age: float = DAY) -> None:
        """
        Remove old marks, and bodies that remain beside them.

        Args:
            age: Seconds since the body was handled.

        Raises:
            OSError: It failed.
        """
        oldest = time.time() - age
        for mark in self.path.glob(f"*{HANDLED}"):
            with contextlib.suppress(FileNotFoundError):  # another consumer sweeps too
                if mark.stat().st_mtime <= oldest:
                    mark.with_suffix("").unlink(missing_ok=True)
                    mark.unlink()

    def _mark_of(self, name: str) -> Path:
        return Path(f"{self.path_of(name)}{HANDLED}")

    def sync(self) -> None:
        """
        Write the directory to the disk.

        Raises:
            OSError: It failed.
        """
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class BodyFile:
    """
    A body that is being written.  `BodyDirectory.create` creates it.

    Several threads may call its methods: one may discard the file while another one writes to it.

    Args:
        directory: The directory.

    Raises:
        OSError: The file cannot be created.
    """

    def __init__(self, directory: BodyDirectory) -> None:
        self._directory = directory
        self._name = _new_name()
        self._part = directory.path / f"{self._name}{PART}"
        self._lock = threading.Lock()
        self._descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)

    def write(self, octets: bytes) -> None:
        """
        Write octets at the end.

        Args:
            octets: The octets.

        Raises:
            OSError: It failed.
        """
        with self._lock:
            descriptor, rest = self._opened, memoryview(octets)
            while rest:
                rest = rest[os.write(descriptor, rest) :]

    def publish(self) -> str:
        """
        Write the file and its entry in the directory to the disk, and close it.

        Returns:
            The name of the body.

        Raises:
            OSError: It failed.
        """
        with self._lock:
            os.fsync(self._opened)
            self._close()
            os.rename(self._part, self._directory.path / self._name)
            self._directory.sync()
        return self._name

    def discard(self) -> None:
        """Close the file and remove it, whether it is published or not.  An error is ignored."""
        with self._lock:
            for step in (self._close, self._part.unlink, (self._directory.path / self._name).unlink):
                with contextlib.suppress(OSError):
                    step()

    @property
    def _opened(self) -> int:
        """The descriptor."""
        if self._descriptor < 0:
            raise OSError(errno.EBADF, "the body was discarded", str(self._part))
        return self._descriptor

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def body_path(directory: Path, name: str) -> Path:
    """
    Return the path of a body in a directory, which may be unusable now.

    Args:
        directory: The directory.
        name: The name.

    Returns:
        The path.

    Raises:
        ValueError: No body has such a name, which could lead out of the directory.

    Example:
        >>> body_path(Path("bodies"), "../mail")
        Traceback (most recent call last):
        ValueError: this is no name of a body: '../mail'
    """
    if not _NAME(name):
        raise ValueError(f"this is no name of a body: {name[:100]!r}")
    return directory / name


def _new_name() -> str:
    return f"{secrets.token_hex(16)}.eml"
