"""Samples into tables: the cost of a unit, and its ratio to that of the program all are compared with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from benchmarks.cases import Case
from benchmarks.measure import Sample


def table(case: Case, samples: Sequence[Sample], baseline: str) -> Iterator[str]:
    """Lines of text, a program each: median (minimum to maximum)."""
    yield f"{case.title}: CPU of the server, a {case.unit}; {baseline} = 1"
    for name in dict.fromkeys(each.program for each in samples):
        mine = [each for each in samples if each.program == name]
        cost = spread([each.cpu * 1e6 for each in mine], ".2f")
        ratio = spread(ratios(samples, name, baseline), ".2f")
        busy = median(each.load for each in mine)
        wall = median(each.wall for each in mine) * 1e6
        yield f"  {name:<14} {cost:>30} µs   {ratio:>22}   ({wall:.2f} µs by the clock, load {busy:.0%} busy)"


def ratios(samples: Iterable[Sample], name: str, baseline: str) -> list[float]:
    """That of each round, where both were measured."""
    samples = list(samples)
    base = {each.round: each.cpu for each in samples if each.program == baseline}
    return [each.cpu / base[each.round] for each in samples if each.program == name and each.round in base]


def spread(values: Sequence[float], form: str) -> str:
    """Median, minimum and maximum."""
    if not values:
        return "-"
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"
