"""
Messages that are written together.

Theory of operation: a commit waits for the disk.  All messages that arrive meanwhile are written by the next commit,
with one wait for all.  So a server with many clients writes as fast as the disk, and each 250 means stored.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.backends.received import Received
from txsmtpx.inbox.database_writer import DatabaseWriter
from txsmtpx.inbox.listed_message import ListedMessage
from txsmtpx.interfaces import InThread

log = Logger(__name__)

MAX_BATCH = 100
"""Messages that are written together."""

MAX_BATCH_OCTETS = 16 * 1024 * 1024
"""Octets of these messages, unless one is longer."""


_Group = list[tuple[Received, Deferred[int]]]


class NotStored(Exception):
    """
    Report that a message could not be written.  `GroupWriter.keep` fails with it.

    Attributes:
        full: True if there is no space for the message.

    Args:
        cause: The exception of SQLite.
    """

    def __init__(self, cause: BaseException | None) -> None:
        super().__init__(str(cause))
        self.full: bool = getattr(cause, "sqlite_errorcode", None) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_TOOBIG)


class GroupWriter:
    """
    Write messages in groups.  `DatabaseStore` creates it.

    Args:
        writer: It writes the messages.
        in_thread: It calls a function in the thread of the writer.
        now: A function that returns the time, in seconds since the epoch.
        kept: It is called with the messages of each group, after their clients have been answered, and with the
            numbers of the messages that were deleted to make room.
    """

    def __init__(
        self,
        writer: DatabaseWriter,
        in_thread: InThread,
        now: Callable[[], float],
        kept: Callable[[Sequence[ListedMessage], Sequence[int]], None],
    ) -> None:
        self._writer = writer
        self._in_thread = in_thread
        self._now = now
        self._kept = kept
        self._waiting: deque[tuple[Received, Deferred[int]]] = deque()
        self._writing = False

    def keep(self, received: Received) -> Deferred[int]:
        """
        Write a message.

        Args:
            received: The message.

        Returns:
            A Deferred of the number of the message, when it is on the disk.  It fails with `NotStored`.
        """
        stored: Deferred[int] = Deferred()
        self._waiting.append((received, stored))
        self._write()
        return stored

    def _write(self) -> None:
        if self._writing:
            return
        group = self._next()
        if group:
            self._writing = True
            written = self._in_thread(self._writer.keep, [received for received, _ in group], self._now())
            written.addCallbacks(self._written, _failed, (group,), {}, (group,), {})
            written.addBoth(self._continue)

    def _next(self) -> _Group:
        group: _Group = []
        octets = 0
        while self._waiting and len(group) < MAX_BATCH:
            octets += len(self._waiting[0][0].content)
            if group and octets > MAX_BATCH_OCTETS:
                break
            each = self._waiting.popleft()
            if not each[1].called:  # otherwise the client is gone
                group.append(each)
        return group

    def _written(self, result: tuple[list[ListedMessage | Exception], list[int]], group: _Group) -> None:
        outcomes, gone = result
        for (_, stored), outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, Exception):
                _fail(stored, outcome)
            elif not stored.called:
                stored.callback(outcome.id)
        self._kept([each for each in outcomes if isinstance(each, ListedMessage)], gone)

    def _continue(self, result: Failure | None) -> None:
        if result is not None:
            log.failure("the inbox failed after it had written messages", result)
        self._writing = False
        self._write()


def _failed(failure: Failure, group: _Group) -> None:
    for _, stored in group:
        _fail(stored, failure.value)


def _fail(stored: Deferred[int], cause: BaseException | None) -> None:
    if not stored.called:
        stored.errback(NotStored(cause))  # each client has an exception of its own
