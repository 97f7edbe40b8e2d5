"""
Mutants of grammar and dialog: runs mutmut, and says which of them live that nobody has accounted for.

``python -m tests.hunt.mutants [NAME ...]`` runs those whose name fits, or all; ``--verdict`` runs none and looks at
what the last runs have left.  ``survivors.txt`` beside this file accounts for those that may live.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SURVIVORS = Path(__file__).with_name("survivors.txt")
RESULTS = ROOT / "mutants"

LIVES = {0: "lives", 5: "was met by no test", 33: "was met by no test", None: "was not run"}
"""Exit statuses that are no kill."""

ENDS: dict[int | None, str] = {37: "killed by types", **dict.fromkeys((-24, 24, 152, 255), "timed out")}
"""Exit statuses of kills, but for those by a test that fails."""


def main(words: list[str]) -> int:
    """
    Run, and judge.

    Returns:
        1 where a mutant lives that is not accounted for.
    """
    if words != ["--verdict"]:
        subprocess.run([sys.executable, "-m", "mutmut", "run", *words], cwd=ROOT, check=True)
        words = words or ["txsmtpx.*"]
    return judge(accounted_for(SURVIVORS.read_text(encoding="utf-8")), dict(results()))


def results() -> Iterator[tuple[str, int | None]]:
    """
    Each mutant, and the exit status of its tests; None where they did not run.

    Of a file that a run is writing just now, or was when it was stopped, nothing is known yet: that is said, and it
    stands for a mutant that did not run.
    """
    for meta in sorted(RESULTS.glob("txsmtpx/**/*.meta")):
        try:
            found = json.loads(meta.read_text(encoding="utf-8"))
        except json.JSONDecodeError:
            print(f"is half written, so left out: {meta}")
            found = {"exit_code_by_key": {meta.name: None}}
        yield from found["exit_code_by_key"].items()


def accounted_for(text: str) -> list[str]:
    """The lines that describe a mutant; the others say why it may live."""
    return [line.strip() for line in text.splitlines() if line.startswith("    ")]


def judge(known: Iterable[str], ran: dict[str, int | None]) -> int:
    """Say what lives and should not, and what is listed and does not."""
    counts: Counter[str] = Counter()
    listed = Counter(known)  # a line that stands twice in its function is listed twice, if both may live
    unknown = []
    for name, status in ran.items():
        if status not in LIVES:
            counts[ENDS.get(status, "killed")] += 1
        elif status is None:
            counts["not run"] += 1
        elif listed[mutant := described(name)] > 0:
            listed[mutant] -= 1
            counts["accounted for"] += 1
        else:
            counts[LIVES[status]] += 1
            unknown.append(f"{LIVES[status]}: {name}\n    {mutant}")
    print("\n".join([*unknown, "", ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))]))
    if not counts["not run"]:
        for mutant in sorted(listed.elements()):
            print(f"is listed and does not live: {mutant}")
    return 1 if unknown else 0


def described(name: str) -> str:
    """A mutant by its function and its line, which stay when others come and go."""
    shown = subprocess.run(
        [sys.executable, "-m", "mutmut", "show", name], cwd=ROOT, check=True, capture_output=True, text=True
    )
    lines = [line[1:].strip() for line in shown.stdout.splitlines() if re.match(r"\+(?!\+\+ )", line)]
    module, _, function = name.rpartition("__mutmut_")[0].rpartition(".")
    function = function.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    return f"{module.removeprefix('txsmtpx.')}.{function} | {' '.join(lines)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
