"""The messages of a queue as the pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from txsmtpx.queue.queued_mail import QueuedMail, QueuedRecipient
from txsmtpx.queue_web.queue_json import is_delivering, iso

SHOWN = 5
"""Recipients of a message in a list."""

_UNITS = (("s", 60.0), ("min", 60.0), ("h", 24.0), ("d", float("inf")))


@dataclass(frozen=True)
class RecipientView:
    """
    A recipient, in words.

    Attributes:
        address: The address.
        destination: The domain, or the route.
        state: The state in one word: "held", "delivering", "waiting" or a final state.
        following: What comes next; "" for nothing.
        attempts: The attempts that have begun.
        reply: The last reply with its server, or the description of an error; "" before the first.
    """

    address: str
    destination: str
    state: str
    following: str
    attempts: int
    reply: str


@dataclass(frozen=True)
class MailView:
    """
    A message, in words.

    Attributes:
        id: The identifier.
        sender: The sender; "" for the null reverse-path.
        received: When it was received, in ISO 8601.
        expires: When it is returned if it is not delivered, in ISO 8601.
        age: Its age.
        size: Its octets.
        priority: Its priority.
        recipients: The recipients that are shown.
        more: The number of further recipients.
    """

    id: str
    sender: str
    received: str
    expires: str
    age: str
    size: int
    priority: int
    recipients: Sequence[RecipientView]
    more: int


def mail_view(mail: QueuedMail, now: float, most: int = SHOWN) -> MailView:
    """
    Describe a message.

    Args:
        mail: The message.
        now: The time, in seconds since the epoch.
        most: The most recipients that are shown.

    Returns:
        The view.
    """
    return MailView(
        mail.id,
        mail.envelope.sender,
        iso(mail.received),
        iso(mail.expires),
        span_text(now - mail.received),
        mail.size,
        mail.priority,
        [recipient_view(each, now) for each in mail.recipients[:most]],
        max(0, len(mail.recipients) - most),
    )


def recipient_view(recipient: QueuedRecipient, now: float) -> RecipientView:
    """
    Describe a recipient.

    Args:
        recipient: The recipient.
        now: The time, in seconds since the epoch.

    Returns:
        The view.
    """
    state, following = str(recipient.state), ""
    if is_delivering(recipient, now):
        state = "delivering"
    elif state == "waiting":
        following = f"next attempt in {span_text(recipient.due - now)}" if recipient.due > now else "due now"
    reply = f"{recipient.server}: {recipient.reply}" if recipient.server and recipient.reply else recipient.reply
    address = recipient.recipient.address
    return RecipientView(address, recipient.destination, state, following, recipient.attempts, reply)


def span_text(seconds: float) -> str:
    """
    Return a time that passes, in one unit.

    Args:
        seconds: The seconds.  Fewer than 0 count as 0.

    Returns:
        The text.

    Example:
        >>> span_text(59), span_text(3600), span_text(200_000)
        ('59 s', '1 h', '2 d')
    """
    span, following = max(0.0, seconds), iter(_UNITS)
    unit, most = next(following)
    while span >= most:
        span /= most
        unit, most = next(following)
    return f"{int(span)} {unit}"
