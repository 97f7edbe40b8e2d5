"""The waits between the attempts of a delivery: each is twice the one before, with jitter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import random

JITTER = 0.2
"""The part of a wait by which it may be shorter or longer, so that messages that failed together spread."""

_DOUBLINGS = 40
"""Doublings after which a wait is above any limit; a larger power would not fit into a float."""


@dataclass(frozen=True)
class BackOff:
    """
    The waits of a queue.  `txsmtpx.MailQueue` creates one for messages, and one for destinations.

    Attributes:
        first: Seconds of the first wait, before its jitter.
        most: Seconds of the longest wait, before its jitter.
        chance: Return a number from 0 to 1, for the jitter.

    Example:
        >>> waits = BackOff(300, 3600, chance=lambda: 0.5)
        >>> [waits.after(failures) for failures in (1, 2, 3, 9)]
        [300.0, 600.0, 1200.0, 3600.0]
    """

    first: float
    most: float
    chance: Callable[[], float] = random

    def after(self, failures: int) -> float:
        """
        Return the wait after a failed attempt.

        Args:
            failures: The attempts that have failed, with this one; 1 or more.

        Returns:
            Seconds.
        """
        wait = min(self.first * 2.0 ** min(failures - 1, _DOUBLINGS), self.most)
        return wait * (1 + JITTER * (2 * self.chance() - 1))
