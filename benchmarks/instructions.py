"""
Instructions that a command takes: a number that does not wobble, so that a change that costs shows.

``callgrind`` of Valgrind counts them, between the calls of a function of the C library that nobody else calls.
They are those of one Python, one Twisted and one C library: compare them only on the same machine.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.drive import CONNECTIONS, names
from benchmarks.packages import needs_program

missing = needs_program("valgrind", "valgrind")
"""Why they cannot be counted, "" if they can."""

MARK = "getppid"

ROOT = Path(__file__).parents[1]


def count() -> Iterator[tuple[str, float]]:
    """
    Count.

    Returns:
        What was done, and how many instructions it took, once.

    Raises:
        subprocess.CalledProcessError: The drive failed.
    """
    with tempfile.TemporaryDirectory() as directory:
        _run(Path(directory))
        dumps = sorted(Path(directory).glob("count.*"), key=lambda path: int(path.suffix[1:]))
        # The first is from the start to the first mark, and the last but one lies between the server and the client.
        counted = [_total(dump) for dump in dumps][1:]
        del counted[-2]
        for name, instructions in zip(names(), counted, strict=True):
            yield name, instructions / CONNECTIONS


def _run(directory: Path) -> None:
    valgrind = [
        "valgrind",
        "--tool=callgrind",
        "--quiet",
        f"--dump-before={MARK}",
        f"--callgrind-out-file={directory}/count",
    ]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)}
    subprocess.run([*valgrind, sys.executable, "-m", "benchmarks.drive"], cwd=ROOT, env=environment, check=True)


def _total(dump: Path) -> int:
    found = re.search(r"^(?:totals|summary): (\d+)", dump.read_text(), re.MULTILINE)
    assert found is not None, dump
    return int(found[1])
