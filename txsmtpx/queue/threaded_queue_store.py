"""The half of a store that all databases share: a thread that uses the database, and group commits."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Sequence
from typing import BinaryIO, ParamSpec, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.backends.received_body import ReceivedBody
from txsmtpx.interfaces import StoreError
from txsmtpx.queue.queue_store import Change, IQueueStore
from txsmtpx.queue.queued_mail import Depth, Lease, NewMail, QueuedMail, RecipientOutcome, Selection
from txsmtpx.queue.sql_queue import SQLQueue
from txsmtpx.stores.database_thread import DatabaseThread

P = ParamSpec("P")
T = TypeVar("T")

BATCH = 100
"""Messages that are stored by one commit at most."""


def reason_of(error: BaseException) -> str:
    r"""
    Return the text of an error of a database as one line.

    Args:
        error: The error.

    Returns:
        The text.  The lines of psycopg have semicolons between them.

    Example:
        >>> reason_of(OSError("connection refused\n\tIs the server running?"))
        'connection refused; Is the server running?'
    """
    lines = str(getattr(error, "strerror", None) or error).splitlines()
    return "; ".join(" ".join(line.split()) for line in lines if line.strip())


@implementer(IQueueStore)
class ThreadedQueueStore:
    """
    A store whose database is used by a thread.  Messages that come together are stored by one commit.

    Args:
        queue: The database.
        errors: The exceptions of the database, which become a `StoreError`.
    """

    def __init__(self, queue: SQLQueue, errors: tuple[type[Exception], ...]) -> None:
        self._database = queue
        self._errors = (*errors, OSError, LookupError, ValueError)
        self._thread: DatabaseThread | None = None
        self._waiting: list[tuple[NewMail, Deferred[None]]] = []
        self._committing = False
        self._changed: Callable[[], None] = _ignore

    @abstractmethod
    def open(self, changed: Callable[[], None]) -> Deferred[None]:
        """
        Open the store.

        Args:
            changed: As for `IQueueStore.open`.

        Returns:
            As there.
        """

    @abstractmethod
    def body(self) -> ReceivedBody:
        """
        Begin to receive a body.

        Returns:
            The body.
        """

    def close(self) -> Deferred[None]:
        """
        Close the database.

        Returns:
            As for `IQueueStore.close`.
        """
        self._changed = _ignore
        return self._call(self._database.close)

    def _call(self, function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> Deferred[T]:
        """Call a function in the thread of the file."""
        if self._thread is None:
            self._thread = DatabaseThread("txsmtpx queue")
        return self._thread(function, *arguments, **keywords).addErrback(self._explained)

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
        self._call(self._database.add, [mail for mail, _ in batch]).addBoth(self._committed, batch)

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
                stored.errback(self._error(error.__cause__ or error))
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
        return self._call(self._database.lease, owner, now, until, limit, per_destination, full)

    def renew(self, leases: Sequence[Lease], until: float) -> Deferred[None]:
        """
        Move the end of leases.

        Args:
            leases: As for `IQueueStore.renew`.
            until: As there.

        Returns:
            As there.
        """
        return self._call(self._database.renew, leases, until)

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
        return self._call(self._database.finish, lease, outcomes, reports)

    def hand_back(self, leases: Sequence[Lease]) -> Deferred[None]:
        """
        End leases without an attempt.

        Args:
            leases: As for `IQueueStore.hand_back`.

        Returns:
            As there.
        """
        return self._call(self._database.hand_back, leases) if leases else succeed(None)

    def next_due(self, now: float, full: Collection[str]) -> Deferred[float | None]:
        """
        Find when the next recipient is due.

        Args:
            now: As for `IQueueStore.next_due`.
            full: As there.

        Returns:
            As there.
        """
        due = self._call(self._database.next_due, full)
        return due.addCallback(lambda found: None if found is None else max(found, now))

    def open_body(self, mail: QueuedMail) -> Deferred[BinaryIO]:
        """
        Open the body of a message.

        Args:
            mail: As for `IQueueStore.open_body`.

        Returns:
            As there.
        """
        return self._call(self._database.open_body, mail.id)

    def find(self, selection: Selection, limit: int, after: int = 0) -> Deferred[list[QueuedMail]]:
        """
        List messages.

        Args:
            selection: As for `IQueueStore.find`.
            limit: As there.
            after: As there.

        Returns:
            As there.
        """
        return self._call(self._database.find, selection, limit, after)

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

        return self._call(self._database.change, selection, change, now).addCallback(changed)

    def depth(self, now: float) -> Deferred[Depth]:
        """
        Count what is in the queue.

        Args:
            now: As for `IQueueStore.depth`.

        Returns:
            As there.
        """
        return self._call(self._database.depth, now)

    def _explained(self, failure: Failure) -> Failure:
        error = failure.value
        return failure if error is None else Failure(self._error(error))

    def _error(self, error: BaseException) -> BaseException:
        """Return a `StoreError` for an error of the database; any other error itself."""
        if not isinstance(error, self._errors):
            return error
        explained = StoreError(f"the queue cannot be used: {reason_of(error)}")
        explained.__cause__ = error
        return explained


def _ignore() -> None:
    """Nothing has to know of a change."""
