"""Results into ``docs/performance.md``, between marks, so that what is written around them stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median

from benchmarks.build import HERE
from benchmarks.cases import CASES
from benchmarks.clients import CLIENTS
from benchmarks.goals import OURS, Outcome, outcomes
from benchmarks.growth import SERIES, Series, costs, uneven
from benchmarks.program import Program
from benchmarks.report import UNITS, ratios
from benchmarks.results import Results
from benchmarks.rounds import Case
from benchmarks.servers import ASYNCHRONOUS, GROWING, ON_DISK, SERVERS, WORKERS
from benchmarks.system_calls import often

PAGE = HERE.parent / "docs" / "performance.md"


def write(results: Results, page: Path = PAGE) -> None:
    """
    Write the page again.

    Raises:
        KeyError: It has a mark for which there is nothing.
    """

    def block(found: re.Match[str]) -> str:
        return "\n".join([found[1], *BLOCKS[found[2]](results), found[3]])

    marks = re.compile(r"(<!-- begin (\w+) -->)\n.*?(<!-- end \2 -->)", re.DOTALL)
    page.write_text(marks.sub(block, page.read_text(encoding="utf-8")), encoding="utf-8")


def row(cells: Iterable[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def _comparison(results: Results, side: str, programs: Sequence[Program]) -> Iterator[str]:
    """A table of ratios to the first program, and where they come from."""
    cases = [each for each in CASES if each.side == side and each.name in results.cases]
    here = [each for each in programs if any(_ratios(results, case, each, programs[0]) for case in cases)]
    if here:
        yield row(["", *[each.name for each in here]])
        yield row(["---", *["---:"] * len(here)])
        for case in cases:
            yield row([_label(results, case, programs[0]), *[_cell(results, case, each, programs[0]) for each in here]])
        yield ""
    yield from _notes(results, cases, programs)


def _ratios(results: Results, case: Case, program: Program, base: Program) -> list[float]:
    return ratios(results.cases[case.name], program.name, base.name)


def _label(results: Results, case: Case, base: Program) -> str:
    """The case, and what it costs the program that is 1."""
    factor, symbol = UNITS[case.measured]
    amounts = [each.cost.amount * factor for each in results.cases[case.name] if each.program == base.name]
    each = "" if case.unit == "message" else f" a {case.unit}"
    return f"{case.title} ({significant(median(amounts))} {symbol}{each})" if amounts else case.title


def _cell(results: Results, case: Case, program: Program, base: Program) -> str:
    found = _ratios(results, case, program, base)
    if not found:
        return "-"
    if program is base:
        return "1"
    return f"{significant(median(found))} ({significant(min(found))} to {significant(max(found))})"


def significant(number: float) -> str:
    """Two digits that count, three from 100 on."""
    return f"{number:.0f}" if abs(number) >= 9.95 else f"{number:.2f}" if abs(number) < 0.995 else f"{number:.1f}"


def _notes(results: Results, cases: Sequence[Case], programs: Sequence[Program]) -> Iterator[str]:
    """Why there are gaps, what was measured, where and when."""
    names = [each.name for each in programs]
    gaps: dict[tuple[str, str], list[str]] = {}
    for case in cases:
        for name, reason in results.unable.get(case.name, {}).items():
            gaps.setdefault((name, reason.splitlines()[0].removeprefix("load: ")), []).append(case.name)
    for (name, reason), where in gaps.items():
        if name in names:
            yield f"* {name} has no value for {', '.join(where)}: {reason}."
    measured = {each.program for case in cases for each in results.cases[case.name]}
    for each in programs:
        if each.name in measured:
            yield f"* Version of {each.name}: {each.version()}."
    for said in dict.fromkeys(results.said[case.name] for case in cases):
        yield f"* Measured by {said}."


def _goals(results: Results) -> Iterator[str]:
    """Ours beside what it should be."""
    yield row(["", "compared with", "goal", *OURS])
    yield row(["---", "---", "---:", *["---:"] * len(OURS)])
    titles = {each.name: each.title for each in CASES}
    for each in outcomes(results):
        goal = f"≤ {each.goal.share:.3g}"
        yield row([titles[each.case], each.goal.other, goal, *[_met(each, name) for name in OURS]])


def _met(outcome: Outcome, name: str) -> str:
    """The share of one of ours, heavy where it is too much."""
    if name not in outcome.shares:
        return ""
    share = outcome.shares[name]
    return f"{share:.2f}" if share <= outcome.goal.share else f"**{share:.2f}**"


def _growth(results: Results) -> Iterator[str]:
    """A table and a picture for each thing that grows."""
    for series in SERIES:
        if series.name in results.growth:
            yield from _series(results, series)


def _series(results: Results, series: Series) -> Iterator[str]:
    points = results.growth[series.name]
    programs = [each.name for each in GROWING if any(point.program == each.name for point in points)]
    found = {name: costs(series, [each for each in points if each.program == name]) for name in programs}
    numbers = sorted({x for values in found.values() for x in values})
    yield f"### {series.across[0].upper()}{series.across[1:]}"
    yield ""
    yield row([f"µs a {series.unit}", *[f"{x:,}" for x in numbers]])
    yield row(["---", *["---:"] * len(numbers)])
    for name, values in found.items():
        flat = uneven(values)
        cells = [f"{values[x] * 1e6:.2f}{'*' if x in flat else ''}" if x in values else "-" for x in numbers]
        yield row([name, *cells])
    yield ""
    yield f"![{series.across}](performance/{series.name}.svg)"
    yield ""
    yield "* A star marks a cost that is over a fifth away from the cost in the middle of the row."
    yield f"* Measured by {results.said[f'growth-{series.name}']}."
    yield ""


def _instructions(results: Results) -> Iterator[str]:
    if not results.instructions:
        return
    yield row(["", "instructions"])
    yield row(["---", "---:"])
    for name, number in results.instructions.items():
        yield row([name, f"{number:,.0f}"])
    yield ""
    yield f"* Measured by {results.said['instructions']}."


def _system_calls(results: Results) -> Iterator[str]:
    counts = results.system_calls
    if not counts:
        return
    yield row(["", *counts])
    yield row(["---", *["---:"] * len(counts)])
    yield row(["all", *[f"{sum(each.values()):.1f}" for each in counts.values()]])
    for name in often(list(counts.values()), 10):
        yield row([f"`{name}`", *[f"{each.get(name, 0):.1f}" for each in counts.values()]])
    yield ""
    yield f"* Measured by {results.said['system-calls']}."


BLOCKS: dict[str, Callable[[Results], Iterator[str]]] = {
    "servers": lambda results: _comparison(results, "server", SERVERS),
    "clients": lambda results: _comparison(results, "client", CLIENTS),
    "asynchronous": lambda results: _comparison(results, "asynchronous", ASYNCHRONOUS),
    "workers": lambda results: _comparison(results, "workers", WORKERS),
    "disk": lambda results: _comparison(results, "disk", ON_DISK),
    "system_calls": _system_calls,
    "goals": _goals,
    "growth": _growth,
    "instructions": _instructions,
}
"""The name of a mark to what stands there."""
