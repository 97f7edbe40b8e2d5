"""What was measured, kept between runs, so that one case can be measured again."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.cost import Cost
from benchmarks.growth import Point
from benchmarks.packages import BUILD, module
from benchmarks.rounds import Sample

KEPT = BUILD / "results.json"


@dataclass
class Results:
    """
    Everything measured.

    Attributes:
        cases: The name of a case to its samples.
        unable: The name of a case to the programs that cannot, and why.
        growth: The name of a series to its points.
        instructions: What was done, to how many it took.
        system_calls: A program to the name of each system call, and how often it makes it for a message.
        said: The name of what can be asked for to where, when and how it was measured.
    """

    cases: dict[str, list[Sample]] = field(default_factory=dict)
    unable: dict[str, dict[str, str]] = field(default_factory=dict)
    growth: dict[str, list[Point]] = field(default_factory=dict)
    instructions: dict[str, float] = field(default_factory=dict)
    system_calls: dict[str, dict[str, float]] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    def save(self) -> None:
        """Keep them."""
        KEPT.write_text(json.dumps(asdict(self), indent=1))


def kept() -> Results:
    """Those of the runs before."""
    if not KEPT.exists():
        return Results()
    read: dict[str, Any] = json.loads(KEPT.read_text())
    read["cases"] = {name: [_sample(each) for each in samples] for name, samples in read["cases"].items()}
    read["growth"] = {name: [Point(**each) for each in points] for name, points in read["growth"].items()}
    return Results(**read)


def _sample(read: dict[str, Any]) -> Sample:
    return Sample(**{**read, "cost": Cost(**read["cost"])})


def circumstances(command: str) -> str:
    """The command, the day, the commit and the machine, as text without a full stop."""
    today = datetime.datetime.now(datetime.UTC).date()
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    software = f"Linux {platform.release()}, Python {platform.python_version()}, {module('twisted')}"
    cores = f"{len(os.sched_getaffinity(0))} cores of {names[0] if names else platform.machine()}"
    return f"`{command}` on {today} at commit {_commit()}. Machine: {cores}, {software}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def _commit() -> str:
    """With a mark where the code is another; the page, which is being written, is no code."""
    found = _git("describe", "--always") or "unknown"
    return f"{found} (changed)" if _git("diff", "HEAD", "--name-only", "--", "txsmtpx", "benchmarks") else found


def _git(*words: str) -> str:
    run = subprocess.run(["git", *words], cwd=KEPT.parents[2], capture_output=True, text=True, check=False)
    return run.stdout.strip()
