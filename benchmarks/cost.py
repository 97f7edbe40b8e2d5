"""What a measurement gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """
    Attributes:
        amount: Seconds of CPU, or octets of memory, of the program under measure.
        wall: Seconds by the clock.
        load: Seconds of CPU of the load generator, 0 where there is none.
    """

    amount: float
    wall: float
    load: float

    def each(self, units: float) -> Cost:
        """That of one, where this is that of so many."""
        return Cost(self.amount / units, self.wall / units, self.load / units)


def enough(each: Cost, seconds: float) -> int:
    """How many take about ``seconds`` of CPU, when one takes ``each``."""
    return max(1, round(seconds / max(each.amount, 1e-6)))
