"""
A queue in PostgreSQL, for one thread.  `txsmtpx.PostgreSQLQueueStore` calls it.

When a method returns, its change is on the disk of the database.  If the connection is lost, the call fails, and the
next call connects again.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from txsmtpx.queue.postgresql_connection import NamedConnection, connect, is_idle
from txsmtpx.queue.postgresql_schema import CHANNEL
from txsmtpx.queue.queue_rows import LEASE, PRIORITIES, RECIPIENT, RecipientRow, SQLConnection, Values, mail_values
from txsmtpx.queue.queued_mail import NewMail
from txsmtpx.queue.removal_log import RemovalLog
from txsmtpx.queue.sql_queue import SQLQueue

if TYPE_CHECKING:
    import psycopg

IN_MEMORY = 256 * 1024
"""Octets of a body that is read in memory; more are in a temporary file."""

PIECE = 256 * 1024
"""Octets of a piece of a message."""

LOCKED = 5000
"""Recipients that one lease looks at, and locks until it is stored."""


class PostgreSQLQueue(SQLQueue):
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
        self._removals = RemovalLog("It is removed with its directory, when the process has ended.")

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
            row = connection.execute("SELECT number FROM mail WHERE id = :id", {"id": id}).fetchone()
            if row is None:
                raise LookupError(f"the queue has no message {id}")
            body = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # the caller closes it
            at = 0
            while piece := connection.execute(
                "SELECT octets FROM content WHERE mail = :mail AND piece = :piece", {"mail": row[0], "piece": at}
            ).fetchone():
                body.write(piece[0])
                at += 1
        body.seek(0)
        return cast(BinaryIO, body)

    # ---- the implementation of SQLQueue

    _ends_in = "lower(right(recipient.address, length(:recipient))) = lower(:recipient)"

    @property
    def _connection(self) -> NamedConnection:
        self.open()
        assert self._opened is not None
        return NamedConnection(self._opened)

    @contextlib.contextmanager
    def _transaction(self, notify: bool = False, lasting: bool = True) -> Iterator[NamedConnection]:
        # Each is lasting: if the database lost a lease, a second machine would deliver what the first still delivers.
        connection = self._connection
        try:
            with connection.raw.transaction():
                yield connection
                if notify:
                    connection.execute(f"NOTIFY {CHANNEL}")
        except BaseException:
            if not is_idle(connection.raw):  # the rollback has failed too; each later transaction would fail
                connection.raw.close()
            raise

    @contextlib.contextmanager
    def _snapshot(self) -> Iterator[NamedConnection]:
        with self._transaction() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield connection

    def _among(self, column: str, name: str) -> str:
        return f"{column} = ANY(:{name})"

    def _array(self, values: Iterable[object]) -> list[object]:
        return list(values)

    def _fails_alone(self, error: Exception) -> bool:
        import psycopg

        return isinstance(error, psycopg.DataError | psycopg.IntegrityError | OSError)

    def _insert_mail(self, connection: SQLConnection, mail: NewMail) -> int:
        [(number,)] = connection.execute(
            "INSERT INTO mail (id, sender, envelope, received, expires, priority, size)"
            " VALUES (:id, :sender, :envelope, :received, :expires, :priority, :size) RETURNING number",
            mail_values(mail),
        )
        for at, octets in enumerate(self._pieces(mail.body)):
            connection.execute(
                "INSERT INTO content VALUES (:mail, :piece, :octets)", {"mail": number, "piece": at, "octets": octets}
            )
        return int(number)

    def _pieces(self, body: bytes | str) -> Iterator[bytes]:
        if isinstance(body, bytes):
            yield body
            return
        with (self._spool / body).open("rb") as file:
            while octets := file.read(PIECE):
                yield octets

    def _ready(self, connection: SQLConnection, statement: str, values: Values) -> Iterator[tuple[int, str]]:
        left = LOCKED
        for priority in PRIORITIES:  # one range of the index for each
            found = connection.execute(
                f"{statement} LIMIT :left FOR UPDATE SKIP LOCKED", {**values, "priority": priority, "left": left}
            )
            rows = cast(list[tuple[int, str]], list(found))
            left -= len(rows)
            yield from rows

    def _take(self, connection: SQLConnection, values: Values) -> Iterable[RecipientRow]:
        rows = connection.execute(
            f"WITH taken AS ({LEASE} RETURNING *) SELECT {RECIPIENT} FROM taken AS recipient ORDER BY number", values
        )
        return cast(Iterable[RecipientRow], rows)

    def _locked_body(self, connection: SQLConnection, number: int) -> str:
        # Two processes that end the last two leases of a message wait for each other here.
        connection.execute("SELECT 1 FROM mail WHERE number = :number FOR UPDATE", {"number": number})
        return ""  # the body is in the database

    def _committed(self, gone: Iterable[str], stored: Sequence[NewMail]) -> None:
        for mail in stored:  # the database has their bodies now
            if isinstance(mail.body, str):
                path = self._spool / mail.body
                with self._removals.removing(path):
                    path.unlink()
