"""
Time-outs: RFC 5321 §4.5.3.2.

A deadline is a stamp in a dict.  There is one timer a connection, armed for the earliest stamp it has heard
of; when it fires too early, because the stamp has moved on, it is armed again.  So moving a deadline,
which happens with every line, does not touch the reactor.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Deadlines:
    """
    The deadlines of one connection, each called by the phase it belongs to.

    Args:
        expired: Called with the phase whose deadline has passed.
    """

    __slots__ = ("_clock", "_due", "_expired", "_stamps", "_timer")

    def __init__(self, clock: IReactorTime, expired: Callable[[str], None]) -> None:
        self._clock = clock
        self._expired = expired
        self._stamps: dict[str, float] = {}
        self._timer: IDelayedCall | None = None
        self._due = 0.0

    def set(self, phase: str, seconds: float) -> None:
        """``phase`` may last ``seconds`` from now; 0 or less is for ever."""
        if seconds <= 0:
            return
        stamp = self._clock.seconds() + seconds
        self._stamps[phase] = stamp
        if self._timer is None or stamp < self._due:
            self._arm(stamp)

    def clear(self, phase: str) -> None:
        """``phase`` is over."""
        self._stamps.pop(phase, None)

    def clear_all(self) -> None:
        """Every phase is over, and another begins; `stop` is for when none does."""
        self._stamps.clear()

    def running(self, phase: str) -> bool:
        """Whether ``phase`` has a deadline."""
        return phase in self._stamps

    def stop(self) -> None:
        """All is over."""
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
