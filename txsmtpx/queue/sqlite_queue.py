"""
A queue in a file of SQLite, for one thread.  `txsmtpx.SQLiteQueueStore` calls it.

When a method returns, its change is on the disk.
"""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from txsmtpx.backends.body_directory import BodyDirectory, body_path
from txsmtpx.queue.queue_rows import LEASE, PRIORITIES, RECIPIENT, RecipientRow, SQLConnection, Values, mail_values
from txsmtpx.queue.queued_mail import NewMail
from txsmtpx.queue.removal_log import RemovalLog
from txsmtpx.queue.sql_queue import SQLQueue
from txsmtpx.queue.sqlite_schema import SCHEMA
from txsmtpx.stores.sqlite_file import closed_on_failure, connect, transaction


class SQLiteQueue(SQLQueue):
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
        self._removals = RemovalLog("A start of the queue removes it, if it is a day old then.")

    def open(self) -> None:
        """
        Open the file, unless it is open.

        Raises:
            OSError: The file cannot be opened, or the directory cannot be created.
            sqlite3.Error: It cannot be used.
            ValueError: It is another kind of database.
        """
        if self._opened is None:
            with closed_on_failure(connect(self._path, SCHEMA)) as opened:
                self._directory.mkdir(mode=0o700, exist_ok=True)
            self._opened = opened

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

    def sweep(self, before: float) -> int:
        """
        Remove the files of bodies that no message has, such as after a crash.  What cannot be removed is logged.

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
                with self._removals.removing(file):  # another process sweeps too
                    if file.stat().st_mtime < before:
                        file.unlink()
                        removed += 1
        return removed

    # ---- the implementation of SQLQueue

    _ends_in = "lower(substr(recipient.address, -length(:recipient))) = lower(:recipient)"

    @contextmanager
    def _transaction(self, notify: bool = False, lasting: bool = True) -> Iterator[sqlite3.Connection]:
        # It notifies no process; each looks at `version`.
        connection = self._connection
        if lasting:
            with transaction(connection):
                yield connection
            return
        # Power that fails ends the deliveries too, so their leases may be forgotten.  That spares a write to the disk.
        connection.execute("PRAGMA synchronous = NORMAL")
        try:
            with transaction(connection):
                yield connection
        finally:
            connection.execute("PRAGMA synchronous = FULL")

    def _snapshot(self) -> AbstractContextManager[sqlite3.Connection]:
        return transaction(self._connection, "DEFERRED")

    def _among(self, column: str, name: str) -> str:
        return f"{column} IN (SELECT value FROM json_each(:{name}))"

    def _array(self, values: Iterable[object]) -> str:
        return json.dumps(list(values))

    def _fails_alone(self, error: Exception) -> bool:
        # Some errors end the transaction, such as a full disk.
        return self._opened is not None and self._opened.in_transaction

    def _insert_mail(self, connection: SQLConnection, mail: NewMail) -> int:
        inline = isinstance(mail.body, bytes)
        connection.execute(
            "INSERT INTO mail (id, sender, envelope, received, expires, priority, size, body)"
            " VALUES (:id, :sender, :envelope, :received, :expires, :priority, :size, :body)",
            {**mail_values(mail), "body": "" if inline else mail.body},
        )
        [(number,)] = connection.execute("SELECT last_insert_rowid()")
        if inline:
            connection.execute("INSERT INTO content VALUES (:mail, :octets)", {"mail": number, "octets": mail.body})
        return int(number)

    def _ready(self, connection: SQLConnection, statement: str, values: Values) -> Iterator[tuple[int, str]]:
        for priority in PRIORITIES:  # one range of the index for each
            rows = connection.execute(statement, {**values, "priority": priority})
            yield from cast(Iterable[tuple[int, str]], rows)

    def _take(self, connection: SQLConnection, values: Values) -> list[RecipientRow]:
        # RETURNING needs SQLite 3.35.
        rows = list(
            connection.execute(
                f"SELECT {RECIPIENT} FROM recipient WHERE mail = :mail AND destination = :destination"
                " AND state = 'waiting' AND due <= :now ORDER BY number",
                values,
            )
        )
        connection.execute(LEASE, values)
        taken = [(*row[:3], row[3] + 1, values["until"], values["owner"], *row[6:]) for row in rows]
        return cast(list[RecipientRow], taken)

    def _locked_body(self, connection: SQLConnection, number: int) -> str:
        # The transaction has locked the whole file.
        [(name,)] = connection.execute("SELECT body FROM mail WHERE number = :number", {"number": number})
        return str(name)

    def _committed(self, gone: Iterable[str], stored: Sequence[NewMail]) -> None:
        for name in gone:  # if the process dies before, `sweep` finds the files
            with self._removals.removing(self._directory / name):
                body_path(self._directory, name).unlink()
