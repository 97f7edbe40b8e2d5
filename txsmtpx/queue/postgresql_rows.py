"""The rows of a queue in PostgreSQL: how messages become rows, and rows become messages again."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from txsmtpx.queue.queue_rows import PRIORITIES, RecipientRow, assembled, chosen, condition
from txsmtpx.queue.queued_mail import NewMail, QueuedMail, Selection

if TYPE_CHECKING:
    import psycopg

PIECE = 256 * 1024
"""Octets of a piece of a message."""

LOCKED = 5000
"""Recipients that one lease looks at, and locks until it is stored."""


def insert(connection: psycopg.Connection, mail: NewMail, spool: Path) -> None:
    """
    Insert a message.

    Args:
        connection: In a transaction.
        mail: The message.
        spool: The directory with the file of its body, if it has one.
    """
    envelope = mail.envelope
    row = connection.execute(
        "INSERT INTO mail (id, sender, envelope, received, expires, priority, size)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING number",
        (
            mail.id,
            envelope.sender,
            json.dumps(envelope.as_strings()),
            envelope.received.timestamp(),
            mail.expires,
            mail.priority,
            mail.size,
        ),
    ).fetchone()
    assert row is not None
    (number,) = row
    for at, octets in enumerate(_pieces(mail.body, spool)):
        connection.execute("INSERT INTO content VALUES (%s, %s, %s)", (number, at, octets))
    state = "held" if mail.held else "waiting"
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO recipient (mail, number, address, destination, priority, state, due)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [
                (number, at, each.address, destination, mail.priority, state, mail.due)
                for at, (each, destination) in enumerate(zip(envelope.recipients, mail.destinations, strict=True))
            ],
        )


def _pieces(body: bytes | str, spool: Path) -> Iterator[bytes]:
    if isinstance(body, bytes):
        yield body
        return
    with (spool / body).open("rb") as file:
        while octets := file.read(PIECE):
            yield octets


def due(
    connection: psycopg.Connection, now: float, limit: int, per_destination: int, full: Collection[str]
) -> Iterable[tuple[int, str]]:
    """
    Return what is due, in the order of delivery, and lock it.  What another process has locked is left out.

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
        left = LOCKED
        for priority in PRIORITIES:  # one range of the index for each
            rows = connection.execute(
                "SELECT mail, destination FROM recipient WHERE state = 'waiting' AND priority = %s AND due <= %s"
                " AND destination != ALL(%s) ORDER BY due, mail, destination LIMIT %s FOR UPDATE SKIP LOCKED",
                (priority, now, list(full), left),
            ).fetchall()
            left -= len(rows)
            yield from rows

    return chosen(ready(), limit, per_destination)


def mail_of(connection: psycopg.Connection, number: int, rows: Iterable[RecipientRow]) -> QueuedMail:
    """
    Return a message.

    Args:
        connection: The connection.
        number: The number of the message.
        rows: `RECIPIENT` of its recipients.

    Returns:
        The message, with these recipients.
    """
    row = connection.execute(
        "SELECT envelope, size, expires, priority FROM mail WHERE number = %s", (number,)
    ).fetchone()
    assert row is not None
    envelope, size, expires, priority = row
    return assembled(number, envelope, size, expires, priority, rows)


def remove_finished(connection: psycopg.Connection, numbers: Iterable[int]) -> None:
    """
    Remove those of some messages that have only final recipients.

    Args:
        connection: In a transaction.
        numbers: The numbers of the messages.
    """
    for number in numbers:
        # Two processes that end the last two leases of a message wait for each other here.
        connection.execute("SELECT 1 FROM mail WHERE number = %s FOR UPDATE", (number,))
        left = connection.execute(
            "SELECT 1 FROM recipient WHERE mail = %s AND state IN ('waiting', 'held') LIMIT 1", (number,)
        ).fetchone()
        if left is None:
            connection.execute("DELETE FROM recipient WHERE mail = %s", (number,))
            connection.execute("DELETE FROM content WHERE mail = %s", (number,))
            connection.execute("DELETE FROM mail WHERE number = %s", (number,))


def where(selection: Selection) -> tuple[str, dict[str, object]]:
    """
    Return a selection as a condition of SQL.

    Args:
        selection: The selection.

    Returns:
        The condition, and its values by name.
    """
    ending = "lower(right(recipient.address, length(:recipient))) = lower(:recipient)"
    found, values = condition(selection, "mail.id = ANY(:ids)", ending)
    return named(found), values


def named(statement: str) -> str:
    """
    Return a statement with the placeholders of psycopg.

    Args:
        statement: With placeholders such as ``:name``.

    Returns:
        The statement.

    Example:
        >>> named("SELECT :now")
        'SELECT %(now)s'
    """
    return re.sub(r":(\w+)", r"%(\1)s", statement)
