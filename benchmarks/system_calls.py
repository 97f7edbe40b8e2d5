"""How many system calls a server makes for a message that it writes to the disk, counted by strace."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Sequence

from benchmarks.disk import new_directory, taken
from benchmarks.packages import needs_program
from benchmarks.process import CORES
from benchmarks.program import Program
from benchmarks.server import serving

LOAD = "--connections 10"
MESSAGES = 1000

_ROW = re.compile(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", re.MULTILINE)


def missing() -> str:
    """What is missing to count them, "" if nothing."""
    return needs_program("strace", "strace")()


def count(program: Program) -> dict[str, float]:
    """
    Let a server take messages of ten connections, and count.

    Returns:
        The name of each system call, to how often it is made for a message.

    Raises:
        Refused: The server did not take them.
    """
    directory = new_directory()
    with serving(program, directory, cores=CORES) as server:
        load = f"{program.load} {LOAD}"
        taken(server, load, 100)
        counted = directory / "system-calls"
        pids = [f"--attach={pid}" for pid in server.process.pids]
        strace = subprocess.Popen(
            ["strace", "-f", "-c", "-o", counted, *pids], stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            _attached(strace, len(pids))
            taken(server, load, MESSAGES)
        finally:
            os.killpg(strace.pid, signal.SIGINT)
            strace.communicate()
        return {name: int(calls) / MESSAGES for calls, name in _ROW.findall(counted.read_text()) if name != "total"}


def _attached(strace: subprocess.Popen[str], processes: int) -> None:
    assert strace.stderr is not None
    for _ in range(processes):
        strace.stderr.readline()


def often(counts: Sequence[dict[str, float]], least: float = 0.1) -> list[str]:
    """The names of those that a server makes so often for a message, and of those that wait for the disk."""
    names = {name for each in counts for name, calls in each.items() if calls >= least or "sync" in name}
    return sorted(names, key=lambda name: -max(each.get(name, 0) for each in counts))
