"""How the cost of a server grows with the work: it should be that of the first, so many times."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.cost import Cost, enough
from benchmarks.program import Program, Refused
from benchmarks.server import serving

FLAT = 0.2
"""How far from the cost at the middle is still flat."""


@dataclass(frozen=True)
class Series:
    """
    One thing that grows.

    Attributes:
        across: What it is.
        unit: What the cost is of.
        load: Options of the load generator, where ``{x}`` is the number.
        points: The numbers.
        within: Whether they are parts of one message, of which the rest costs what the first point does.
        scale: Units to show the cost of.
    """

    name: str
    across: str
    unit: str
    load: str
    points: tuple[int, ...]
    within: bool = True
    scale: int = 1


SERIES: tuple[Series, ...] = (
    Series("connections", "connections at a time", "message", "--connections {x}", (1, 10, 100, 1000, 5000), False),
    Series("recipients", "pipelined recipients of a message", "recipient",
           "--size 512 --pipeline envelope --recipients {x}", (1, 10, 100, 1000, 10_000)),
    Series("octets", "octets of a message", "MB", "--pipeline envelope --size {x}",
           tuple(10**power for power in range(3, 10)), scale=10**6),
)  # fmt: skip


@dataclass(frozen=True)
class Point:
    """Seconds of CPU that a message took where the number was ``x``."""

    series: str
    program: str
    x: int
    round: int
    seconds: float


def grow(
    series: Series, programs: Sequence[Program], rounds: int, seconds: float, complain: Callable[[Program, str], None]
) -> Iterator[Point]:
    """Every program at every point, then again."""
    able = list(programs)
    for number in range(rounds):
        for x in series.points:
            for program in list(able):
                try:
                    cost = _cost(series, program, x, seconds)
                    yield Point(series.name, program.name, x, number, cost.amount)
                except Refused as error:
                    complain(program, f"{x}: {error}")
                    able.remove(program)


def _cost(series: Series, program: Program, x: int, seconds: float) -> Cost:
    """A message where the number is ``x``; to connect does not count."""
    connections = 1 if series.within else x
    options = series.load.format(x=x)
    with (
        tempfile.TemporaryDirectory() as name,
        serving(program, Path(name)) as server,
        server.held(options, Path(name)) as held,
    ):
        first = max(1, connections, min(200, 10**6 // x))
        cost = Cost(held.take(first)["server"], 0, 0).each(first)
        count = max(connections, enough(cost, seconds))
        return Cost(held.take(count)["server"], 0, 0).each(count)


def costs(series: Series, points: Sequence[Point]) -> dict[int, float]:
    """The number to the seconds of CPU of a unit there, for the points of one program."""
    at = {x: median([each.seconds for each in points if each.x == x]) for x in sorted({each.x for each in points})}
    if not series.within or not at:
        return at
    first = min(at)
    return {x: (at[x] - at[first]) / (x - first) * series.scale for x in at if x != first}


def uneven(found: dict[int, float]) -> dict[int, float]:
    """Of these, those that are not flat, each as a multiple of the cost at the middle."""
    middle = found[sorted(found)[len(found) // 2]]
    return {x: cost / middle for x, cost in found.items() if abs(cost / middle - 1) > FLAT}
