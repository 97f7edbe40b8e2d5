"""A store of a queue in a file of SQLite: `SQLiteQueueStore`."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.arguments import checked_except
from txsmtpx.backends.body_directory import BodyDirectory
from txsmtpx.backends.received_body import ReceivedBody
from txsmtpx.interfaces import Reactor, StoreError, clock_of
from txsmtpx.queue.queue_store import INLINE, Change, IQueueStore
from txsmtpx.queue.queued_mail import Depth, Lease, NewMail, QueuedMail, RecipientOutcome, Selection
from txsmtpx.queue.sqlite_queue import SQLiteQueue
from txsmtpx.queue.sqlite_schema import SCHEMA
from txsmtpx.stores import sqlite_file
from txsmtpx.stores.database_thread import DatabaseThread

log = Logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

BATCH = 100
"""Messages that are stored by one commit at most."""

POLL = 2.0
"""Seconds between two looks at whether another process, such as ``python -m txsmtpx.queue``, has changed the file."""

ORPHAN = 86_400.0
"""Seconds after which a body without a message is removed.  No message takes that long to arrive."""


@implementer(IQueueStore)
class SQLiteQueueStore:
    """
    Keep a queue in a file of SQLite.  Messages of 64 KB and more have files in the directory ``PATH-bodies``.

    A thread uses the file.  Messages that come together are stored by one commit.

    Args:
        path: The path of the file.  It is created if it is missing, but not the directory around it.
        reactor: The reactor.  None: the global one.

    Raises:
        ValueError: The file cannot be used.

    Example:
        ::

            queue = MailQueue(SQLiteQueueStore("/var/lib/txsmtpx/queue.db"))
    """

    @checked_except("reactor")
    def __init__(self, path: str, reactor: Reactor | None = None) -> None:
        sqlite_file.check(path, SCHEMA)
        directory = Path(f"{path}-bodies")
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        self.path: str = os.path.abspath(path)
        self._bodies = BodyDirectory(directory)
        self._queue = SQLiteQueue(self.path, self._bodies)
        self._thread: DatabaseThread | None = None
        self._clock = cast(IReactorTime, clock_of(reactor))
        self._waiting: list[tuple[NewMail, Deferred[None]]] = []
        self._committing = False
        self._changed: Callable[[], None] = lambda: None
        self._poll: IDelayedCall | None = None
        self._version = 0

    def __repr__(self) -> str:
        return f"<SQLiteQueueStore {self.path}>"

    def _call(self, function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> Deferred[T]:
        """Call a function in the thread of the file."""
        if self._thread is None:
            self._thread = DatabaseThread("txsmtpx queue")
        return self._thread(function, *arguments, **keywords).addErrback(_explained)

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
        self._changed = lambda: None
        return self._call(self._queue.close)

    def body(self) -> ReceivedBody:
        """
        Begin to receive a body.

        Returns:
            The body.
        """
        return ReceivedBody(INLINE - 1, self._bodies, deferToThread)

    def add(self, mail: NewMail) -> Deferred[None]:
        """
        Store a message.

        Args:
            mail: The message.

        Returns:
            As for `IQueueStore.add`.
        """
        stored: Deferred[None] = Deferred()
        self._waiting.append((mail, stored))
        self._commit()
        return stored

    def _commit(self) -> None:
        # While one commit waits for the disk, messages gather for the next.
        if self._committing or not self._waiting:
            return
        batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
        self._committing = True
        self._call(self._queue.add, [mail for mail, _ in batch]).addBoth(self._committed, batch)

    def _committed(
        self, outcome: list[Exception | None] | Failure, batch: Sequence[tuple[NewMail, Deferred[None]]]
    ) -> None:
        self._committing = False
        self._commit()
        for at, (_, stored) in enumerate(batch):
            error = outcome.value if isinstance(outcome, Failure) else outcome[at]
            if stored.called:  # the caller has given up; the message is stored all the same
                continue
            if error is None:
                stored.callback(None)
            else:  # each caller has an error of its own
                stored.errback(store_error(error.__cause__ or error))
        if not isinstance(outcome, Failure):
            self._changed()

    def lease(
        self, owner: str, now: float, until: float, limit: int, per_destination: int, full: Collection[str]
    ) -> Deferred[list[Lease]]:
        """
        Lease what is due.

        Args:
            owner: As for `IQueueStore.lease`.
            now: As there.
            until: As there.
            limit: As there.
            per_destination: As there.
            full: As there.

        Returns:
            As there.
        """
        return self._call(self._queue.lease, owner, now, until, limit, per_destination, full)

    def renew(self, leases: Sequence[Lease], until: float) -> Deferred[None]:
        """
        Move the end of leases.

        Args:
            leases: As for `IQueueStore.renew`.
            until: As there.

        Returns:
            As there.
        """
        return self._call(self._queue.renew, leases, until)

    def finish(
        self, lease: Lease, outcomes: Sequence[RecipientOutcome], reports: Sequence[NewMail]
    ) -> Deferred[None]:
        """
        End a lease.

        Args:
            lease: As for `IQueueStore.finish`.
            outcomes: As there.
            reports: As there.

        Returns:
            As there.
        """
        return self._call(self._queue.finish, lease, outcomes, reports)

    def hand_back(self, leases: Sequence[Lease]) -> Deferred[None]:
        """
        End leases without an attempt.

        Args:
            leases: As for `IQueueStore.hand_back`.

        Returns:
            As there.
        """
        return self._call(self._queue.hand_back, leases) if leases else succeed(None)

    def next_due(self, now: float, full: Collection[str]) -> Deferred[float | None]:
        """
        Find when the next recipient is due.

        Args:
            now: As for `IQueueStore.next_due`.
            full: As there.

        Returns:
            As there.
        """
        due = self._call(self._queue.next_due, full)
        return due.addCallback(lambda found: None if found is None else max(found, now))

    def open_body(self, mail: QueuedMail) -> Deferred[BinaryIO]:
        """
        Open the body of a message.

        Args:
            mail: As for `IQueueStore.open_body`.

        Returns:
            As there.
        """
        return self._call(self._queue.open_body, mail.id)

    def find(self, selection: Selection, limit: int, after: str = "") -> Deferred[list[QueuedMail]]:
        """
        List messages.

        Args:
            selection: As for `IQueueStore.find`.
            limit: As there.
            after: As there.

        Returns:
            As there.
        """
        return self._call(self._queue.find, selection, limit, after)

    def change(self, selection: Selection, change: Change, now: float) -> Deferred[int]:
        """
        Change recipients.

        Args:
            selection: As for `IQueueStore.change`.
            change: As there.
            now: As there.

        Returns:
            As there.
        """

        def changed(number: int) -> int:
            self._changed()
            return number

        return self._call(self._queue.change, selection, change, now).addCallback(changed)

    def depth(self, now: float) -> Deferred[Depth]:
        """
        Count what is in the queue.

        Args:
            now: As for `IQueueStore.depth`.

        Returns:
            As there.
        """
        return self._call(self._queue.depth, now)


def store_error(error: BaseException) -> BaseException:
    """
    Return the error of a store for an error of SQLite or of a file.

    Args:
        error: The error.

    Returns:
        A `StoreError`, which the error has caused; any other error itself.
    """
    if not isinstance(error, sqlite3.Error | OSError | LookupError | ValueError):
        return error
    explained = StoreError(f"the queue cannot be used: {getattr(error, 'strerror', None) or error}")
    explained.__cause__ = error
    return explained


def _explained(failure: Failure) -> Failure:
    error = failure.value
    return failure if error is None else Failure(store_error(error))
