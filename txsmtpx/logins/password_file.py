"""
Passwords at rest: files with a line for each, ``NAME:HASH``, which ``python -m txsmtpx.passwd`` makes.

A file is read again when it has changed; a change that cannot be read is logged, and what was there before stays.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure

log = Logger(__name__)

T = TypeVar("T")

AT_ONCE = 4
"""Hashes that are computed at the same time, since each takes a processor, and with argon2 memory."""

InThread = Callable[..., Deferred[Any]]
"""Takes a function and its arguments."""


class PasswordFile(Generic[T]):
    """
    What a file holds, as of now.  A checker creates one.

    Attributes:
        content: What ``parse`` made of it when it was last read.

    Args:
        parse: Takes (name, hash) for each line; called in a thread but for the first time.
        in_thread: By default `deferToThread`.

    Raises:
        OSError: It cannot be read.
        ValueError: A line is not understood.
    """

    def __init__(
        self, path: str, parse: Callable[[list[tuple[str, str]]], T], in_thread: InThread | None = None
    ) -> None:
        self._path = path
        self._parse = parse
        self._in_thread = in_thread or deferToThread
        self._waiting: list[Deferred[T]] = []
        self._seen = _version(path)
        self.content = self._read()

    def current(self) -> T | Deferred[T]:
        """
        ``content``; a Deferred of it while a file that has changed is read in a thread.

        To read a long file takes long, and so does the hash that `txsmtpx.logins.argon2_file` makes for strangers.
        """
        if not self._waiting and not self._changed():
            return self.content
        waiting: Deferred[T] = Deferred()
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            self._read_again()
        return waiting

    def _changed(self) -> bool:
        try:
            version = _version(self._path)
        except OSError as error:
            self._log(error)
            return False
        changed, self._seen = version != self._seen, version
        return changed

    def _read(self) -> T:
        return self._parse(entries(self._path))

    def _read_again(self) -> None:
        self._in_thread(self._read).addCallbacks(self._set_content, self._keep_content).addCallback(self._end)

    def _set_content(self, content: T) -> None:
        self.content = content

    def _keep_content(self, failure: Failure) -> None:
        if failure.check(OSError, ValueError):
            self._log(failure.value)
        else:
            log.failure("{path} not read again", failure, path=self._path)

    def _end(self, _: object) -> None:
        if self._changed():  # while it was read, so that a password that has been removed does not count any more
            self._read_again()
            return
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.called:  # or cancelled
                each.callback(self.content)

    def _log(self, error: BaseException | None) -> None:
        log.error("{path} not read again: {error}", path=self._path, error=str(error))


def _version(path: str) -> tuple[int, ...]:
    status = os.stat(path)
    return status.st_mtime_ns, status.st_ino, status.st_size


def entries(path: str) -> list[tuple[str, str]]:
    """
    (name, hash) for each line; empty ones and those that begin with # do not count.

    Raises:
        ValueError: A line is something else; the text says which, not what.
    """
    found = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(map(str.strip, file), 1):
            if line and not line.startswith("#"):
                name, colon, value = line.partition(":")
                if not (name and colon and value):
                    raise ValueError(f"{path}, line {number}: not NAME:HASH")
                found.append((name, value))
    return found


class Hashing:
    """
    Computes hashes in threads, some at a time; whoever has gone before his turn is passed over.

    Args:
        in_thread: By default `deferToThread`.
    """

    def __init__(self, in_thread: InThread | None = None) -> None:
        self._in_thread = in_thread or deferToThread
        self._turns = DeferredSemaphore(AT_ONCE)

    def compute(self, function: Callable[..., T], *arguments: Any) -> Deferred[T]:
        """What ``function`` gives; its turn ends when it does, though the Deferred be cancelled before."""
        outcome: Deferred[T] = Deferred()

        def work() -> Deferred[Any] | None:
            if outcome.called:
                return None
            return self._in_thread(function, *arguments).addCallbacks(outcome.callback, outcome.errback)

        self._turns.run(work)
        return outcome
