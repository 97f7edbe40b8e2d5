"""The command line: C{python -m benchmarks small recipients --programs txsmtpx,go-smtp --rounds 3}."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from benchmarks import quick
from benchmarks.build import compile_tools, install
from benchmarks.cases import CASES
from benchmarks.clients import CLIENTS
from benchmarks.program import Program
from benchmarks.report import table
from benchmarks.rounds import Case, in_turn
from benchmarks.servers import SERVERS

PROGRAMS = {"server": SERVERS, "client": CLIENTS}


class Named(Protocol):
    """What has a name."""

    @property
    def name(self) -> str:
        """Its name."""


N = TypeVar("N", bound=Named)


def main() -> None:
    """Measure, and print."""
    names = dict.fromkeys(each.name for each in (*SERVERS, *CLIENTS))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="CPU of mail programs at the same work.")
    others = f"; or one of {', '.join(ACTIONS)}"
    cases = ", ".join(each.name for each in CASES)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {cases} [all]{others}")
    parser.add_argument(
        "--programs", type=lambda text: text.split(","), default=[], help=f"of {', '.join(names)} [all]"
    )
    parser.add_argument("--baseline", help="the program that is 1 [the first of them]")
    parser.add_argument("--rounds", type=int, default=5, help="[5]")
    parser.add_argument("--seconds", type=float, default=0.5, help="CPU of a program in a round, about [0.5]")
    arguments = parser.parse_args()
    if unknown := [each for each in arguments.programs if each not in names]:
        sys.exit(f"benchmarks: no {', '.join(unknown)} among {', '.join(names)}")
    if len(arguments.cases) == 1 and arguments.cases[0] in ACTIONS:
        ACTIONS[arguments.cases[0]]()
        return
    ratios(arguments.cases, arguments.programs, arguments.rounds, arguments.seconds, arguments.baseline)


def ratios(cases: Sequence[str], programs: Sequence[str], rounds: int, seconds: float, baseline: str = "") -> None:
    """A table for each case."""
    compile_tools()
    for case in _chosen(CASES, cases):
        here = able(case, programs)
        samples = list(in_turn(case, here, rounds, seconds, complain))
        print("\n".join(table(case, samples, baseline or here[0].name)), flush=True)


def bench_quick() -> None:
    """C{make bench-quick}."""
    ratios(quick.CASES, quick.PROGRAMS, quick.ROUNDS, quick.SECONDS)
    count()


def count() -> None:
    """Instructions."""
    print("\n".join(quick.counted()), flush=True)


ACTIONS: dict[str, Callable[[], None]] = {"install": install, "quick": bench_quick, "instructions": count}
"""What can be done besides."""


def able(case: Case, names: Sequence[str]) -> list[Program]:
    """The programs of these names that are here; the others are complained of."""
    here = []
    for program in _chosen(PROGRAMS[case.side], names, missing=True):
        if missing := program.missing():
            complain(f"{program.name}: {missing}")
        else:
            here.append(program)
    if not here:
        sys.exit(f"benchmarks: nothing to measure at {case.name}")
    return here


def complain(text: str) -> None:
    """Say what cannot be measured."""
    print(text, file=sys.stderr)


def _chosen(known: Iterable[N], names: Sequence[str], missing: bool = False) -> list[N]:
    """Those with these names, in this order; all, where there are none."""
    by_name = {each.name: each for each in known}
    unknown = [each for each in names if each not in by_name]
    if unknown and not missing:
        sys.exit(f"benchmarks: no {', '.join(unknown)} among {', '.join(by_name)}")
    return [by_name[each] for each in names or by_name if each in by_name]


if __name__ == "__main__":
    main()
