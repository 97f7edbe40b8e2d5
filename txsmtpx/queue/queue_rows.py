"""The rows of a queue in any database: how messages become rows, which are leased, and how rows become messages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from txsmtpx.backends.envelope_fields import EnvelopeFields
from txsmtpx.queue.queue_store import Change
from txsmtpx.queue.queued_mail import (
    FINAL,
    NewMail,
    QueuedMail,
    QueuedRecipient,
    RecipientOutcome,
    RecipientState,
    Selection,
)

RECIPIENT = (
    "recipient.number, recipient.destination, recipient.state, recipient.attempts, recipient.due, recipient.owner,"
    " recipient.reply, recipient.server, recipient.delay_reported"
)
"""The columns that `mail_of` takes."""

RecipientRow = tuple[int, str, RecipientState, int, float, str, str, str, bool]
"""Their values."""

Values = Mapping[str, object]
"""The values of a statement by the names of its placeholders."""

SELECTED = "FROM recipient JOIN mail ON mail.number = recipient.mail WHERE"
"""Recipients with their messages, before the condition of a selection."""

INSERT_RECIPIENT = (
    "INSERT INTO recipient (mail, number, address, destination, priority, state, due)"
    " VALUES (:mail, :number, :address, :destination, :priority, :state, :due)"
)
"""Insert a recipient; the values are those of `recipient_values`."""

LEASE = (
    "UPDATE recipient SET owner = :owner, due = :until, attempts = attempts + 1"
    " WHERE mail = :mail AND destination = :destination AND state = 'waiting' AND due <= :now"
)
"""Lease the recipients of a message that have one destination."""

CHANGES: dict[Change, str] = {
    "retry": "UPDATE recipient SET due = :now WHERE state = 'waiting' AND owner = ''",
    "hold": "UPDATE recipient SET state = 'held' WHERE state = 'waiting'",
    "release": "UPDATE recipient SET state = 'waiting', due = :now WHERE state = 'held'",
    "delete": "DELETE FROM recipient WHERE state IN ('waiting', 'held')",
}
"""The changes of an operator, before the condition of a selection."""

SETTLE = (
    # An operator may have held the recipient meanwhile.
    "UPDATE recipient SET state = CASE WHEN state = 'held' AND NOT :final THEN 'held' ELSE :state END,"
    " due = :due, owner = '', reply = :reply, server = :server, delay_reported = delay_reported OR :reported"
    " WHERE mail = :mail AND number = :number AND (owner = :owner OR :final) AND state IN ('waiting', 'held')"
)
"""Store the outcome of a recipient.  One that is not final counts only as long as the lease is this owner's."""

PRIORITIES = range(9, -10, -1)
"""The priorities, the most urgent first."""


class SQLResult(Iterable[tuple[Any, ...]], Protocol):
    """The rows that a statement has found.  A cursor of `sqlite3` and one of psycopg are such."""

    @property
    def rowcount(self) -> int:
        """The number of rows that were changed."""

    def fetchone(self) -> tuple[Any, ...] | None:
        """
        Return the next row.

        Returns:
            The row; None if there is none.
        """


class SQLConnection(Protocol):
    """A connection of `sqlite3`, or `txsmtpx.queue.postgresql_connection.NamedConnection`."""

    def execute(self, statement: str, values: Values = ..., /) -> SQLResult:
        """
        Execute a statement with placeholders such as ``:name``.

        Returns:
            The rows.
        """

    def executemany(self, statement: str, values: Iterable[Values], /) -> object:
        """
        Execute a statement for each of several groups of values.

        Returns:
            Nothing of use.
        """


def mail_values(mail: NewMail) -> dict[str, object]:
    """
    Return the values of a message, but for its body and its recipients.

    Args:
        mail: The message.

    Returns:
        The values by the names of their columns.
    """
    envelope = mail.envelope
    return {
        "id": mail.id,
        "sender": envelope.sender,
        "envelope": json.dumps(envelope.as_strings()),
        "received": envelope.received.timestamp(),
        "expires": mail.expires,
        "priority": mail.priority,
        "size": mail.size,
    }


