"""The rows of a queue in any database: which of them are leased, and how they become messages again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

from txsmtpx.backends.envelope_fields import EnvelopeFields
from txsmtpx.queue.queue_store import Change
from txsmtpx.queue.queued_mail import FINAL, QueuedMail, QueuedRecipient, RecipientOutcome, RecipientState, Selection

RECIPIENT = (
    "recipient.number, recipient.destination, recipient.state, recipient.attempts, recipient.due, recipient.owner,"
    " recipient.reply, recipient.server, recipient.delay_reported"
)
"""The columns that `assembled` takes."""

RecipientRow = tuple[int, str, RecipientState, int, float, str, str, str, bool]
"""Their values."""

SELECTED = "FROM recipient JOIN mail ON mail.number = recipient.mail WHERE"
"""Recipients with their messages, before the condition of a selection."""

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


def assembled(
    number: int, envelope: str, size: int, expires: float, priority: int, recipients: Iterable[RecipientRow]
) -> QueuedMail:
    """
    Return a message.

    Args:
        number: The number of the message.
        envelope: The envelope as JSON.
        size: The octets of the message.
        expires: When it is returned.
        priority: Its priority.
        recipients: The values of `RECIPIENT`.

    Returns:
        The message, with these recipients.
    """
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
