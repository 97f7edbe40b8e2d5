"""The nouns of a queue: a message, its recipients, and a lease of some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from txsmtpx.backends.envelope_fields import EnvelopeFields
from txsmtpx.backends.envelope_recipient import EnvelopeRecipient

RecipientState = Literal["waiting", "held", "delivered", "failed", "expired"]
"""
The state of a recipient.

"waiting" is tried when it is due, "held" waits for an operator.  The others are final.
"""

FINAL: frozenset[RecipientState] = frozenset({"delivered", "failed", "expired"})
"""The states after which a recipient is not tried again."""


@dataclass(frozen=True)
class NewMail:
    """
    A message that is to be stored.

    Attributes:
        envelope: The envelope.  Its `queue_id` is the identifier of the message, which no other message has.
        destinations: For each recipient the destination: its domain, or the domain of its route.
        body: The octets of the message, or the name of its file in the directory of bodies.
        size: The octets of the message.
        due: When the first attempt is due, in seconds since the epoch.
        expires: When the message is returned if it is not delivered, in seconds since the epoch.
        priority: The priority, from -9 to 9; those with more are delivered first (RFC 6710).
        held: True if the message waits for an operator.

    Raises:
        ValueError: There is not one destination for each recipient.

    Example:
        >>> from datetime import UTC, datetime
        >>> envelope = EnvelopeFields(
        ...     queue_id="3fa9c1", sender="ann@example.org", recipients=(EnvelopeRecipient("bob@example.net"),),
        ...     received=datetime(2030, 1, 31, 12, tzinfo=UTC), protocol="ESMTP", domain="mail.example.net",
        ... )
        >>> NewMail(envelope, ["example.net"], b"Subject: hello", 14, due=0, expires=432_000).priority
        0
    """

    envelope: EnvelopeFields
    destinations: Sequence[str]
    body: bytes | str
    size: int
    due: float
    expires: float
    priority: int = 0
    held: bool = False

    def __post_init__(self) -> None:
        if len(self.destinations) != len(self.envelope.recipients):
            raise ValueError("a message must have one destination for each recipient")

    @property
    def id(self) -> str:
        """The identifier of the message."""
        return self.envelope.queue_id


@dataclass(frozen=True)
class QueuedRecipient:
    """
    A recipient of a message in the queue.

    Attributes:
        number: The position in the envelope, from 0.
        recipient: The address, with the parameters of RCPT.
        destination: The domain, or the domain of the route.
        state: The state.
        attempts: The attempts that have begun.
        due: When the next attempt is due, in seconds since the epoch.  While the recipient is leased, the end of the
            lease.
        leased: True if a process is delivering to the recipient.
        reply: The last reply as one line; "" before the first.
        server: The server that has sent it; "" if it is a description of an error.
        delay_reported: True if the sender has a report of the delay.
    """

    number: int
    recipient: EnvelopeRecipient
    destination: str
    state: RecipientState = "waiting"
    attempts: int = 0
    due: float = 0.0
    leased: bool = False
    reply: str = ""
    server: str = ""
    delay_reported: bool = False


@dataclass(frozen=True)
class QueuedMail:
    """
    A message in the queue.

    Attributes:
        envelope: The envelope, with all recipients.
        recipients: The state of each recipient.  In a lease, only of those that are leased.
        size: The octets of the message.
        expires: When the message is returned if it is not delivered, in seconds since the epoch.
        priority: The priority, from -9 to 9.
        number: The number in its store.  Later messages have higher numbers.
    """

    envelope: EnvelopeFields
    recipients: Sequence[QueuedRecipient]
    size: int
    expires: float
    priority: int = 0
    number: int = 0

    @property
    def id(self) -> str:
        """The identifier of the message."""
        return self.envelope.queue_id

    @property
    def received(self) -> float:
        """When the message was received, in seconds since the epoch."""
        return self.envelope.received.timestamp()


@dataclass(frozen=True)
class Lease:
    """
    A message and a destination, which one process may deliver until a time.

    Attributes:
        mail: The message, with the leased recipients.  Their attempts count this one.
        destination: The destination of all these recipients.
        owner: The process.
        until: When the lease expires, in seconds since the epoch.  Another process may have the recipients then.
    """

    mail: QueuedMail
    destination: str
    owner: str
    until: float


@dataclass(frozen=True)
class RecipientOutcome:
    """
    The outcome of an attempt for one recipient.

    Attributes:
        number: The position of the recipient in the envelope.
        state: The new state: "waiting" for another attempt, "held", or a final one.
        reply: The reply as one line.
        server: The server that has sent it; "" for none.
        due: When the next attempt is due, in seconds since the epoch, if there is one.
        delay_reported: True if the sender has a report of the delay now.
    """

    number: int
    state: RecipientState
    reply: str = ""
    server: str = ""
    due: float = 0.0
    delay_reported: bool = False


@dataclass(frozen=True)
class Selection:
    """
    Select recipients of the queue.  All conditions must hold; with none, all are selected.

    Attributes:
        ids: Identifiers of messages; None for any.
        sender: The address of the sender; None for any.
        recipient: An address, or ``@example.org`` for all of a domain; None for any.
        destination: A destination; None for any.
        state: A state; None for any.

    Example:
        >>> Selection(destination="example.org", state="held").ids is None
        True
    """

    ids: Sequence[str] | None = None
    sender: str | None = None
    recipient: str | None = None
    destination: str | None = None
    state: RecipientState | None = None


@dataclass(frozen=True)
class Depth:
    """
    Count what is in the queue.

    Attributes:
        messages: The messages.
        octets: Their octets.
        waiting: The recipients that wait.
        held: The recipients that are held.
        leased: The recipients that are being delivered; they are among those that wait.
        oldest: When the oldest message was received, in seconds since the epoch; None if the queue is empty.
        ages: Recipients that wait or are held by the age of their message: the numbers of those that are older than
            each of the seconds in `AGES`.
    """

    messages: int = 0
    octets: int = 0
    waiting: int = 0
    held: int = 0
    leased: int = 0
    oldest: float | None = None
    ages: Sequence[int] = ()


AGES = (60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0, 172_800.0, 432_000.0)
"""The ages that `Depth` counts: from a minute to five days."""
