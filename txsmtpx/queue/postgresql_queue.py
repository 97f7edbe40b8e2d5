"""
A queue in PostgreSQL, for one thread.  `txsmtpx.PostgreSQLQueueStore` calls it.

When a method returns, its change is on the disk of the database.  If the connection is lost, the call fails, and the
next call connects again.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from txsmtpx.queue.postgresql_connection import connect
from txsmtpx.queue.postgresql_rows import due, insert, mail_of, named, remove_finished, where
from txsmtpx.queue.postgresql_schema import CHANNEL
from txsmtpx.queue.queue_rows import CHANGES, RECIPIENT, SELECTED, SETTLE, RecipientRow, settled
from txsmtpx.queue.queue_store import Change
from txsmtpx.queue.queued_mail import AGES, Depth, Lease, NewMail, QueuedMail, RecipientOutcome, Selection

if TYPE_CHECKING:
    import psycopg

IN_MEMORY = 256 * 1024
"""Octets of a body that is read in memory; more are in a temporary file."""


class PostgreSQLQueue:
    """
    The database.

    Args:
        url: The URL of the database.
        spool: The directory for bodies that are received.
    """

    def __init__(self, url: str, spool: Path) -> None:
        self._url = url
        self._spool = spool
        self._opened: psycopg.Connection | None = None

    def connected(self) -> psycopg.Connection:
        """
        Connect to the database, and create the tables if they are missing.

        Returns:
            The connection.

        Raises:
            psycopg.Error: The database cannot be used.
            ValueError: The tables are those of a later version.
        """
        return connect(self._url)

    def open(self) -> None:
        """Connect, unless there is a connection; the errors are those of `connected`."""
        if self._opened is not None and self._opened.closed:
            self._opened = None
        if self._opened is None:
            self._opened = self.connected()

    def close(self) -> None:
        """Close the connection."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    @property
    def _connection(self) -> psycopg.Connection:
        self.open()
        assert self._opened is not None
        return self._opened

    @contextlib.contextmanager
    def _transaction(self, notify: bool = False) -> Iterator[psycopg.Connection]:
        connection = self._connection
        with connection.transaction():
            yield connection
            if notify:
                connection.execute(f"NOTIFY {CHANNEL}")

    @contextlib.contextmanager
    def _snapshot(self) -> Iterator[psycopg.Connection]:
        """Read one state of the tables, whatever other processes change.  So no message is read by half."""
        with self._transaction() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield connection

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
        import psycopg

        outcomes: list[Exception | None] = []
        with self._transaction(notify=True) as connection:
            for mail in batch:
                try:
                    with connection.transaction():  # a savepoint
                        insert(connection, mail, self._spool)
                    outcomes.append(None)
                except (psycopg.DataError, psycopg.IntegrityError, OSError) as error:
                    outcomes.append(error)
        self._remove_spooled(batch)
        return outcomes

    def _remove_spooled(self, batch: Sequence[NewMail]) -> None:
        for mail in batch:
            if isinstance(mail.body, str):
                (self._spool / mail.body).unlink(missing_ok=True)

    def lease(
        self, owner: str, now: float, until: float, limit: int, per_destination: int, full: Collection[str]
    ) -> list[Lease]:
        """
        Lease what is due; the arguments are those of `txsmtpx.IQueueStore.lease`.

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
        with self._transaction() as connection:
            for mail, destination in due(connection, now, limit, per_destination, full):
                rows = connection.execute(
                    f"WITH taken AS (UPDATE recipient SET owner = %s, due = %s, attempts = attempts + 1"
                    " WHERE mail = %s AND destination = %s AND state = 'waiting' AND due <= %s RETURNING *)"
                    f" SELECT {RECIPIENT} FROM taken AS recipient ORDER BY number",
                    (owner, until, mail, destination, now),
                ).fetchall()
                leased = mail_of(connection, mail, cast(list[RecipientRow], rows))
                found.append(Lease(leased, destination, owner, until))
        return found

    def renew(self, leases: Sequence[Lease], until: float) -> None:
        """
        Move the end of leases.

        Args:
            leases: The leases.
            until: Their new end.
        """
        self._update(leases, "due = %(due)s", until, notify=False)

    def hand_back(self, leases: Sequence[Lease]) -> None:
        """
        End leases without an attempt.

        Args:
            leases: The leases.
        """
        self._update(leases, "due = %(due)s, owner = '', attempts = attempts - 1", 0.0, notify=True)

    def _update(self, leases: Sequence[Lease], change: str, due: float, notify: bool) -> None:
        with self._transaction(notify) as connection, connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE recipient SET {change} WHERE owner = %(owner)s AND number = ANY(%(numbers)s)"
                " AND mail = (SELECT number FROM mail WHERE id = %(id)s)",
                [
                    {
                        "due": due,
                        "owner": lease.owner,
                        "id": lease.mail.id,
                        "numbers": [each.number for each in lease.mail.recipients],
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
        with self._transaction(notify=bool(reports)) as connection:
            found = connection.execute("SELECT number FROM mail WHERE id = %s", (lease.mail.id,)).fetchone()
            if found is not None:  # otherwise an operator has deleted it, or another process has delivered it
                settle = named(SETTLE)
                counted = [
                    connection.execute(settle, settled(found[0], lease.owner, each)).rowcount for each in outcomes
                ]
                for report in reports if any(counted) else ():
                    insert(connection, report, self._spool)
                connection.execute(
                    "UPDATE recipient SET owner = '', due = 0 WHERE mail = %s AND destination = %s AND owner = %s",
                    (found[0], lease.destination, lease.owner),
                )
                remove_finished(connection, found)
        self._remove_spooled(reports)

    def next_due(self, full: Collection[str]) -> float | None:
        """
        Find the time at which the next recipient is due.

        Args:
            full: Destinations that do not count.

        Returns:
            The time; None if nothing waits.
        """
        row = self._connection.execute(
            "SELECT due FROM recipient WHERE state = 'waiting' AND destination != ALL(%s) ORDER BY due LIMIT 1",
            (list(full),),
        ).fetchone()
        return None if row is None else float(row[0])

    def open_body(self, id: str) -> BinaryIO:
        """
        Read the body of a message into memory, or into a temporary file if it is long.

        Args:
            id: The identifier.

        Returns:
            The file.

        Raises:
            LookupError: There is no such message.
        """
        with self._snapshot() as connection:
            row = connection.execute("SELECT number FROM mail WHERE id = %s", (id,)).fetchone()
            if row is None:
                raise LookupError(f"the queue has no message {id}")
            body = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # the caller closes it
            at = 0
            while piece := connection.execute(
                "SELECT octets FROM content WHERE mail = %s AND piece = %s", (row[0], at)
            ).fetchone():
                body.write(piece[0])
                at += 1
        body.seek(0)
        return cast(BinaryIO, body)

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
        condition, values = where(selection)
        found = []
        with self._snapshot() as connection:
            numbers = connection.execute(
                f"SELECT DISTINCT mail {SELECTED} {condition} AND mail > %(after)s ORDER BY mail LIMIT %(limit)s",
                {**values, "after": after, "limit": limit},
            ).fetchall()
            for (number,) in numbers:
                rows = connection.execute(
                    f"SELECT {RECIPIENT} {SELECTED} {condition} AND recipient.mail = %(mail)s"
                    " ORDER BY recipient.number",
                    {**values, "mail": number},
                ).fetchall()
                found.append(mail_of(connection, number, cast(list[RecipientRow], rows)))
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
        condition, values = where(selection)
        with self._transaction(notify=True) as connection:
            messages = connection.execute(f"SELECT DISTINCT mail {SELECTED} {condition}", values).fetchall()
            changed = connection.execute(
                f"{named(CHANGES[change])} AND (mail, number) IN"
                f" (SELECT mail, recipient.number {SELECTED} {condition})",
                {**values, "now": now},
            ).rowcount
            if change == "delete":
                remove_finished(connection, [number for (number,) in messages])
        return changed

    def depth(self, now: float) -> Depth:
        """
        Count what is in the queue.

        Args:
            now: The time.

        Returns:
            The counts.
        """
        connection = self._connection
        counted = connection.execute("SELECT count(*), coalesce(sum(size), 0)::bigint, min(received) FROM mail")
        messages, octets, oldest = counted.fetchone() or (0, 0, None)
        counted = connection.execute(
            "SELECT count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'held'),"
            " count(*) FILTER (WHERE state = 'waiting' AND owner != '' AND due > %s) FROM recipient",
            (now,),
        )
        waiting, held, leased = counted.fetchone() or (0, 0, 0)
        older = ", ".join("count(*) FILTER (WHERE received <= %s)" for _ in AGES)
        ages = connection.execute(
            f"SELECT {older} {SELECTED} state IN ('waiting', 'held')", [now - age for age in AGES]
        ).fetchone()
        return Depth(messages, octets, waiting, held, leased, oldest, ages or ())
