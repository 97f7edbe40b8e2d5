"""
The mailboxes of a file: their tables, their totals and their limits.

Theory of operation: the table ``mailbox`` has a row for each message of each mailbox.  Triggers keep ``mailbox_total``
up to date, so that a list of mailboxes does not count all messages.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator

from txsmtpx.inbox.mailbox_name import mailboxes_of
from txsmtpx.inbox.store_limits import MailboxLimits

TABLES = """
CREATE TABLE mailbox (name TEXT NOT NULL, message INTEGER NOT NULL, PRIMARY KEY (name, message)) WITHOUT ROWID;
CREATE INDEX mailbox_of ON mailbox (message);
CREATE TABLE mailbox_total (
    name TEXT PRIMARY KEY, messages INTEGER NOT NULL, unread INTEGER NOT NULL, octets INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER mailbox_added AFTER INSERT ON mailbox BEGIN
    INSERT INTO mailbox_total SELECT new.name, deletion = 0, deletion = 0 AND read = 0, size * (deletion = 0)
        FROM message WHERE id = new.message
        ON CONFLICT (name) DO UPDATE SET
            messages = messages + excluded.messages,
            unread = unread + excluded.unread,
            octets = octets + excluded.octets;
END;
CREATE TRIGGER mailbox_changed AFTER UPDATE OF read, deletion ON message BEGIN
    UPDATE mailbox_total SET
        messages = messages + (new.deletion = 0) - (old.deletion = 0),
        unread = unread + (new.deletion = 0 AND new.read = 0) - (old.deletion = 0 AND old.read = 0),
        octets = octets + new.size * ((new.deletion = 0) - (old.deletion = 0))
        WHERE name IN (SELECT name FROM mailbox WHERE message = new.id);
END;
CREATE TRIGGER mailbox_removed AFTER DELETE ON mailbox BEGIN
    UPDATE mailbox_total SET
        messages = messages - (SELECT deletion = 0 FROM message WHERE id = old.message),
        unread = unread - (SELECT deletion = 0 AND read = 0 FROM message WHERE id = old.message),
        octets = octets - (SELECT size * (deletion = 0) FROM message WHERE id = old.message)
        WHERE name = old.name;
    DELETE FROM mailbox_total
        WHERE name = old.name AND NOT EXISTS (SELECT 1 FROM mailbox WHERE name = old.name);
END;
"""

Row = tuple[int, int, int]
"""The number, the size and the mark of a message."""


def fill(connection: sqlite3.Connection) -> None:
    """
    Put the messages of an older file into mailboxes.

    Args:
        connection: The connection, within a transaction.
    """
    for number, envelope in connection.execute("SELECT id, envelope FROM description").fetchall():
        fields = json.loads(envelope)
        names = mailboxes_of(fields["recipients"], fields["username"])
        insert(connection, number, names)
        statement = "UPDATE description SET listed = json_set(listed, '$.mailboxes', json(?)) WHERE id = ?"
        connection.execute(statement, (json.dumps(names), number))


def insert(connection: sqlite3.Connection, number: int, names: Iterable[str]) -> None:
    """
    Put a message into mailboxes.

    Args:
        connection: The connection, within a transaction.
        number: The number of the message, which is in the table.
        names: The names of the mailboxes.
    """
    connection.executemany("INSERT INTO mailbox VALUES (?, ?)", ((name, number) for name in names))


def names_of(connection: sqlite3.Connection, numbers: Iterable[int]) -> list[str]:
    """
    Return the mailboxes of messages.

    Args:
        connection: The connection.
        numbers: The numbers of the messages.

    Returns:
        The names, each once.
    """
    statement = "SELECT DISTINCT name FROM mailbox WHERE message IN (SELECT value FROM json_each(?))"
    return [name for (name,) in connection.execute(statement, (json.dumps(list(numbers)),))]


def overflow(connection: sqlite3.Connection, limits: MailboxLimits, names: Iterable[str]) -> Iterator[Row]:
    """
    Find the messages that have to be deleted, since mailboxes have more than their limits.

    Args:
        connection: The connection.
        limits: The limits.
        names: The names of the mailboxes.

    Yields:
        The messages.  A message of two mailboxes may come twice.
    """
    for name in names:
        limit = limits.of(name)
        if limit is None:
            continue
        count, octets = total(connection, name)
        rows = connection.execute(
            "SELECT id, size, read FROM mailbox JOIN message ON id = message WHERE name = ? AND NOT deletion"
            " ORDER BY message",
            (name,),
        )
        for row in rows:
            if not limit.exceeded(count, octets):
                break
            count, octets = count - 1, octets - row[1]
            yield row
        rows.close()


def outlived(connection: sqlite3.Connection, limits: MailboxLimits, now: float) -> Iterator[Row]:
    """
    Find the messages that are older than a limit of a mailbox.

    Args:
        connection: The connection.
        limits: The limits.
        now: The time, in seconds since the epoch.

    Yields:
        The messages.  A message of two mailboxes may come twice.
    """
    ages = [each.age for each in limits.by_name.values() if each.age is not None]
    if not ages:
        return
    statement = (
        "SELECT id, size, read, arrived, name FROM message JOIN mailbox ON id = message"
        " WHERE arrived < ? AND NOT deletion"
    )
    for id, size, read, arrived, name in connection.execute(statement, (now - min(ages),)):
        limit = limits.of(name)
        if limit is not None and limit.outlived(arrived, now):
            yield id, size, read


def total(connection: sqlite3.Connection, name: str) -> tuple[int, int]:
    """
    Return the totals of a mailbox.

    Args:
        connection: The connection.
        name: The name of the mailbox.

    Returns:
        The number of messages, and their octets.
    """
    found = connection.execute("SELECT messages, octets FROM mailbox_total WHERE name = ?", (name,))
    messages, octets = found.fetchone() or (0, 0)
    return messages, octets
