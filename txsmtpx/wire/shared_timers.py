"""
Timers that many connections share.

Theory of operation.  Nearly every deadline of a connection is minutes away, and moves before it comes.  So connections
whose deadlines lie in the same second wait together, and one timer of the reactor wakes them when their second begins.
A connection that is woken looks at its deadlines.  If one lies in this second, the connection starts a timer of its
own, so that no deadline is early or late.  A timer of the reactor for each connection would take half a kilobyte, and
more time than a command.
"""

from __future__ import annotations

from math import inf
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Sleeper(Protocol):
    """A connection that waits for a deadline."""

    def wake(self) -> None:
        """Look at the deadlines: the second has begun."""


class SharedTimers:
    """
    The timers of all connections of a server.  `txsmtpx.SMTPServerFactory` creates one.

    Args:
        clock: Calls functions later.

    Attributes:
        clock: The same.

    Example:
        >>> from twisted.internet.task import Clock
        >>> class Alarm:
        ...     def wake(self):
        ...         print("awake")
        >>> clock = Clock()
        >>> timers = SharedTimers(clock)
        >>> timers.add(Alarm(), 300)
        >>> clock.advance(300)
        awake
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self._sleepers: dict[int, dict[Sleeper, None]] = {}  # by the second in which each is woken
        self._timer: IDelayedCall | None = None
        self._fires_at = inf  # the second for which the timer is set

    def add(self, sleeper: Sleeper, second: int) -> None:
        """
        Wake a connection, once.

        Args:
            sleeper: The connection.
            second: When, in whole seconds of the clock.
        """
        sleepers = self._sleepers.get(second)
        if sleepers is None:
            sleepers = self._sleepers[second] = {}  # a set takes up to 107 octets for each of many, a dict 56
            if second < self._fires_at:
                self._set_timer(second)
        sleepers[sleeper] = None

    def remove(self, sleeper: Sleeper, second: int) -> None:
        """
        Do not wake a connection.

        Args:
            sleeper: The connection.
            second: As for `add`.
        """
        sleepers = self._sleepers.get(second)
        if sleepers is None:
            return
        sleepers.pop(sleeper, None)
        if not sleepers:
            del self._sleepers[second]
            if not self._sleepers:
                self._clear_timer()

    def _set_timer(self, second: int) -> None:
        self._clear_timer()
        self._fires_at = second
        self._timer = self.clock.callLater(max(0.0, second - self.clock.seconds()), self._fired)

    def _clear_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._fires_at = inf

    def _fired(self) -> None:
        self._timer, self._fires_at = None, inf
        now = self.clock.seconds()
        try:
            for second in sorted(second for second in self._sleepers if second <= now):
                while sleepers := self._sleepers.get(second):  # a connection that is woken may remove others
                    sleepers.popitem()[0].wake()
                self._sleepers.pop(second, None)
        finally:  # also if one fails
            if self._sleepers and self._timer is None:
                self._set_timer(min(self._sleepers))
