"""One run: what is measured is printed, and kept where that is wished."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

from benchmarks import instructions, log_line, system_calls
from benchmarks.clients import CLIENTS
from benchmarks.growth import Series, costs, grow
from benchmarks.program import Program, Refused
from benchmarks.report import table
from benchmarks.results import circumstances, kept
from benchmarks.rounds import Case, in_turn
from benchmarks.servers import ASYNCHRONOUS, GROWING, ON_DISK, SERVERS, WORKERS

PROGRAMS = {
    "server": SERVERS,
    "client": CLIENTS,
    "workers": WORKERS,
    "asynchronous": ASYNCHRONOUS,
    "disk": ON_DISK,
}
"""The side of a case to those that are measured at it."""


def names() -> list[str]:
    """Of all programs."""
    return list(dict.fromkeys(each.name for programs in PROGRAMS.values() for each in programs))


class Run:
    """What the command line asks for."""

    def __init__(self, programs: Sequence[str], baseline: str, rounds: int, seconds: float, record: bool) -> None:
        """
        Args:
            programs: Their names, none for all.
            baseline: The name of the one that is 1, "" for the first.
            seconds: Of CPU that a program spends in a round, about.
            record: Whether the page is written.
        """
        self._programs = programs
        self._baseline = baseline
        self._rounds = rounds
        self._seconds = seconds
        self._record = record
        self._results = kept()
        self._said = circumstances(f"python -m benchmarks {shlex.join(sys.argv[1:])}".rstrip())
        self._unable: dict[str, str] = {}

    def case(self, case: Case) -> None:
        """Measure a case."""
        programs = self._here(PROGRAMS[case.side])
        if not programs:
            return
        samples = list(in_turn(case, programs, self._rounds, self._seconds, self._complain))
        print("\n".join(table(case, samples, self._baseline or programs[0].name)), flush=True)
        self._results.cases[case.name] = samples
        self._keep(case.name)

    def series(self, series: Series) -> None:
        """Measure how something grows."""
        programs = self._here(GROWING)
        points = list(grow(series, programs, self._rounds, self._seconds, self._complain))
        print(f"{series.across}: CPU of the server, µs a {series.unit}")
        for program in programs:
            found = costs(series, [each for each in points if each.program == program.name])
            print(
                f"  {program.name:<13} {'  '.join(f'{x:,}: {cost * 1e6:.2f}' for x, cost in found.items())}", flush=True
            )
        self._results.growth[series.name] = points
        self._keep(f"growth-{series.name}")

    def instructions(self) -> None:
        """Count instructions."""
        if missing := instructions.missing():
            print(f"instructions: not counted: {missing}", file=sys.stderr)
            return
        counted = dict(instructions.count())
        print("Instructions, in memory and without a reactor:")
        for name, number in counted.items():
            print(f"  {name:<30} {number:>12,.0f}", flush=True)
        self._results.instructions = counted
        self._keep("instructions")

    def system_calls(self) -> None:
        """Count system calls."""
        if missing := system_calls.missing():
            print(f"system-calls: not counted: {missing}", file=sys.stderr)
            return
        for program in self._here(ON_DISK):
            try:
                counted = system_calls.count(program)
            except Refused as error:
                self._complain(program, str(error))
                continue
            print(f"{program.name}: system calls a message, {sum(counted.values()):.1f} in all")
            for name in system_calls.often([counted]):
                print(f"  {name:<30} {counted[name]:>8.2f}", flush=True)
            self._results.system_calls[program.name] = counted
        self._keep("system-calls")

    def log_line(self) -> None:
        """Measure the line that the log has for each message."""
        print("A line of the log, in memory and without a reactor:")
        for name, seconds in log_line.costs(20 * self._rounds).items():
            print(f"  {name:<13} {seconds * 1e6:.1f} µs", flush=True)

    def _here(self, programs: Sequence[Program]) -> list[Program]:
        """Those that are asked for, in that order, and installed; the others are named."""
        by_name = {each.name: each for each in programs}
        asked = [by_name[name] for name in self._programs or by_name if name in by_name]
        for program in asked:
            if missing := program.missing():
                self._complain(program, missing)
        return [each for each in asked if not each.missing()]

    def _complain(self, program: Program, reason: str) -> None:
        print(f"{program.name}: {reason}", file=sys.stderr)
        self._unable[program.name] = reason

    def _keep(self, name: str) -> None:
        self._results.unable[name], self._unable = self._unable, {}
        self._results.said[name] = self._said
        if self._record:
            from benchmarks import document, plots  # which need matplotlib

            self._results.save()
            document.write(self._results)
            plots.draw(self._results)
