"""Results into pictures, ``docs/performance/*.svg``."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import matplotlib

from benchmarks.cases import CASES
from benchmarks.clients import CLIENTS
from benchmarks.document import PAGE
from benchmarks.growth import SERIES, Series, costs
from benchmarks.program import Program
from benchmarks.report import ratios
from benchmarks.results import Results
from benchmarks.servers import GROWING, SERVERS

matplotlib.use("svg")
# Text as text, and the same file from the same numbers.
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "txsmtpx", "font.size": 9})

from matplotlib import pyplot  # noqa: E402  # after use()

PICTURES = PAGE.with_suffix("")


def draw(results: Results) -> None:
    """All of them."""
    PICTURES.mkdir(exist_ok=True)
    for side, programs in (("server", SERVERS), ("client", CLIENTS)):
        _bars(results, side, programs)
    for series in SERIES:
        if series.name in results.growth:
            _lines(results, series)


def _bars(results: Results, side: str, programs: Sequence[Program]) -> None:
    """A row of points for each case, on a scale where twice is always the same way."""
    cases = [each for each in CASES if each.side == side and each.name in results.cases][::-1]
    if not any(ratios(results.cases[case.name], programs[0].name, programs[0].name) for case in cases):
        return
    figure, axes = pyplot.subplots(figsize=(9, 1 + 0.42 * len(cases)))
    for program in programs:
        places = []
        for at, case in enumerate(cases):
            found = ratios(results.cases[case.name], program.name, programs[0].name)
            if found:
                places.append((median(found), at))
        if places:
            ours = program.name == "txsmtpx"
            shares, heights = zip(*places, strict=True)
            axes.scatter(shares, heights, label=program.name, s=70 if ours else 28, zorder=3 if ours else 2)
    axes.set_xscale("log")
    axes.set_yticks(range(len(cases)), [case.title for case in cases])
    axes.set_xlabel(f"cost, {programs[0].name} = 1")
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    _save(figure, side)


def _lines(results: Results, series: Series) -> None:
    figure, axes = pyplot.subplots(figsize=(7, 3))
    for program in GROWING:
        found = costs(series, [each for each in results.growth[series.name] if each.program == program.name])
        if found:
            axes.plot(list(found), [cost * 1e6 for cost in found.values()], marker="o", label=program.name)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel(series.across)
    axes.set_ylabel(f"µs a {series.unit}")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    _save(figure, series.name)


def _save(figure: Any, name: str) -> None:
    figure.savefig(PICTURES / f"{name}.svg", bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)
