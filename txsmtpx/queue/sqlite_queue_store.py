"""A store of a queue in a file of SQLite: `SQLiteQueueStore`."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.arguments import checked_except
from txsmtpx.backends.received_body import ReceivedBody
from txsmtpx.interfaces import Reactor, clock_of
from txsmtpx.queue.queue_store import INLINE
from txsmtpx.queue.sqlite_queue import SQLiteQueue
from txsmtpx.queue.sqlite_schema import SCHEMA
from txsmtpx.queue.threaded_queue_store import ThreadedQueueStore
from txsmtpx.stores import sqlite_file
from txsmtpx.wire.reactor_threads import in_thread_of

log = Logger(__name__)

POLL = 2.0
"""Seconds between two looks at whether another process, such as ``python -m txsmtpx.queue``, has changed the file."""

ORPHAN = 86_400.0
"""Seconds after which a body without a message is removed.  No message takes that long to arrive."""


class SQLiteQueueStore(ThreadedQueueStore):
    """
    Keep a queue in a file of SQLite.  Messages of 64 KB and more have files in the directory ``PATH-bodies``.

    Args:
        path: The path of the file.  It is created if it is missing, but not the directory around it.
        reactor: The reactor.  None: the global one.

    Attributes:
        path: The absolute path.

    Raises:
        ValueError: The file cannot be used.

    Example:
        ::

            queue = MailQueue(SQLiteQueueStore("/var/lib/txsmtpx/queue.db"))
    """

    @checked_except("reactor")
    def __init__(self, path: str, reactor: Reactor | None = None) -> None:
        sqlite_file.check(path, SCHEMA)
        self.path: str = os.path.abspath(path)
        self._queue = SQLiteQueue(self.path, Path(f"{self.path}-bodies"))
        super().__init__(self._queue, (sqlite3.Error,))
        self._clock = cast(IReactorTime, clock_of(reactor))
        self._poll: IDelayedCall | None = None
        self._version = 0

    def __repr__(self) -> str:
        return f"<SQLiteQueueStore {self.path}>"

    def open(self, changed: Callable[[], None]) -> Deferred[None]:
        """
        Open the file, and remove the bodies that a crash has left.

        Args:
            changed: As for `IQueueStore.open`.

        Returns:
            As there.
        """
        self._changed = changed

        def begin() -> int:
            self._queue.open()
            self._queue.sweep(time.time() - ORPHAN)
            return self._queue.version()

        def opened(version: int) -> None:
            self._version = version
            self._poll = self._clock.callLater(POLL, self._look)

        return self._call(begin).addCallback(opened)

    def _look(self) -> None:
        def looked(version: int) -> None:
            if version != self._version:
                self._version = version
                self._changed()
            if self._poll is not None:
                self._poll = self._clock.callLater(POLL, self._look)

        self._call(self._queue.version).addCallbacks(looked, self._failed)

    def _failed(self, failure: Failure) -> None:
        log.error("{store}: {error}", store=self, error=failure.value)
        if self._poll is not None:
            self._poll = self._clock.callLater(POLL, self._look)

    def close(self) -> Deferred[None]:
        """
        Close the file.

        Returns:
            As for `IQueueStore.close`.
        """
        poll, self._poll = self._poll, None
        if poll is not None and poll.active():
            poll.cancel()
        return super().close()

    def body(self) -> ReceivedBody:
        """
        Begin to receive a body.

        Returns:
            The body.
        """
        return ReceivedBody(INLINE - 1, self._queue.bodies, partial(in_thread_of, self._clock))
