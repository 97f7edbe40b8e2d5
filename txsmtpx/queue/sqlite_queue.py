"""
A queue in a file of SQLite, for one thread.  `txsmtpx.SQLiteQueueStore` calls it.

When a method returns, its change is on the disk.
"""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from txsmtpx.backends.body_directory import BodyDirectory
from txsmtpx.queue.queue_rows import CHANGES, RECIPIENT, SELECTED, SETTLE, settled
from txsmtpx.queue.queue_store import Change
from txsmtpx.queue.queued_mail import AGES, Depth, Lease, NewMail, QueuedMail, RecipientOutcome, Selection
from txsmtpx.queue.sqlite_rows import due, insert, mail_of, remove_finished, where
from txsmtpx.queue.sqlite_schema import SCHEMA
from txsmtpx.stores.sqlite_file import connect, transaction


class SQLiteQueue:
    """
    The file, and the directory of bodies beside it.

    Args:
        path: The path of the file.
        bodies: The path of the directory, which is created.
    """

    def __init__(self, path: str, bodies: Path) -> None:
        self._path = path
        self._directory = bodies
        self._opened: sqlite3.Connection | None = None

    def open(self) -> None:
        """
        Open the file, unless it is open.

        Raises:
            OSError: The file cannot be opened.
            sqlite3.Error: It cannot be used.
            ValueError: It is another kind of database.
        """
        if self._opened is None:
            self._opened = connect(self._path, SCHEMA)
            self._directory.mkdir(mode=0o700, exist_ok=True)

    def close(self) -> None:
        """Close the file."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    @property
    def bodies(self) -> BodyDirectory:
        """The directory of bodies."""
        return BodyDirectory(self._directory)

    @property
    def _connection(self) -> sqlite3.Connection:
        self.open()
        assert self._opened is not None
        return self._opened

    def version(self) -> int:
        """
        Return a number that changes when another process has changed the file.

        Returns:
            The number.
        """
        (found,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(found)

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
        with transaction(self._connection) as connection:
            for mail in batch:
                connection.execute("SAVEPOINT one")
                try:
                    insert(connection, mail)
                    outcomes.append(None)
                except Exception as error:
                    if not connection.in_transaction:  # such as after a full disk
                        raise
                    connection.execute("ROLLBACK TO one")
                    outcomes.append(error)
                connection.execute("RELEASE one")
        return outcomes

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
        with transaction(self._connection) as connection:
            for mail, destination in due(connection, now, limit, per_destination, full):
                key = (mail, destination, now)
                rows = connection.execute(
                    f"SELECT {RECIPIENT} FROM recipient"
                    " WHERE mail = ? AND destination = ? AND state = 'waiting' AND due <= ? ORDER BY number",
                    key,
                ).fetchall()
                connection.execute(
                    "UPDATE recipient SET owner = ?, due = ?, attempts = attempts + 1"
                    " WHERE mail = ? AND destination = ? AND state = 'waiting' AND due <= ?",
                    (owner, until, *key),
                )
                leased = [(*row[:3], row[3] + 1, until, owner, *row[6:]) for row in rows]
                found.append(Lease(mail_of(connection, mail, leased), destination, owner, until))
        return found

    def renew(self, leases: Sequence[Lease], until: float) -> None:
        """
        Move the end of leases.

        Args:
            leases: The leases.
            until: Their new end.
        """
        self._update(leases, "due = :due", until)

    def hand_back(self, leases: Sequence[Lease]) -> None:
        """
        End leases without an attempt.

        Args:
            leases: The leases.
        """
        self._update(leases, "due = :due, owner = '', attempts = attempts - 1", 0.0)

    def _update(self, leases: Sequence[Lease], change: str, due: float) -> None:
        with transaction(self._connection) as connection:
            connection.executemany(
                f"UPDATE recipient SET {change} WHERE owner = :owner AND number = :number"
                " AND mail = (SELECT number FROM mail WHERE id = :id)",
                [
                    {"due": due, "owner": lease.owner, "number": each.number, "id": lease.mail.id}
                    for lease in leases
                    for each in lease.mail.recipients
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
        with transaction(self._connection) as connection:
            found = connection.execute("SELECT number FROM mail WHERE id = ?", (lease.mail.id,)).fetchone()
            if found is None:  # an operator has deleted it, or another process has delivered it
                return
            counted = [connection.execute(SETTLE, settled(found[0], lease.owner, each)).rowcount for each in outcomes]
            for report in reports if any(counted) else ():
                insert(connection, report)
            connection.execute(
                "UPDATE recipient SET owner = '', due = 0 WHERE mail = ? AND destination = ? AND owner = ?",
                (found[0], lease.destination, lease.owner),
            )
            gone = remove_finished(connection, found)
        self._remove_bodies(gone)

    def next_due(self, full: Collection[str]) -> float | None:
        """
        Find the time at which the next recipient is due.

        Args:
            full: Destinations that do not count.

        Returns:
            The time; None if nothing waits.
        """
        row = self._connection.execute(
            "SELECT due FROM recipient WHERE state = 'waiting'"
            " AND destination NOT IN (SELECT value FROM json_each(?)) ORDER BY due LIMIT 1",
            (json.dumps(list(full)),),
        ).fetchone()
        return None if row is None else float(row[0])

    def open_body(self, id: str) -> BinaryIO:
        """
        Open the body of a message.

        Args:
            id: The identifier.

        Returns:
            A file.

        Raises:
            LookupError: There is no such message.
            OSError: Its file cannot be opened.
        """
        row = self._connection.execute(
            "SELECT body, octets FROM mail LEFT JOIN content ON content.mail = mail.number WHERE id = ?", (id,)
        ).fetchone()
        if row is None:
            raise LookupError(f"the queue has no message {id}")
        return self.bodies.path_of(row[0]).open("rb") if row[0] else io.BytesIO(row[1])

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
        with transaction(self._connection, "DEFERRED") as connection:  # one state, whatever other processes change
            numbers = connection.execute(
                f"SELECT DISTINCT mail {SELECTED} {condition} AND mail > :after ORDER BY mail LIMIT :limit",
                {**values, "after": after, "limit": limit},
            ).fetchall()
            for (number,) in numbers:
                rows = connection.execute(
                    f"SELECT {RECIPIENT} {SELECTED} {condition} AND recipient.mail = :mail ORDER BY recipient.number",
                    {**values, "mail": number},
                ).fetchall()
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
        condition, values = where(selection)
        with transaction(self._connection) as connection:
            found = connection.execute(f"SELECT DISTINCT mail {SELECTED} {condition}", values)
            messages = [number for (number,) in found]
            changed = connection.execute(
                f"{CHANGES[change]} AND (mail, number) IN (SELECT mail, recipient.number {SELECTED} {condition})",
                {**values, "now": now},
            ).rowcount
            gone = remove_finished(connection, messages) if change == "delete" else []
        self._remove_bodies(gone)
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
        messages, octets, oldest = connection.execute(
            "SELECT count(*), coalesce(sum(size), 0), min(received) FROM mail"
        ).fetchone()
        waiting, held, leased = connection.execute(
            "SELECT count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'held'),"
            " count(*) FILTER (WHERE state = 'waiting' AND owner != '' AND due > ?) FROM recipient",
            (now,),
        ).fetchone()
        older = ", ".join("count(*) FILTER (WHERE received <= ?)" for _ in AGES)
        ages = connection.execute(
            f"SELECT {older} {SELECTED} state IN ('waiting', 'held')",
            [now - age for age in AGES],
        ).fetchone()
        return Depth(messages, octets, waiting, held, leased, oldest, ages)

    # ---- bodies

    def _remove_bodies(self, names: Iterable[str]) -> None:
        """After the commit.  If the process dies before, `sweep` finds the files."""
        for name in names:
            with contextlib.suppress(OSError):
                self.bodies.remove(name)

    def sweep(self, before: float) -> int:
        """
        Remove the files of bodies that no message has, such as after a crash.

        Args:
            before: Only those that were written before this time; a younger one may belong to a message that is being
                received.

        Returns:
            The number of files.
        """
        known = {name for (name,) in self._connection.execute("SELECT body FROM mail WHERE body != ''")}
        removed = 0
        for file in self._directory.iterdir():
            if file.name not in known and file.suffix in (".eml", ".part"):
                with contextlib.suppress(FileNotFoundError):  # another process sweeps too
                    if file.stat().st_mtime < before:
                        file.unlink()
                        removed += 1
        return removed
