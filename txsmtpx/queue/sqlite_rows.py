"""The rows of a queue in SQLite: how messages become rows, and rows become messages again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator

from txsmtpx.queue.queue_rows import PRIORITIES, RecipientRow, assembled, chosen, condition
from txsmtpx.queue.queued_mail import NewMail, QueuedMail, Selection


def insert(connection: sqlite3.Connection, mail: NewMail) -> None:
    """
    Insert a message.

    Args:
        connection: In a transaction.
        mail: The message.
    """
    envelope, named = mail.envelope, isinstance(mail.body, str)
    number = connection.execute(
        "INSERT INTO mail (id, sender, envelope, received, expires, priority, size, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            mail.id,
            envelope.sender,
            json.dumps(envelope.as_strings()),
            envelope.received.timestamp(),
            mail.expires,
            mail.priority,
            mail.size,
            mail.body if named else "",
        ),
    ).lastrowid
    if not named:
        connection.execute("INSERT INTO content VALUES (?, ?)", (number, mail.body))
    state = "held" if mail.held else "waiting"
    connection.executemany(
        "INSERT INTO recipient (mail, number, address, destination, priority, state, due) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (number, at, each.address, destination, mail.priority, state, mail.due)
            for at, (each, destination) in enumerate(zip(envelope.recipients, mail.destinations, strict=True))
        ],
    )


def due(
    connection: sqlite3.Connection, now: float, limit: int, per_destination: int, full: Collection[str]
) -> Iterable[tuple[int, str]]:
    """
    Return what is due, in the order of delivery.

    Args:
        connection: In a transaction.
        now: The time.
        limit: The most pairs.
        per_destination: The most pairs of one destination.
        full: Destinations that do not count.

    Returns:
        Pairs of the number of a message and a destination.
    """
    def ready() -> Iterator[tuple[int, str]]:
        for priority in PRIORITIES:  # one range of the index for each
            yield from connection.execute(
                "SELECT mail, destination FROM recipient WHERE state = 'waiting' AND priority = ? AND due <= ?"
                " AND destination NOT IN (SELECT value FROM json_each(?)) ORDER BY due, mail, destination",
                (priority, now, json.dumps(list(full))),
            )

    return chosen(ready(), limit, per_destination)


def mail_of(connection: sqlite3.Connection, number: int, rows: Iterable[RecipientRow]) -> QueuedMail:
    """
    Return a message.

    Args:
        connection: The connection.
        number: The number of the message.
        rows: `RECIPIENT` of its recipients.

    Returns:
        The message, with these recipients.
    """
    written, size, expires, priority = connection.execute(
        "SELECT envelope, size, expires, priority FROM mail WHERE number = ?", (number,)
    ).fetchone()
    return assembled(number, written, size, expires, priority, rows)


def remove_finished(connection: sqlite3.Connection, numbers: Iterable[int]) -> list[str]:
    """
    Remove those of some messages that have only final recipients.

    Args:
        connection: In a transaction.
        numbers: The numbers of the messages.

    Returns:
        The names of the files of their bodies.
    """
    gone = []
    for number in numbers:
        (left,) = connection.execute(
            "SELECT count(*) FROM recipient WHERE mail = ? AND state IN ('waiting', 'held')", (number,)
        ).fetchone()
        if not left:
            (name,) = connection.execute("SELECT body FROM mail WHERE number = ?", (number,)).fetchone()
            gone += [name] if name else []
            for table in ("recipient WHERE mail", "content WHERE mail", "mail WHERE number"):
                connection.execute(f"DELETE FROM {table} = ?", (number,))
    return gone


def where(selection: Selection) -> tuple[str, dict[str, object]]:
    """
    Return a selection as a condition of SQL.

    Args:
        selection: The selection.

    Returns:
        The condition, and its values by name.
    """
    among = "mail.id IN (SELECT value FROM json_each(:ids))"
    ending = "lower(substr(recipient.address, -length(:recipient))) = lower(:recipient)"
    found, values = condition(selection, among, ending)
    return found, {name: json.dumps(value) if name == "ids" else value for name, value in values.items()}
