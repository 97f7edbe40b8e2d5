"""The rows of a queue in any database: which of them are leased, and how they become messages again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

from txsmtpx.backends.envelope_fields import EnvelopeFields
from txsmtpx.queue.queued_mail import QueuedMail, QueuedRecipient, RecipientState

RECIPIENT = (
    "recipient.number, recipient.destination, recipient.state, recipient.attempts, recipient.due, recipient.owner,"
    " recipient.reply, recipient.server, recipient.delay_reported"
)
"""The columns that `assembled` takes."""

RecipientRow = tuple[int, str, RecipientState, int, float, str, str, str, bool]
"""Their values."""

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
    envelope: str, size: int, expires: float, priority: int, recipients: Iterable[RecipientRow]
) -> QueuedMail:
    """
    Return a message.

    Args:
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
    return QueuedMail(parsed, found, size, expires, priority)
