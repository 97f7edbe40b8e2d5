"""
Search and read the messages of a file.

Everything here runs in one thread, beside that of `DatabaseWriter`.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from txsmtpx.backends.received import Received, kept_recipients
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.inbox import database_schema, database_tags
from txsmtpx.inbox.database_query import DatabaseQuery
from txsmtpx.inbox.inbox_errors import MessageDeleted
from txsmtpx.inbox.listed_mailbox import ListedMailbox, MailboxList
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.stores.sqlite_file import closed_on_failure
from txsmtpx.web.web_errors import Busy

SEARCH_SECONDS = 10
"""Seconds for a search.  Other requests wait meanwhile."""

STEPS = 100_000
"""Instructions of SQLite between two looks at the clock, about a millisecond."""


@dataclass(frozen=True)
class Rows:
    """
    Part of a list, as the file has it.

    Attributes:
        total: The number of messages that match.
        rows: The number, the mark and the serialized description of each message (`ListedMessage.deserialized`).
    """

    total: int
    rows: list[tuple[int, int, str]]


class DatabaseReader:
    """
    Read the file.  `DatabaseStore` creates it.

    Args:
        path: The path of the file, which exists.
        seconds: A function that returns the time, for the limit on a search.
    """

    def __init__(self, path: str, seconds: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._seconds = seconds
        self._deadline = 0.0
        self._opened: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            with closed_on_failure(database_schema.connect(self._path)) as opened:
                opened.execute("PRAGMA query_only = ON")
                opened.set_progress_handler(lambda: self._seconds() > self._deadline, STEPS)
            self._opened = opened
        self._deadline = self._seconds() + SEARCH_SECONDS
        return self._opened

    def listed(self, query: SearchQuery, start: int, limit: int, total: int, hidden: bool) -> Rows:
        """
        Search, and return a part of the list.

        Args:
            query: The query.
            start: The number of messages that are left out before the first.
            limit: The number of messages in the list.
            total: The number of all messages.
            hidden: True if some messages are hidden.

        Returns:
            The messages, newest first.

        Raises:
            Busy: The search takes more than `SEARCH_SECONDS`.
        """
        connection, statement = self._connection, DatabaseQuery(query, 0, hidden)
        try:
            if query:
                (total,) = connection.execute(*statement.count).fetchone()
            found = connection.execute(*statement.numbers(start, limit)) if total else ()
            numbers = [number for (number,) in found]
        except sqlite3.OperationalError as error:
            _raise_busy(error)
        rows = connection.execute(
            "SELECT id, read, listed FROM message JOIN description USING (id)"
            " WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id DESC",
            (json.dumps(numbers),),
        )
        return Rows(total, rows.fetchall())

    def numbers(self, query: SearchQuery, after: int, hidden: bool) -> list[int]:
        """
        Search, and return the numbers of all messages that match.

        Args:
            query: The query.
            after: Search only messages with a greater number.
            hidden: True if some messages are hidden.

        Returns:
            The numbers, newest first.

        Raises:
            Busy: The search takes more than `SEARCH_SECONDS`.
        """
        try:
            found = self._connection.execute(*DatabaseQuery(query, after, hidden).numbers())
            return [number for (number,) in found]
        except sqlite3.OperationalError as error:
            _raise_busy(error)

    def latest(self) -> int:
        """
        Return the number of the newest message.

        Returns:
            The number; 0 without messages.
        """
        found = self._connection.execute("SELECT id FROM message WHERE NOT deletion ORDER BY id DESC LIMIT 1")
        return (found.fetchone() or (0,))[0]

    def tags(self) -> dict[str, int]:
        """
        Count the messages of each tag.

        Returns:
            The number of messages of each tag.
        """
        return database_tags.counted(self._connection)

    def mailboxes(self, start: int, limit: int) -> MailboxList:
        """
        Return a part of the list of mailboxes.

        Args:
            start: The number of mailboxes that are left out before the first.
            limit: The number of mailboxes in the list.

        Returns:
            The mailboxes that have a message, by name.
        """
        shown = "FROM mailbox_total WHERE messages"
        (total,) = self._connection.execute(f"SELECT count(*) {shown}").fetchone()
        found = self._connection.execute(f"SELECT * {shown} ORDER BY name LIMIT ? OFFSET ?", (limit, start))
        return MailboxList(total, [ListedMailbox(*row) for row in found])

    def mailbox(self, name: str) -> ListedMailbox:
        """
        Return one mailbox.

        Args:
            name: The name of the mailbox.

        Returns:
            The mailbox.
        """
        found = self._connection.execute("SELECT * FROM mailbox_total WHERE name = ?", (name,)).fetchone()
        return ListedMailbox(*found) if found else ListedMailbox(name)

    def described(self, number: int) -> tuple[int, int, str]:
        """
        Return a message as a list has it.

        Args:
            number: The number of the message.

        Returns:
            A row of `Rows`.

        Raises:
            MessageDeleted: There is no such message.
        """
        return self._row("SELECT id, read, listed FROM message JOIN description USING (id)", number)

    def size(self, number: int) -> int:
        """
        Return the size of a message.

        Args:
            number: The number of the message.

        Returns:
            The octets.

        Raises:
            MessageDeleted: There is no such message.
        """
        size: int = self._row("SELECT size FROM message", number)[0]
        return size

    def message(self, number: int) -> Received:
        """
        Return a message.

        Args:
            number: The number of the message.

        Returns:
            The message.  Its ``options`` are the defaults: the file does not have the parameters of MAIL and RCPT.

        Raises:
            MessageDeleted: There is no such message.
        """
        joined = "message JOIN description USING (id) JOIN content USING (id)"
        envelope, arrived, content = self._row(f"SELECT envelope, arrived, octets FROM {joined}", number)
        fields = json.loads(envelope)
        recipients = kept_recipients(tuple(fields.pop("recipients")))
        return Received(
            recipients=recipients,
            content=content,
            options=MailOptions(),
            recipient_options=(RcptOptions(),) * len(recipients),
            id=number,
            arrived=arrived,
            **fields,
        )

    def piece(self, number: int, start: int, size: int) -> bytes:
        """
        Read a piece of a message.

        Args:
            number: The number of the message.
            start: The offset of the first octet.
            size: The octets to read.

        Returns:
            The octets; fewer at the end of the message.

        Raises:
            MessageDeleted: There is no such message.
        """
        self.size(number)
        with self._connection.blobopen("content", "octets", number, readonly=True) as blob:
            blob.seek(min(start, len(blob)))
            return blob.read(size)

    def _row(self, select: str, number: int) -> tuple:  # type: ignore[type-arg]  # of the columns that are selected
        found: tuple | None  # type: ignore[type-arg]
        found = self._connection.execute(f"{select} WHERE message.id = ? AND NOT deletion", (number,)).fetchone()
        if found is None:
            raise MessageDeleted
        return found


def _raise_busy(error: sqlite3.OperationalError) -> NoReturn:
    if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
        raise Busy from error
    raise error