def recipient_values(number: int, mail: NewMail) -> list[dict[str, object]]:
    """
    Return the values of `INSERT_RECIPIENT` for each recipient of a message.

    Args:
        number: The number of the message.
        mail: The message.

    Returns:
        The values by name.
    """
    shared = {"mail": number, "priority": mail.priority, "state": "held" if mail.held else "waiting", "due": mail.due}
    return [
        {**shared, "number": at, "address": each.address, "destination": destination}
        for at, (each, destination) in enumerate(zip(mail.envelope.recipients, mail.destinations, strict=True))
    ]


def chosen(ready: Iterable[tuple[int, str]], limit: int, per_destination: int) -> list[tuple[int, str]]:
    """
    Choose what is leased.

    Args:
        ready: The number of a message and the destination, for each recipient that is due, in the order of delivery.
        limit: The most pairs to choose.
        per_destination: The most pairs of one destination.

    Returns:
        The pairs, each once.

    Example:
        >>> chosen([(1, "a"), (1, "a"), (2, "a"), (3, "b")], 10, 1)
        [(1, 'a'), (3, 'b')]
    """
    found: dict[tuple[int, str], None] = {}
    taken: Counter[str] = Counter()
    for pair in ready:
        if pair not in found and taken[pair[1]] < per_destination:
            if len(found) == limit:
                break
            found[pair] = None
            taken[pair[1]] += 1
    return list(found)


def mail_of(connection: SQLConnection, number: int, recipients: Iterable[RecipientRow]) -> QueuedMail:
    """
    Return a message.

    Args:
        connection: In a transaction.
        number: The number of the message.
        recipients: The values of `RECIPIENT`.

    Returns:
        The message, with these recipients.
    """
    [(envelope, size, expires, priority)] = connection.execute(
        "SELECT envelope, size, expires, priority FROM mail WHERE number = :number", {"number": number}
    )
    parsed = EnvelopeFields.parsed(json.loads(envelope))
    found = [
        QueuedRecipient(
            at, parsed.recipients[at], destination, state, attempts, due, bool(owner), reply, server, bool(reported)
        )
        for at, destination, state, attempts, due, owner, reply, server, reported in recipients
    ]
    return QueuedMail(parsed, found, size, expires, priority, number)


def settled(mail: int, owner: str, outcome: RecipientOutcome) -> dict[str, object]:
    """
    Return the values of `SETTLE`.

    Args:
        mail: The number of the message.
        owner: The process that has leased the recipient.
        outcome: The outcome.

    Returns:
        The values by name.
    """
    return {
        "final": outcome.state in FINAL,
        "state": outcome.state,
        "due": outcome.due,
        "reply": outcome.reply.replace("\0", "?"),  # PostgreSQL stores no NUL
        "server": outcome.server,
        "reported": outcome.delay_reported,
        "mail": mail,
        "number": outcome.number,
        "owner": owner,
    }


def condition(selection: Selection, among: str, ending: str) -> tuple[str, dict[str, object]]:
    """
    Return a selection as a condition of SQL.

    Args:
        selection: The selection.
        among: The condition that the identifier of a message is one of ``:ids``.
        ending: The condition that an address ends in ``:recipient``.

    Returns:
        The condition, on `SELECTED`; and its values by name.
    """
    where = ["TRUE"]
    values: dict[str, object] = {}
    if selection.ids is not None:
        where.append(among)
        values["ids"] = list(selection.ids)
    if selection.sender is not None:
        where.append("mail.sender = :sender")
        values["sender"] = selection.sender
    if selection.recipient is not None:
        where.append(ending if selection.recipient.startswith("@") else "recipient.address = :recipient")
        values["recipient"] = selection.recipient
    if selection.destination is not None:
        where.append("recipient.destination = :destination")
        values["destination"] = selection.destination
    if selection.state is not None:
        where.append("recipient.state = :state")
        values["state"] = selection.state
    return " AND ".join(where), values
