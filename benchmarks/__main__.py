"""The command line: ``python -m benchmarks small recipients --programs txsmtpx,go-smtp --rounds 3``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial

from benchmarks import quick
from benchmarks.build import compile_tools, install
from benchmarks.cases import CASES
from benchmarks.growth import SERIES
from benchmarks.run import Run, names

STEPS: dict[str, Callable[[Run], None]] = {
    **{each.name: partial(Run.case, case=each) for each in CASES},
    **{f"growth-{each.name}": partial(Run.series, series=each) for each in SERIES},
    "instructions": Run.instructions,
    "system-calls": Run.system_calls,
    "log-line": Run.log_line,
}
"""What can be asked for."""


def main() -> None:
    """Measure, and print."""
    arguments = _arguments()
    if arguments.words == ["install"]:
        install()
        return
    if arguments.words == ["quick"]:
        arguments = argparse.Namespace(**{**vars(arguments), **quick.ARGUMENTS})
    if unknown := [each for each in arguments.words if each not in STEPS]:
        sys.exit(f"benchmarks: no {', '.join(unknown)} among {', '.join(STEPS)}")
    if unknown := [each for each in arguments.programs if each not in names()]:
        sys.exit(f"benchmarks: no {', '.join(unknown)} among {', '.join(names())}")
    compile_tools()
    run = Run(arguments.programs, arguments.baseline, arguments.rounds, arguments.seconds, arguments.record)
    for word in arguments.words or STEPS:
        STEPS[word](run)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="CPU of mail programs at the same work.")
    parser.add_argument(
        "words", nargs="*", metavar="WHAT", help=f"of {', '.join(STEPS)} [all]; quick for some; install for the peers"
    )
    parser.add_argument(
        "--programs", type=lambda text: text.split(","), default=[], help=f"of {', '.join(names())} [all]"
    )
    parser.add_argument("--baseline", help="the program that is 1 [the first of them]")
    parser.add_argument("--rounds", type=int, default=5, help="[5]")
    parser.add_argument("--seconds", type=float, default=0.5, help="CPU of a program in a round, about [0.5]")
    parser.add_argument("--record", action="store_true", help="write docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
