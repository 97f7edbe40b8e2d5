"""Programs that run beside this one: each pinned to a core, and what it has used of it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from benchmarks.program import Refused

CORES = sorted(os.sched_getaffinity(0))

MEASURED = CORES[:1]
"""Where the program under measure runs."""
MEASURING = CORES[-1:]
"""Where its counterpart runs."""

PATIENCE = 20.0
"""Seconds for a program to begin, or to end."""


class Running:
    """
    A program that runs.

    Attributes:
        process: The process that leads it.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        """The last of what it has said on its standard error."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])

    @property
    def pids(self) -> list[int]:
        """It and all its descendants."""
        found = [self.process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, task.read_text().split())
        return found

    @property
    def cpu(self) -> float:
        """Seconds of CPU that they have used; by their clocks, since /proc counts in hundredths."""
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self.pids)  # as clock_getcpuclockid(3) makes it

    @property
    def memory(self) -> int:
        """Octets that are theirs: what they share with others is divided by how many share it (PSS)."""
        return sum(_pss(Path(f"/proc/{pid}/smaps_rollup")) for pid in self.pids)

    @property
    def input(self) -> IO[bytes]:
        """Its standard input."""
        assert self.process.stdin is not None
        return self.process.stdin

    def line(self) -> str:
        """
        Wait for a line of its standard output.

        Raises:
            Refused: It has ended instead.
        """
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise Refused(f"has ended: {self.log}")
        return line.decode().rstrip("\n")

    def order(self, text: str) -> str:
        """Write a line to its standard input, wait for one of its standard output."""
        with contextlib.suppress(BrokenPipeError):
            self.input.write(text.encode() + b"\n")
            self.input.flush()
        return self.line()

    def until(self, ready: Callable[[], bool]) -> None:
        """
        Look again and again until it is.

        Raises:
            Refused: It never is; with what the program has said.
        """
        deadline = time.monotonic() + PATIENCE
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Refused(f"does not begin: {self.log}")
            time.sleep(0.02)


def _pss(rollup: Path) -> int:
    kilobytes = next(line for line in rollup.read_text().splitlines() if line.startswith("Pss:")).split()[1]
    return int(kilobytes) * 1024


@contextlib.contextmanager
def running(command: Sequence[Any], cores: Sequence[int], directory: Path, quiet: bool = False) -> Iterator[Running]:
    """
    Run a program as long as the context lasts.

    Args:
        directory: Where it runs, and where its standard error goes.
        quiet: What it prints goes there too, instead of to us.
    """
    log = directory / f"{Path(command[0]).name}.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=errors if quiet else subprocess.PIPE,
            stderr=errors,
            cwd=directory,
            start_new_session=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
    try:
        yield Running(process, log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(BrokenPipeError):
            process.communicate()
