"""
Write messages into a file, and delete them from it.

Everything here runs in one thread, and may wait for the disk.  When a method returns, its change is on the disk.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from twisted.logger import Logger

from txsmtpx.backends.received import Received
from txsmtpx.inbox import database_mailboxes, database_schema, database_tags
from txsmtpx.inbox.database_lock import DatabaseLock
from txsmtpx.inbox.listed_message import ListedMessage
from txsmtpx.inbox.message_summary import MessageSummary, envelope_texts
from txsmtpx.inbox.search_query import Field
from txsmtpx.inbox.search_words import words_of
from txsmtpx.inbox.store_limits import NO_LIMITS, MailboxLimits, StoreLimits
from txsmtpx.stores.sqlite_file import closed_on_failure, transaction

log = Logger(__name__)

PURGED = 200
"""Messages that are removed in one step.  Between two steps, new messages are written."""

VACUUMED = 2000
"""Pages of 4 KiB that are returned to the file system after a step."""

APART = " \ufffe "
"""A separator of texts in one column.  No search has this character, so no phrase matches across two texts."""

_NAMED = "SELECT id, size, read FROM message WHERE id IN (SELECT value FROM json_each(?))"


class Totals(NamedTuple):
    """
    Count the messages, without those whose deletion can be undone.

    Attributes:
        messages: The messages.
        unread: The messages that were not read.
        octets: The octets of the messages.
    """

    messages: int = 0
    unread: int = 0
    octets: int = 0


class _Row(NamedTuple):
    id: int
    size: int
    read: int


class DatabaseWriter:
    """
    Change the file.  `DatabaseStore` creates it.

    Attributes:
        totals: The totals after the last change.
        mailbox_limits: The limits of the mailboxes, to be set before the file is opened.

    Args:
        path: The path of the file.
        limits: The limits.
    """

    def __init__(self, path: str, limits: StoreLimits) -> None:
        self._path = path
        self._lock = DatabaseLock(path)
        self._limits = limits
        self._opened: sqlite3.Connection | None = None
        self._last = 0
        self.totals = Totals()
        self.mailbox_limits: MailboxLimits = NO_LIMITS

    def open(self) -> None:
        """
        Open the file, unless it is open.

        Raises:
            OSError: The file cannot be opened.
            sqlite3.Error: It cannot be used.
            ValueError: It is another kind of database, or another server uses it.
        """
        if self._opened is None:
            with self._lock.acquired():
                self._opened = self._connected()

    def _connected(self) -> sqlite3.Connection:
        with closed_on_failure(database_schema.connect(self._path)) as connection:
            # The deletions of the process before are final.  Their numbers are used again.
            connection.execute("UPDATE message SET deletion = -1 WHERE deletion > 0")
            found = connection.execute("SELECT count(*), total(NOT read), total(size) FROM message WHERE NOT deletion")
            self.totals = Totals(*map(int, found.fetchone()))
            self._last = (connection.execute("SELECT seq FROM sqlite_sequence").fetchone() or (0,))[0]
        return connection

    def close(self) -> None:
        """Close the file."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()
            self._lock.release()

    @property
    def _connection(self) -> sqlite3.Connection:
        self.open()
        assert self._opened is not None
        return self._opened

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        totals, last = self.totals, self._last
        try:
            with transaction(self._connection) as connection:
                yield connection
        except BaseException:
            self.totals, self._last = totals, last
            raise

    def keep(self, batch: Sequence[Received], now: float) -> tuple[list[ListedMessage | Exception], list[int]]:
        """
        Write messages in one transaction.

        Args:
            batch: The messages.  Each gets the next number.
            now: The time, in seconds since the epoch.

        Returns:
            For each message, its description, or the reason why it alone cannot be kept; and the numbers of the
            messages that were deleted to make room.

        Raises:
            Exception: No message is kept.
        """
        outcomes: list[ListedMessage | Exception] = []
        with self._transaction() as connection:
            for received in batch:
                connection.execute("SAVEPOINT one")
                try:
                    outcomes.append(self._insert(connection, received))
                except Exception as error:
                    if not connection.in_transaction:  # such as after a full disk
                        raise
                    connection.execute("ROLLBACK TO one")
                    outcomes.append(error)
                connection.execute("RELEASE one")
            names = {name for each in outcomes if isinstance(each, ListedMessage) for name in each.mailboxes}
            gone = self._make_room(connection, now, names)
        return outcomes, gone

    def _insert(self, connection: sqlite3.Connection, received: Received) -> ListedMessage:
        received = replace(received, id=self._last + 1)
        summary = MessageSummary(received)
        listed = summary.listed(received, read=False)
        number, size = received.id, len(received.content)
        connection.execute(
            "INSERT INTO message (id, arrived, size, attachments) VALUES (?, ?, ?, ?)",
            (number, received.arrived, size, summary.attachments),
        )
        connection.execute(
            "INSERT INTO description VALUES (?, ?, ?)", (number, listed.serialized(), _serialized(received))
        )
        connection.execute("INSERT INTO content VALUES (?, ?)", (number, received.content))
        database_mailboxes.insert(connection, number, listed.mailboxes)
        database_tags.insert(connection, number, summary.tags)
        connection.execute(
            "INSERT INTO word (rowid, sender, recipients, copies, subject, message_id, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (number, *_indexed(summary, received)),
        )
        self._last = number
        messages, unread, octets = self.totals
        self.totals = Totals(messages + 1, unread + 1, octets + size)
        return listed

    def expire(self, now: float) -> list[int]:
        """
        Delete the messages that are too old.

        Args:
            now: The time, in seconds since the epoch.

        Returns:
            The numbers of the messages that were deleted.
        """
        with self._transaction() as connection:
            rows = database_mailboxes.outlived(connection, self.mailbox_limits, now)
            return self._drop(connection, rows) + self._make_room(connection, now)

    def _make_room(self, connection: sqlite3.Connection, now: float, names: Iterable[str] = ()) -> list[int]:
        """Delete what exceeds the limits of mailboxes, of which some have more messages now, and those of the file."""
        limits = self._limits
        gone = self._drop(connection, database_mailboxes.overflow(connection, self.mailbox_limits, names))
        surplus = []
        rows = connection.execute("SELECT id, size, read, arrived FROM message WHERE NOT deletion ORDER BY id")
        for id, size, read, arrived in rows:
            if not (limits.outlived(arrived, now) or limits.exceeded(self.totals.messages, self.totals.octets)):
                break
            surplus.append(id)
            self._count(-1, [_Row(id, size, read)])
        rows.close()
        self._remove(connection, surplus)
        return gone + surplus

    def _drop(self, connection: sqlite3.Connection, rows: Iterable[database_mailboxes.Row]) -> list[int]:
        found = {row[0]: _Row(*row) for row in rows}
        self._count(-1, found.values())
        self._remove(connection, list(found))
        return list(found)

    def mark(self, numbers: Sequence[int], read: bool) -> list[int]:
        """
        Mark messages as read or unread.

        Args:
            numbers: The numbers.
            read: True for read.

        Returns:
            The numbers of the messages that were marked otherwise before.
        """
        with self._transaction() as connection:
            changed = [each.id for each in self._rows(connection, numbers) if each.read != read]
            _for_each(connection, "UPDATE message SET read = ? WHERE id", changed, int(read))
            messages, unread, octets = self.totals
            self.totals = Totals(messages, unread - len(changed) if read else unread + len(changed), octets)
        return changed

    def retag(self, tags: Mapping[int, Sequence[str]]) -> list[int]:
        """
        Replace the tags of messages.

        Args:
            tags: The new tags by the number of the message.

        Returns:
            The numbers of the messages that exist.
        """
        with self._transaction() as connection:
            return database_tags.replace(connection, tags)

    def withdraw(self, numbers: Sequence[int], deletion: int) -> list[int]:
        """
        Hide messages until `restore` or `purge`.

        Args:
            numbers: The numbers.
            deletion: The number of the deletion.

        Returns:
            The numbers of the messages that are hidden now.
        """
        with self._transaction() as connection:
            rows = self._rows(connection, numbers)
            _for_each(connection, "UPDATE message SET deletion = ? WHERE id", [each.id for each in rows], deletion)
            self._count(-1, rows)
        return [each.id for each in rows]

    def restore(self, deletion: int, now: float) -> tuple[list[int], list[int]]:
        """
        Show the messages of a deletion again.

        Args:
            deletion: The number of the deletion.
            now: The time, in seconds since the epoch.

        Returns:
            The numbers of the messages that are back, and of those that were deleted to make room.
        """
        with self._transaction() as connection:
            found = connection.execute("SELECT id, size, read FROM message WHERE deletion = ?", (deletion,))
            rows = [_Row(*row) for row in found]
            connection.execute("UPDATE message SET deletion = 0 WHERE deletion = ?", (deletion,))
            self._count(1, rows)
            names = database_mailboxes.names_of(connection, [each.id for each in rows])
            gone = self._make_room(connection, now, names)
        return [each.id for each in rows if each.id not in gone], gone

    def purge(self, deletion: int) -> bool:
        """
        Remove up to `PURGED` messages of a deletion.

        Args:
            deletion: The number of the deletion; -1 for those of the process before.

        Returns:
            True if there may be more.
        """
        with self._transaction() as connection:
            found = connection.execute("SELECT id FROM message WHERE deletion = ? LIMIT ?", (deletion, PURGED))
            numbers = [number for (number,) in found]
            self._remove(connection, numbers)
        if numbers:
            try:  # as a script, which runs to its end; otherwise it stops after the first page
                self._connection.executescript(f"PRAGMA incremental_vacuum({VACUUMED})")
            except sqlite3.Error as error:  # the messages are removed, and new ones take the pages
                log.warn("{path} does not become smaller: {error}", path=self._path, error=error)
        return len(numbers) == PURGED

    def _rows(self, connection: sqlite3.Connection, numbers: Sequence[int]) -> list[_Row]:
        found = connection.execute(f"{_NAMED} AND NOT deletion ORDER BY id", (json.dumps(list(numbers)),))
        return [_Row(*row) for row in found]

    def _count(self, sign: int, rows: Iterable[_Row]) -> None:
        messages, unread, octets = self.totals
        for row in rows:
            messages, unread, octets = messages + sign, unread + sign * (not row.read), octets + sign * row.size
        self.totals = Totals(messages, unread, octets)

    def _remove(self, connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
        for column in (
            "mailbox WHERE message",  # before the message, which its trigger reads
            "word WHERE rowid",
            "tag WHERE message",
            "content WHERE id",
            "description WHERE id",
            "message WHERE id",
        ):
            _for_each(connection, f"DELETE FROM {column}", numbers)


def _for_each(connection: sqlite3.Connection, statement: str, numbers: Sequence[int], *values: int) -> None:
    """Execute a statement that ends in a column, for the rows whose column has one of the numbers."""
    if numbers:
        connection.execute(f"{statement} IN (SELECT value FROM json_each(?))", (*values, json.dumps(list(numbers))))


def _indexed(summary: MessageSummary, received: Received) -> Iterator[str]:
    envelope = envelope_texts(received)
    fields: tuple[Field, ...] = ("from", "to", "cc", "subject", "message-id", "")
    for field in fields:
        text = summary.fields.get(field, b"").decode("utf-8", "ignore")
        yield f"{text}{APART}{words_of(envelope[field])}" if field in envelope else text


def _serialized(received: Received) -> str:
    """Return the envelope and the connection as JSON.  `database_reader` reads it."""
    names = ("sender", "queue_id", "username", "peer_host", "helo", "protocol")
    fields = {name: getattr(received, name) for name in names}
    return json.dumps(fields | {"recipients": list(received.recipients), "facts": dict(received.facts)})
