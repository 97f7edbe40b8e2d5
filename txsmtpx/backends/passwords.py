"""
Passwords at rest: files with a line for each, C{NAME:HASH}, which C{python -m txsmtpx.passwd} makes.

A file is read again when it has changed; a change that cannot be read is logged, and what was there before stays.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

log = Logger(__name__)

T = TypeVar("T")

AT_ONCE = 4
"""Hashes that are computed at the same time, since each takes a processor, and with argon2 memory."""

InThread = Callable[..., Deferred[Any]]
"""Takes a function and its arguments."""


class PasswordFile(Generic[T]):
    """What a file holds, as of now."""

    def __init__(self, path: str, parse: Callable[[list[tuple[str, str]]], T]) -> None:
        """
        @param parse: takes (name, hash) for each line.
        @raise OSError: it cannot be read.
        @raise ValueError: a line is not understood.
        """
        self._path = path
        self._parse = parse
        self._seen = _version(path)
        self._content = parse(entries(path))

    @property
    def content(self) -> T:
        """What C{parse} made of it."""
        try:
            version = _version(self._path)
            if version != self._seen:
                self._seen = version
                self._content = self._parse(entries(self._path))
        except (OSError, ValueError) as error:
            log.error("{path} not read again: {error}", path=self._path, error=str(error))
        return self._content


def _version(path: str) -> tuple[int, ...]:
    status = os.stat(path)
    return status.st_mtime_ns, status.st_ino, status.st_size


def entries(path: str) -> list[tuple[str, str]]:
    """
    (name, hash) for each line; empty ones and those that begin with # do not count.

    @raise ValueError: a line is something else; the text says which, not what.
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
    """Computes hashes in threads, some at a time; whoever has gone before his turn is passed over."""

    def __init__(self, in_thread: InThread | None = None) -> None:
        """
        @param in_thread: by default L{deferToThread}.
        """
        self._in_thread = in_thread or deferToThread
        self._turns = DeferredSemaphore(AT_ONCE)

    def compute(self, function: Callable[..., T], *arguments: Any) -> Deferred[T]:
        """What C{function} gives; its turn ends when it does, though the Deferred be cancelled before."""
        outcome: Deferred[T] = Deferred()

        def work() -> Deferred[Any] | None:
            if outcome.called:
                return None
            return self._in_thread(function, *arguments).addCallbacks(outcome.callback, outcome.errback)

        self._turns.run(work)
        return outcome
