"""The messages of a queue as JSON."""

from __future__ import annotations

from datetime import UTC, datetime

from txsmtpx.queue.queued_mail import Depth, QueuedMail, QueuedRecipient
from txsmtpx.web.json_text import JsonValue


def counts_json(depth: Depth) -> dict[str, JsonValue]:
    """
    Describe the counts of a queue.

    Args:
        depth: The counts.

    Returns:
        The JSON, see the schema ``QueueCounts``.
    """
    return {
        "messages": depth.messages,
        "octets": depth.octets,
        "waiting": depth.waiting,
        "held": depth.held,
        "delivering": depth.leased,
        "oldest": None if depth.oldest is None else iso(depth.oldest),
    }


def mail_json(mail: QueuedMail, now: float) -> dict[str, JsonValue]:
    """
    Describe a message of a list.

    Args:
        mail: The message.
        now: The time, in seconds since the epoch.

    Returns:
        The JSON, see the schema ``QueuedMessage``.
    """
    return {
        "id": mail.id,
        "received": iso(mail.received),
        "expires": iso(mail.expires),
        "sender": mail.envelope.sender,
        "size": mail.size,
        "priority": mail.priority,
        "recipients": (recipient_json(each, now) for each in mail.recipients),
    }


def recipient_json(recipient: QueuedRecipient, now: float) -> dict[str, JsonValue]:
    """
    Describe a recipient.

    Args:
        recipient: The recipient.
        now: The time, in seconds since the epoch.

    Returns:
        The JSON, see the schema ``QueuedRecipient``.
    """
    delivering = is_delivering(recipient, now)
    waits = recipient.state == "waiting" and not delivering
    return {
        "address": recipient.recipient.address,
        "destination": recipient.destination,
        "state": recipient.state,
        "delivering": delivering,
        "attempts": recipient.attempts,
        "next_attempt": iso(max(recipient.due, now)) if waits else None,
        "reply": recipient.reply,
        "server": recipient.server,
    }


def is_delivering(recipient: QueuedRecipient, now: float) -> bool:
    """
    Check for a delivery that goes on.

    Args:
        recipient: The recipient.
        now: The time, in seconds since the epoch.

    Returns:
        True if a process delivers to the recipient now.
    """
    return recipient.state == "waiting" and recipient.leased and recipient.due > now


def iso(seconds: float) -> str:
    """
    Return a time as text, in UTC.

    Args:
        seconds: Seconds since the epoch.

    Returns:
        The text (RFC 3339).

    Example:
        >>> iso(0.25)
        '1970-01-01T00:00:00.250Z'
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
