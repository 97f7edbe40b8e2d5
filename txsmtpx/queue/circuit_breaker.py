"""
The circuit breaker of a destination: after several failed connections, no connection is opened for some time.

Theory of operation.  A breaker is closed at first: each delivery may connect.  After ``failures`` failed connections
one after the other it opens.  Then no delivery connects, and each message waits as after a failed attempt.  After a
pause, one delivery may connect.  If its connection succeeds, the breaker closes.  If it fails, the next pause is twice
as long.

So a destination that hangs holds one connection at a time, however many messages there are for it.  Postfix throttles
a destination in the same way (default_destination_concurrency_failed_cohort_limit).
"""

from __future__ import annotations

from txsmtpx.queue.back_off import BackOff


class CircuitBreaker:
    """
    The breaker of one destination.  `txsmtpx.queue.destination.Destination` creates it.

    Attributes:
        reason: The text of the last failure, for the log and for messages that wait; "" if there is none.
        until: When the pause ends, in the time of the clock; 0 if the breaker is closed.

    Args:
        failures: Failed connections after which it opens; 0 for never.
        pauses: The pauses.

    Example:
        >>> breaker = CircuitBreaker(2, BackOff(60, 900, chance=lambda: 0.5))
        >>> breaker.failed(0, "refused")
        >>> breaker.failed(0, "refused")
        >>> breaker.admits(59), breaker.admits(60), breaker.admits(60)
        (False, True, False)
        >>> breaker.succeeded()
        >>> breaker.admits(60)
        True
    """

    def __init__(self, failures: int, pauses: BackOff) -> None:
        self.reason: str = ""
        self.until: float = 0.0
        self._most = failures
        self._pauses = pauses
        self._failures = 0  # one after the other
        self._openings = 0  # one after the other
        self._probing = False

    @property
    def is_open(self) -> bool:
        """True if deliveries may not connect, but for one after the pause."""
        return self._openings > 0

    def admits(self, now: float) -> bool:
        """
        Return whether a delivery may connect.  It must report its result by `succeeded`, `failed` or `undecided`.

        Args:
            now: The time of the clock.

        Returns:
            True if it may.  While the breaker is open, True once after each pause.
        """
        if not self.is_open:
            return True
        if self._probing or now < self.until:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """Close the breaker: a connection was ready for a message."""
        self.reason, self.until = "", 0.0
        self._failures = self._openings = 0
        self._probing = False

    def undecided(self) -> None:
        """Let the next delivery connect: the last one was cancelled before it had a connection."""
        self._probing = False

    def failed(self, now: float, reason: str) -> None:
        """
        Count a failed connection, and open the breaker if it is one too many.

        Args:
            now: The time of the clock.
            reason: The failure.
        """
        self.reason = reason
        self._failures += 1
        if self._probing or (self._most and self._failures >= self._most and not self.is_open):
            self._probing = False
            self._openings += 1
            self.until = now + self._pauses.after(self._openings)
