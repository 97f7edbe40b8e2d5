"""The messages of a queue as text, for an operator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from txsmtpx.dialog.fields import printable
from txsmtpx.queue.queued_mail import FINAL, Depth, QueuedMail, QueuedRecipient


def lines_of(mail: QueuedMail, now: float) -> Iterator[str]:
    """
    Describe a message: a line for it, and one or two for each recipient.

    Args:
        mail: The message.
        now: The time, in seconds since the epoch.

    Yields:
        The lines.
    """
    yield f"{mail.id}  {moment(mail.received)}  {mail.size} octets  from <{printable(mail.envelope.sender)}>"
    for each in mail.recipients:
        yield f"    {state_of(each, now)}  <{printable(each.recipient.address)}> by {printable(each.destination)}"
        if each.reply:
            yield f"        {printable(f'{each.server}: {each.reply}' if each.server else each.reply)}"


def state_of(recipient: QueuedRecipient, now: float) -> str:
    """
    Describe the state of a recipient.

    Args:
        recipient: The recipient.
        now: The time, in seconds since the epoch.

    Returns:
        The state, and what comes next.

    Example:
        >>> from txsmtpx.backends.envelope_recipient import EnvelopeRecipient
        >>> state_of(QueuedRecipient(0, EnvelopeRecipient("bob@example.net"), "example.net", attempts=2, due=90), 30)
        'waiting, 2 attempts, next in 60 s'
    """
    tried = f"{recipient.attempts} attempt{'s' * (recipient.attempts != 1)}"
    if recipient.state in FINAL or recipient.state == "held":
        return f"{recipient.state}, {tried}"
    if recipient.leased and recipient.due > now:
        return f"being delivered, {tried}"
    return f"waiting, {tried}, {f'next in {recipient.due - now:.0f} s' if recipient.due > now else 'due now'}"


def summary_of(depth: Depth, now: float) -> str:
    """
    Describe the counts of a queue in a line.

    Args:
        depth: The counts.
        now: The time, in seconds since the epoch.

    Returns:
        The line.
    """
    text = f"{depth.messages} messages, {depth.octets} octets; recipients: {depth.waiting} waiting, {depth.held} held"
    return text if depth.oldest is None else f"{text}; the oldest message waits for {now - depth.oldest:.0f} s"


def moment(seconds: float) -> str:
    """
    Return a time as text, in UTC.

    Args:
        seconds: Seconds since the epoch.

    Returns:
        The text.

    Example:
        >>> moment(0)
        '1970-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
