"""
Files of passwords, each line ``NAME:HASH``, which ``python -m txsmtpx.passwd`` writes.

A file is read again after it has changed.  If the change cannot be read, it is logged, and the old content stays.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar, cast

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorThreads
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.interfaces import InThread, clock_of
from txsmtpx.interfaces.per_reactor import PerReactor

log = Logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_Version = tuple[int, ...]

AT_ONCE = 4
"""Hashes that are computed at the same time, since each takes a processor, and with argon2 memory."""


def _in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
    """Call a function in a thread, as ``deferToThread``, which knows no reactor but the global one."""
    reactor = cast(IReactorThreads, clock_of(None))
    return deferToThreadPool(reactor, reactor.getThreadPool(), function, *args, **kwargs)


class PasswordFile(Generic[T]):
    """
    The present content of a file.  A checker creates it.

    Args:
        path: The file.
        parse: It takes the name and the hash of each line, and returns the content.  It is called in a thread, but
            the first time.
        in_thread: It calls a function in a thread.  None: a thread of the reactor.

    Attributes:
        content: The content when the file was last read.

    Raises:
        OSError: The file cannot be read.
        ValueError: A line is malformed.
    """

    def __init__(
        self, path: str, parse: Callable[[list[tuple[str, str]]], T], in_thread: InThread | None = None
    ) -> None:
        self._path = path
        self._parse = parse
        self._in_thread = in_thread or _in_thread
        self._waits: PerReactor[list[Deferred[T]]] = PerReactor(list)
        self._seen = _version(path)
        self.content: T = self._read()

    def current(self) -> T | Deferred[T]:
        """
        Return the present content.

        Returns:
            The content; a Deferred of it while the file, which has changed, is read in a thread.  That takes long for a
            long file, and for the hash that `txsmtpx.logins.argon2_file` makes for unknown users.
        """
        waits = self._waits.current
        changed = None if waits else self._changed()
        if not waits and changed is None:
            return self.content
        waiting: Deferred[T] = Deferred()
        waits.append(waiting)
        if changed is not None:
            self._read_again(changed)
        return waiting

    def _changed(self) -> _Version | None:
        """Return the version of the file; None if it was read, or cannot be found."""
        try:
            version = _version(self._path)
        except OSError as error:
            self._log(error)
            return None
        return version if version != self._seen else None

    def _read(self) -> T:
        found = entries(self._path)
        try:
            return self._parse(found)
        except ValueError as error:
            raise ValueError(f"{self._path}, {error}") from error

    def _read_again(self, version: _Version) -> None:
        read = self._in_thread(self._read).addCallbacks(self._set_content, self._keep_content)
        read.addCallback(self._end, version)

    def _set_content(self, content: T) -> None:
        self.content = content

    def _keep_content(self, failure: Failure) -> None:
        if failure.check(OSError, ValueError):
            self._log(failure.value)
        else:
            log.failure("{path} not read again", failure, path=self._path)

    def _end(self, _: object, version: _Version) -> None:
        self._seen = version  # not before: the next reactor reads again what this one has not
        changed = self._changed()
        if changed is not None:  # while it was read, so that a password that has been removed does not count any more
            self._read_again(changed)
            return
        waits = self._waits.current
        waiting = tuple(waits)
        waits.clear()
        for each in waiting:
            if not each.called:  # or cancelled
                each.callback(self.content)

    def _log(self, error: BaseException | None) -> None:
        log.error("{path} not read again: {error}", path=self._path, error=str(error))


def _version(path: str) -> _Version:
    status = os.stat(path)
    return status.st_mtime_ns, status.st_ino, status.st_size


def entries(path: str) -> list[tuple[str, str]]:
    """
    Read a file of passwords.  Empty lines, and lines that begin with #, are ignored.

    Args:
        path: The file.

    Returns:
        The name and the hash of each line.

    Raises:
        ValueError: A line is malformed.  The text has the number of the line, and not its content.
    """
    found = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(map(str.strip, file), 1):
            if line and not line.startswith("#"):
                name, colon, value = line.partition(":")
                if not (name and colon and value):
                    raise ValueError(f"{path}, line {number}: a line is NAME:PASSWORD or NAME:HASH")
                found.append((name, value))
    return found


class Hashing:
    """
    Hashes that are computed in threads, at most `AT_ONCE` at a time.  A checker creates it.

    Args:
        in_thread: It calls a function in a thread.  None: a thread of the reactor.
    """

    def __init__(self, in_thread: InThread | None = None) -> None:
        self._in_thread = in_thread or _in_thread
        self._turns = PerReactor(lambda: DeferredSemaphore(AT_ONCE))

    def compute(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """
        Call a function in a thread, when less than `AT_ONCE` are called.

        Args:
            function: The function.
            args: Its arguments.
            kwargs: Its keyword arguments.

        Returns:
            What the function returns.  If the Deferred is cancelled before the call, there is no call.
        """
        outcome: Deferred[T] = Deferred()

        def work() -> Deferred[None] | None:
            if outcome.called:
                return None
            return self._in_thread(function, *args, **kwargs).addCallbacks(outcome.callback, outcome.errback)

        self._turns.current.run(work)
        return outcome
