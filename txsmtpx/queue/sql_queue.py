"""
A queue in an SQL database, for one thread: what SQLite and PostgreSQL share.

Statements have placeholders such as ``:name``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO

from txsmtpx.queue.queue_rows import (
    CHANGES,
    INSERT_RECIPIENT,
    RECIPIENT,
    SELECTED,
    SETTLE,
    RecipientRow,
    SQLConnection,
    Values,
    chosen,
    condition,
    mail_of,
    recipient_values,
    settled,
)
from txsmtpx.queue.queue_store import Change
from txsmtpx.queue.queued_mail import AGES, Depth, Lease, NewMail, QueuedMail, RecipientOutcome, Selection


class SQLQueue(ABC):
    """
    A queue in a database, for one thread.  A store of a queue creates it, or the command ``python -m txsmtpx.queue``.

    The methods are those of `txsmtpx.IQueueStore`, without Deferreds.  They raise the errors of the database.  When a
    method returns, its change is on the disk.
    """

    @abstractmethod
    def close(self) -> None:
        """Close the database.  The next call opens it again."""

    @abstractmethod
    def open_body(self, id: str) -> BinaryIO:
        """
        Open the body of a message.

        Args:
            id: The identifier.

        Returns:
            A file, from its first octet.

        Raises:
            LookupError: There is no such message.
        """

    # ---- what a subclass implements for its database

    _ends_in: str
    """The condition that the address of a recipient ends in ``:recipient``, without regard to case."""

    @property
    @abstractmethod
    def _connection(self) -> SQLConnection:
        """The connection, which is opened again if it was lost.  So a transaction never uses this, but its own."""

    @abstractmethod
    def _transaction(self, notify: bool = False, lasting: bool = True) -> AbstractContextManager[SQLConnection]:
        """Store all changes of the block, or none.  `notify`: one may become due.  Leases need not be `lasting`."""

    @abstractmethod
    def _snapshot(self) -> AbstractContextManager[SQLConnection]:
        """Read one state of the tables, whatever other processes change.  So no message is read by half."""

    @abstractmethod
    def _among(self, column: str, name: str) -> str:
        """Return the condition that a column is one of the values of `_array` with this name."""

    @abstractmethod
    def _array(self, values: Iterable[object]) -> object:
        """Return several values as one value of a statement."""

    @abstractmethod
    def _fails_alone(self, error: Exception) -> bool:
        """Return whether only the message that raised an error cannot be stored, and the transaction goes on."""

    @abstractmethod
    def _insert_mail(self, connection: SQLConnection, mail: NewMail) -> int:
        """Insert a message and its body, without the recipients.  Return its number."""

    @abstractmethod
    def _ready(self, connection: SQLConnection, statement: str, values: Values) -> Iterator[tuple[int, str]]:
        """Execute a statement for each of `PRIORITIES`.  Leave out rows that another process has locked."""

    @abstractmethod
    def _take(self, connection: SQLConnection, values: Values) -> Iterable[RecipientRow]:
        """Execute `LEASE`.  Return the recipients that it has changed, with their new values."""

    @abstractmethod
    def _locked_body(self, connection: SQLConnection, number: int) -> str:
        """Lock a message until the transaction ends.  Return the name of the file of its body; "" if it has none."""

    @abstractmethod
    def _committed(self, gone: Iterable[str], stored: Sequence[NewMail]) -> None:
        """After a commit, remove the bodies of messages that are gone, or that the database has.  Raise nothing."""

    # ---- deliveries

    def add(self, batch: Sequence[NewMail]) -> list[Exception | None]:
        """
        Store messages in one transaction.

        Args:
            batch: The messages.

        Returns:
            For each message None, or the reason why it alone cannot be stored.

        Raises:
            Exception: No message is stored.
        """
        outcomes: list[Exception | None] = []
        with self._transaction(notify=True) as connection:
            for mail in batch:
                connection.execute("SAVEPOINT one")
                try:
                    self._insert(connection, mail)
                    outcomes.append(None)
                except Exception as error:
                    if not self._fails_alone(error):
                        raise
                    connection.execute("ROLLBACK TO one")
                    outcomes.append(error)
                connection.execute("RELEASE one")
        self._committed([], batch)
        return outcomes

    def _insert(self, connection: SQLConnection, mail: NewMail) -> None:
        number = self._insert_mail(connection, mail)
        connection.executemany(INSERT_RECIPIENT, recipient_values(number, mail))

    def lease(
        self, owner: str, now: float, until: float, limit: int, per_destination: int, full: Collection[str]
    ) -> list[Lease]:
        """
        Lease what is due: the highest priority first, then what is due for longest.

        Args:
            owner: The process.
            now: The time.
            until: The end of the leases.
            limit: The most leases.
            per_destination: The most leases for one destination.
            full: Destinations that take no delivery now.

        Returns:
            The leases.
        """
        found: list[Lease] = []
        statement = (
            "SELECT mail, destination FROM recipient WHERE state = 'waiting' AND priority = :priority AND due <= :now"
            f" AND NOT {self._among('destination', 'full')} ORDER BY due, mail, destination"
        )
        with self._transaction(lasting=False) as connection:
            ready = self._ready(connection, statement, {"now": now, "full": self._array(full)})
            for mail, destination in chosen(ready, limit, per_destination):
                values = {"owner": owner, "until": until, "mail": mail, "destination": destination, "now": now}
                leased = mail_of(connection, mail, self._take(connection, values))
                found.append(Lease(leased, destination, owner, until))
        return found

    def renew(self, leases: Sequence[Lease], until: float) -> None:
        """
        Move the end of leases.

        Args:
            leases: The leases.
            until: Their new end.
        """
        self._update(leases, "due = :due", until, notify=False)

    def hand_back(self, leases: Sequence[Lease]) -> None:
        """
        End leases without an attempt.

        Args:
            leases: The leases.
        """
        self._update(leases, "due = :due, owner = '', attempts = attempts - 1", 0.0, notify=True)

    def _update(self, leases: Sequence[Lease], change: str, due: float, notify: bool) -> None:
        with self._transaction(notify, lasting=False) as connection:
            connection.executemany(
                f"UPDATE recipient SET {change} WHERE owner = :owner AND {self._among('number', 'numbers')}"
                " AND mail = (SELECT number FROM mail WHERE id = :id)",
                [
                    {
                        "due": due,
                        "owner": lease.owner,
                        "id": lease.mail.id,
                        "numbers": self._array(each.number for each in lease.mail.recipients),
                    }
                    for lease in leases
                ],
            )

    def finish(self, lease: Lease, outcomes: Sequence[RecipientOutcome], reports: Sequence[NewMail]) -> None:
        """
        End a lease, and store its outcomes and reports.

        Args:
            lease: The lease.
            outcomes: The outcomes.
            reports: The reports.
        """
        gone: list[str] = []
        with self._transaction(notify=bool(reports)) as connection:
            found = connection.execute("SELECT number FROM mail WHERE id = :id", {"id": lease.mail.id}).fetchone()
            if found is not None:  # otherwise an operator has deleted it, or another process has delivered it
                (number,) = found
                counted = [connection.execute(SETTLE, settled(number, lease.owner, each)).rowcount for each in outcomes]
                for report in reports if any(counted) else ():
                    self._insert(connection, report)
                connection.execute(
                    "UPDATE recipient SET owner = '', due = 0"
                    " WHERE mail = :mail AND destination = :destination AND owner = :owner",
                    {"mail": number, "destination": lease.destination, "owner": lease.owner},
                )
                gone = self._remove_finished(connection, [number])
        self._committed(gone, reports)

    def _remove_finished(self, connection: SQLConnection, numbers: Iterable[int]) -> list[str]:
        """Remove those of some messages that have only final recipients.  Return the files of their bodies."""
        gone = []
        for number in numbers:
            key = {"number": number}
            body = self._locked_body(connection, number)
            left = connection.execute(
                "SELECT 1 FROM recipient WHERE mail = :number AND state IN ('waiting', 'held') LIMIT 1", key
            ).fetchone()
            if left is None:
                for table in ("recipient WHERE mail", "content WHERE mail", "mail WHERE number"):
                    connection.execute(f"DELETE FROM {table} = :number", key)
                gone += [body] if body else []
        return gone

    def next_due(self, full: Collection[str]) -> float | None:
        """
        Find the time at which the next recipient is due.

        Args:
            full: Destinations that do not count.

        Returns:
            The time; None if nothing waits.
        """
        row = self._connection.execute(
            f"SELECT due FROM recipient WHERE state = 'waiting' AND NOT {self._among('destination', 'full')}"
            " ORDER BY due LIMIT 1",
            {"full": self._array(full)},
        ).fetchone()
        return None if row is None else float(row[0])

    # ---- administration

    def find(self, selection: Selection, limit: int, after: int) -> list[QueuedMail]:
        """
        List messages, the oldest first.

        Args:
            selection: As for `txsmtpx.IQueueStore.find`.
            limit: As there.
            after: As there.

        Returns:
            The messages.
        """
        where, values = self._where(selection)
        found = []
        with self._snapshot() as connection:
            numbers = connection.execute(
                f"SELECT DISTINCT mail {SELECTED} {where} AND mail > :after ORDER BY mail LIMIT :limit",
                {**values, "after": after, "limit": limit},
            )
            for (number,) in list(numbers):
                rows = connection.execute(
                    f"SELECT {RECIPIENT} {SELECTED} {where} AND recipient.mail = :mail ORDER BY recipient.number",
                    {**values, "mail": number},
                )
                found.append(mail_of(connection, number, rows))
        return found

    def change(self, selection: Selection, change: Change, now: float) -> int:
        """
        Change recipients.

        Args:
            selection: As for `txsmtpx.IQueueStore.change`.
            change: As there.
            now: As there.

        Returns:
            The number of recipients that were changed.
        """
        where, values = self._where(selection)
        gone: list[str] = []
        with self._transaction(notify=True) as connection:
            messages = [number for (number,) in connection.execute(f"SELECT DISTINCT mail {SELECTED} {where}", values)]
            changed = connection.execute(
                f"{CHANGES[change]} AND (mail, number) IN (SELECT mail, recipient.number {SELECTED} {where})",
                {**values, "now": now},
            ).rowcount
            if change == "delete":
                gone = self._remove_finished(connection, messages)
        self._committed(gone, [])
        return changed

    def _where(self, selection: Selection) -> tuple[str, dict[str, object]]:
        where, values = condition(selection, self._among("mail.id", "ids"), self._ends_in)
        if selection.ids is not None:
            values["ids"] = self._array(selection.ids)
        return where, values

    def depth(self, now: float) -> Depth:
        """
        Count what is in the queue.

        Args:
            now: The time.

        Returns:
            The counts.
        """
        connection = self._connection
        [(messages, octets, oldest)] = connection.execute(
            "SELECT count(*), CAST(coalesce(sum(size), 0) AS bigint), min(received) FROM mail"
        )
        [(waiting, held, leased)] = connection.execute(
            "SELECT count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'held'),"
            " count(*) FILTER (WHERE state = 'waiting' AND owner != '' AND due > :now) FROM recipient",
            {"now": now},
        )
        times = {f"time{number}": now - age for number, age in enumerate(AGES)}
        older = ", ".join(f"count(*) FILTER (WHERE received <= :{name})" for name in times)
        [ages] = connection.execute(f"SELECT {older} {SELECTED} state IN ('waiting', 'held')", times)
        return Depth(messages, octets, waiting, held, leased, oldest, ages)
