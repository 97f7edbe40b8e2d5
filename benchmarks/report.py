"""Samples into tables: the cost of a unit, and its ratio to that of the program all are compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.cost import Cost
from benchmarks.rounds import Case, Sample


def table(case: Case, samples: Sequence[Sample], baseline: str) -> Iterator[str]:
    """Lines of text, a program each: median (minimum to maximum)."""
    yield f"{case.title}: CPU of the {case.side}, a {case.unit}; {baseline} = 1"
    for name in dict.fromkeys(each.program for each in samples):
        mine = [each.cost for each in samples if each.program == name]
        cost = spread([each.amount * 1e6 for each in mine])
        ratio = spread(ratios(samples, name, baseline))
        wall = f"{median(each.wall for each in mine) * 1e6:.1f} µs by the clock"
        yield f"  {name:<13} {cost:>30} µs   {ratio:>22}   {wall}{_busy(mine)}"


def _busy(costs: Sequence[Cost]) -> str:
    """How far the load generator is from being the bottleneck."""
    share = median(each.load / each.wall for each in costs)
    return f", load generator {share:.0%} busy" if share else ""


def ratios(samples: Sequence[Sample], name: str, baseline: str) -> list[float]:
    """That of each round in which both were measured."""
    base = {each.round: each.cost.amount for each in samples if each.program == baseline}
    mine = [each for each in samples if each.program == name and each.round in base]
    return [each.cost.amount / base[each.round] for each in mine]


def spread(values: Sequence[float]) -> str:
    """Median, minimum and maximum."""
    if not values:
        return "-"
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
