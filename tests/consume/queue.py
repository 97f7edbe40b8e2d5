"""A source in memory, which records how its leases are settled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from twisted.internet.defer import Deferred

from txsmtpx.backends.envelope_fields import EnvelopeFields, EnvelopeRecipient
from txsmtpx.consume.message_source import Lease, Settlement
from txsmtpx.consume.queued_message import QueuedMessage


def envelope(*recipients: str, sender: str = "ann@example.org", username: str | None = None) -> EnvelopeFields:
    """An envelope for some recipients."""
    return EnvelopeFields(
        queue_id="3fa9c1",
        sender=sender,
        recipients=tuple(map(EnvelopeRecipient, recipients or ("bob@example.net",))),
        received=datetime(2026, 1, 31, 12, tzinfo=UTC),
        protocol="ESMTPS",
        domain="mx.example.net",
        helo="client.example",
        peer_host="192.0.2.1",
        peer_port=4711,
        username=username,
    )


def queued(*recipients: str, attempt: int = 1, body: bytes = b"Subject: hello\r\n\r\nHello\r\n") -> QueuedMessage:
    """A message for some recipients."""
    return QueuedMessage("m1", envelope(*recipients), attempt, body)


@dataclass
class MemoryLease:
    """A lease that records its settlement, or fails with an error."""

    message: QueuedMessage
    settled: list[Settlement] = field(default_factory=list)
    released: int = 0
    error: Exception | None = None

    def settle(self, settlement: Settlement) -> None:
        """Record it."""
        if self.error is not None:
            raise self.error
        self.settled.append(settlement)

    def release(self) -> None:
        """Count it."""
        self.released += 1


class MemorySource:
    """A source whose messages the test gives."""

    name = "memory"

    def __init__(self) -> None:
        self.receive: Callable[[Lease], None] | None = None
        self.most = 0
        self.paused = self.stopped = False

    def start(self, receive: Callable[[Lease], None], most: int) -> None:
        """Keep the function."""
        self.receive, self.most = receive, most

    def pause(self) -> None:
        """Note it."""
        self.paused = True

    def stop(self) -> None:
        """Note it."""
        self.stopped = True

    def give(self, message: QueuedMessage, error: Exception | None = None) -> MemoryLease:
        """Give a message to the consumer."""
        assert self.receive is not None
        lease = MemoryLease(message, error=error)
        self.receive(lease)
        return lease


class Slow:
    """A handler whose calls wait for the test."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[None]] = []
        self.cancelled = 0

    def __call__(self, message: QueuedMessage) -> Deferred[None]:
        """Wait."""
        self.waiting.append(Deferred(self._cancel))
        return self.waiting[-1]

    def _cancel(self, deferred: Deferred[None]) -> None:
        self.cancelled += 1
