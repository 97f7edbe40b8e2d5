"""
The contract between a consumer and the source of its messages.

A source is the connection to a broker.  It opens the connection again with a back-off, until it is stopped.  Each
message that it gives to the consumer is a lease: the broker keeps the message until the lease is settled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from txsmtpx.backends.envelope_fields import EnvelopeFields
from txsmtpx.consume.queued_message import QueuedMessage
from txsmtpx.settling import Eventual


@dataclass(frozen=True)
class Remainder:
    """
    A message for those of its recipients for which it is not handled.

    Attributes:
        envelope: The envelope, with these recipients only.
        reason: Why it is not handled; one line for an operator.
    """

    envelope: EnvelopeFields
    reason: str


@dataclass(frozen=True)
class Settlement:
    """
    What becomes of a message after its handler.  Without a remainder, it is handled.

    Attributes:
        retry: What is tried again, as the next attempt; None for nothing.
        delay: Seconds until then, at least.
        dead: What goes to the dead letter queue; None for nothing.
    """

    retry: Remainder | None = None
    delay: float = 0
    dead: Remainder | None = None


class Lease(Protocol):
    """A message that the broker keeps until the lease is settled.  A source creates it."""

    @property
    def message(self) -> QueuedMessage:
        """The message."""

    def settle(self, settlement: Settlement) -> Eventual[None]:
        """
        Store the remainders in the broker, then acknowledge the message.

        If that fails, or if the process ends before, the broker delivers the message again.

        Args:
            settlement: What becomes of the message.

        Returns:
            None, when the broker has confirmed what it confirms.

        Raises:
            SourceError: The broker cannot be used.
        """

    def release(self) -> None:
        """Return the message to the queue now."""


class SourceError(Exception):
    """A broker cannot be used, or has refused a request.  The text names the broker, and no password."""


class Source(Protocol):
    """
    The messages of a queue.

    A message that cannot be read as a `QueuedMessage` goes to the dead letter queue without the consumer.

    Attributes:
        name: The broker and the queue for the log, without a password.
    """

    name: str

    def start(self, receive: Callable[[Lease], None], most: int) -> None:
        """
        Connect, and call a function with each message from now on.  It does not fail: failures are logged and retried.

        Args:
            receive: The function.
            most: The leases at a time that are not settled.
        """

    def pause(self) -> None:
        """Take no further messages.  Leases can still be settled."""

    def stop(self) -> Eventual[None]:
        """
        Return all leases that are not settled to the queue, and close the connection.

        Returns:
            None, when the connection is closed.
        """
