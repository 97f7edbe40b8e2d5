"""The contract between a queue and its metrics."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

AttemptOutcome = Literal["delivered", "deferred", "failed", "expired"]
"""The outcome of an attempt for one recipient."""


class Activity(NamedTuple):
    """
    What a queue does in this process.

    Attributes:
        deliveries: Messages that it delivers now, or will next.
        paused: Destinations that are paused after failures.
        now: Seconds since the epoch.
    """

    deliveries: int
    paused: int
    now: float = 0.0


class QueueObserver(Protocol):
    """An object that counts what happens in a queue."""

    def attempted(self, destination: str, outcome: AttemptOutcome, seconds: float) -> None:
        """
        Count an attempt for a recipient.

        Args:
            destination: The destination.
            outcome: The outcome.
            seconds: Seconds since the message came.
        """
