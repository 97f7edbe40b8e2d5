"""Samples into tables: the cost of a unit, and its ratio to that of the program all are compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.cost import Cost
from benchmarks.rounds import Case, Sample

UNITS = {"CPU": (1e6, "µs"), "time": (1e6, "µs"), "memory": (1 / 1024, "KB")}
"""What an amount is multiplied with, and called."""


OWNERS = {"server": "server", "client": "client", "workers": "server", "asynchronous": "server", "disk": "server"}


def table(case: Case, samples: Sequence[Sample], baseline: str) -> Iterator[str]:
    """Lines of text, a program each: median (minimum to maximum)."""
    factor, symbol = UNITS[case.measured]
    yield f"{case.title}: {case.measured} of the {OWNERS[case.side]}, a {case.unit}; {baseline} = 1"
    for name in dict.fromkeys(each.program for each in samples):
        mine = [each.cost for each in samples if each.program == name]
        cost = spread([each.amount * factor for each in mine])
        ratio = spread(ratios(samples, name, baseline))
        yield f"  {name:<13} {cost:>30} {symbol}   {ratio:>22}   {_clock(mine)}".rstrip()


def _clock(costs: Sequence[Cost]) -> str:
    """How long it took, and how far the load generator is from being the bottleneck."""
    wall, load = median(each.wall for each in costs), median(each.load for each in costs)
    if not wall:
        return ""
    return f"{wall * 1e6:.1f} µs by the clock" + (f", load generator {load / wall:.0%} busy" if load else "")


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
