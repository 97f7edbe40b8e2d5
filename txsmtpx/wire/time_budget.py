"""A number of seconds that are spent in pieces, such as those for which another program is waited for."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall

from txsmtpx.interfaces import Clock


class TimeBudget:
    """
    A time that can be stopped and started.  When all of it has been spent, a function is called.

    Attributes:
        spent: True after the function was called.

    Args:
        clock: Measures time.
        seconds: The time.
        call: The function.

    Example:
        >>> from twisted.internet.task import Clock
        >>> clock = Clock()
        >>> budget = TimeBudget(clock, 30, lambda: print("30 seconds"))
        >>> budget.start()
        >>> clock.advance(20)
        >>> budget.stop()
        >>> clock.advance(100)
        >>> budget.start()
        >>> clock.advance(10)
        30 seconds
    """

    def __init__(self, clock: Clock, seconds: float, call: Callable[[], object]) -> None:
        self.spent: bool = False
        self._clock = clock
        self._left = seconds
        self._call = call
        self._ended = False
        self._since = 0.0
        self._timer: IDelayedCall | None = None

    def start(self) -> None:
        """Spend time from now on."""
        if self._timer is None and not self.spent and not self._ended:
            self._since = self._clock.seconds()
            self._timer = self._clock.callLater(max(self._left, 0), self._over)

    def stop(self) -> None:
        """Spend no time from now on."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            self._left -= self._clock.seconds() - self._since

    def end(self) -> None:
        """Spend no time any more."""
        self._ended = True
        self.stop()

    def _over(self) -> None:
        self._timer = None
        self.spent = True
        self._call()
