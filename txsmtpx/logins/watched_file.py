"""
A file that is read again after it has changed.

If the change cannot be read, it is logged, and the old content stays.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar, cast

from twisted.internet.defer import Deferred
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


def in_reactor_thread_pool(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
    """
    Call a function in a thread, as ``deferToThread``, which knows no reactor but the global one.

    Args:
        function: The function.
        args: Its arguments.
        kwargs: Its keyword arguments.

    Returns:
        A Deferred of what it returns.
    """
    reactor = cast(IReactorThreads, clock_of(None))
    return deferToThreadPool(reactor, reactor.getThreadPool(), function, *args, **kwargs)


class WatchedFile(Generic[T]):
    """
    The present content of a file.  A checker creates it.

    Args:
        path: The file.
        read: It reads the file, and returns the content.  It is called in a thread, but the first time.
        in_thread: It calls a function in a thread.  None: a thread of the reactor.

    Attributes:
        content: The content when the file was last read.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is malformed.
    """

    def __init__(self, path: str, read: Callable[[str], T], in_thread: InThread | None = None) -> None:
        self._path = path
        self._reader = read
        self._in_thread = in_thread or in_reactor_thread_pool
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
        return self._reader(self._path)

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
