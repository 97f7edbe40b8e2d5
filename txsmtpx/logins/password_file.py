"""
Files of passwords, each line ``NAME:HASH``, which ``python -m txsmtpx.passwd`` writes.

A file is read again after it has changed (`txsmtpx.logins.watched_file`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from twisted.internet.defer import Deferred, DeferredSemaphore

from txsmtpx.interfaces import InThread
from txsmtpx.interfaces.per_reactor import PerReactor
from txsmtpx.logins.watched_file import WatchedFile, in_reactor_thread_pool

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE = 4
"""Hashes that are computed at the same time, since each takes a processor, and with argon2 memory."""


class PasswordFile(WatchedFile[T]):
    """
    The present content of a file of passwords.  A checker creates it.

    Args:
        path: The file.
        parse: It takes the name and the hash of each line, and returns the content.  It is called in a thread, but
            the first time.
        in_thread: It calls a function in a thread.  None: a thread of the reactor.

    Raises:
        OSError: The file cannot be read.
        ValueError: A line is malformed.
    """

    def __init__(
        self, path: str, parse: Callable[[list[tuple[str, str]]], T], in_thread: InThread | None = None
    ) -> None:
        def read(path: str) -> T:
            found = entries(path)
            try:
                return parse(found)
            except ValueError as error:
                raise ValueError(f"{path}, {error}") from error

        super().__init__(path, read, in_thread)


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
        self._in_thread = in_thread or in_reactor_thread_pool
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
