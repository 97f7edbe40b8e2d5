"""
The server under siege, and what it costs: memory, descriptors, processor time, as the kernel counts them.

In the short form it is forked from a process that has imported it; the figures of ``make siege`` are of one by itself.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from tests.siege.scale import FULL
from tests.waiting import eventually
from tests.wire.twistd import LOCAL, Twistd

KIB, MIB = 1024, 1024 * 1024

ROOT = Path(__file__).parents[2]
"""From where it can import backends of the tests."""


class Besieged(Twistd):
    """``twistd -n smtpx`` on any port of the loopback interface."""

    def __init__(self, directory: Path, *options: str, files: int = 0, port: str = LOCAL) -> None:
        """
        Args:
            files: How many descriptors it may have, 0 for as many as we may.
        """
        wrapper = ["prlimit", f"--nofile={files}:{files}"] if files else []
        forked = not wrapper and not FULL
        more = {"PYTHONPATH": str(ROOT)}
        super().__init__(directory, "--port", port, *options, extra=more, wrapper=wrapper, forked=forked)

    @property
    def resident(self) -> int:
        """Octets of memory that it has now."""
        status = self._proc("status").read_text()
        return int(re.search(r"VmRSS:\s*(\d+) kB", status)[1]) * KIB

    @property
    def descriptors(self) -> int:
        """How many it has open."""
        return len(os.listdir(self._proc("fd")))

    @property
    def processor(self) -> float:
        """Seconds of processor time that it has used so far."""
        fields = self._proc("stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def busy(self, seconds: float) -> float:
        """The part of a processor that it uses in the next ``seconds``."""
        before, began = self.processor, time.monotonic()
        time.sleep(seconds)
        return (self.processor - before) / (time.monotonic() - began)

    def within(self, seconds: float, true: Callable[[], object]) -> bool:
        """Whether something becomes ``true`` in time."""
        with contextlib.suppress(TimeoutError):
            eventually(lambda: true() or self.process.poll() is not None, seconds=seconds)
            return self.process.poll() is None
        return False

    def _proc(self, name: str) -> Path:
        return Path(f"/proc/{self.process.pid}/{name}")
