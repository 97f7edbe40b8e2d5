"""
Time-outs of a client: RFC 5321 §4.5.3.2.  A server has `txsmtpx.wire.time_limits`.

A deadline is a stamp in a dict.  Each connection has one timer, armed for the earliest stamp so far.  If it fires too
early, because that stamp has moved on, it is armed again.  So moving a deadline does not touch the reactor.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Deadlines:
    """
    The deadlines of one connection, each with the name of its phase.  The connection creates it.

    Args:
        clock: Calls functions later.
        expired: Called with the phase whose deadline has passed.

    Example:
        >>> from twisted.internet.task import Clock
        >>> clock = Clock()
        >>> deadlines = Deadlines(clock, print)
        >>> deadlines.set("idle", 300)
        >>> clock.advance(300)
        idle
    """

    __slots__ = ("_clock", "_due", "_expired", "_stamps", "_timer")

    def __init__(self, clock: IReactorTime, expired: Callable[[str], None]) -> None:
        self._clock = clock
        self._expired = expired
        self._stamps: dict[str, float] = {}
        self._timer: IDelayedCall | None = None
        self._due = 0.0

    def set(self, phase: str, seconds: float) -> None:
        """
        Limit a phase, which begins now or goes on.

        Args:
            phase: Its name.
            seconds: From now; without limit if it is 0 or less.
        """
        if seconds <= 0:
            return
        stamp = self._clock.seconds() + seconds
        self._stamps[phase] = stamp
        if self._timer is None or stamp < self._due:
            self._arm(stamp)

    def clear(self, phase: str) -> None:
        """
        End a phase.

        Args:
            phase: Its name.
        """
        self._stamps.pop(phase, None)

    def stop(self) -> None:
        """End every phase, and the timer: the connection is over."""
        self._stamps.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, stamp: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = stamp
        self._timer = self._clock.callLater(max(0.0, stamp - self._clock.seconds()), self._fired)

    def _fired(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        for phase in [phase for phase, stamp in self._stamps.items() if stamp <= now]:
            if self._stamps.pop(phase, None) is not None:
                self._expired(phase)
        if self._stamps:
            self._arm(min(self._stamps.values()))
