"""The command line: C{python -m benchmarks small recipients --programs txsmtpx,go-smtp --rounds 3}."""

from __future__ import annotations

import argparse
import sys

from benchmarks.build import GO_SERVER, PEERS, compile_go, compile_load, install_node
from benchmarks.cases import CASES
from benchmarks.measure import in_turn
from benchmarks.programs import PROGRAMS
from benchmarks.report import table


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="CPU of mail servers at the same work.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(each.name for each in CASES)} [all]")
    parser.add_argument("--programs", help=f"of {','.join(each.name for each in PROGRAMS)} [all]")
    parser.add_argument("--baseline", help="the program that is 1 [the first of them]")
    parser.add_argument("--rounds", type=int, default=5, help="[5]")
    parser.add_argument("--seconds", type=float, default=0.5, help="CPU of a program in a round, about [0.5]")
    arguments = parser.parse_args()
    if arguments.cases == ["install"]:
        compile_go(PEERS / "go_smtp_server", GO_SERVER)
        install_node("smtp-server", "nodemailer")
        return
    compile_load()
    cases = _named(CASES, arguments.cases)
    programs = []
    for program in _named(PROGRAMS, arguments.programs.split(",") if arguments.programs else []):
        if missing := program.missing():
            complain(f"{program.name}: {missing}")
        else:
            programs.append(program)
    baseline = arguments.baseline or programs[0].name
    for case in cases:
        samples = list(in_turn([case], programs, arguments.rounds, arguments.seconds, complain))
        print("\n".join(table(case, samples, baseline)), flush=True)


def complain(text: str) -> None:
    """Say what cannot be measured."""
    print(text, file=sys.stderr)


def _named(known, names):
    """Those with these names, in this order; all, where there are none."""
    by_name = {each.name: each for each in known}
    if unknown := set(names) - set(by_name):
        sys.exit(f"benchmarks: no {', '.join(sorted(unknown))} among {', '.join(by_name)}")
    return [by_name[each] for each in names or by_name]


if __name__ == "__main__":
    main()
