"""What it costs a server to take messages that it writes to the disk before it accepts them."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from benchmarks.cost import Cost, enough
from benchmarks.packages import BUILD
from benchmarks.process import CORES
from benchmarks.program import Program, Refused
from benchmarks.server import Server, serving


@dataclass(frozen=True)
class OnDisk:
    """
    Time, or CPU, of a server with all cores, and with the disk that the clone is on.

    Attributes:
        title: The row of the table.
        connections: At a time.
    """

    name: str
    title: str
    measured: Literal["time", "CPU"]
    connections: int

    unit = "message"
    side = "disk"

    def measure(self, program: Program, seconds: float) -> Cost:
        """
        Start the server, warm it up, measure it.

        Args:
            seconds: By the clock, to aim at.

        Raises:
            Refused: It did not do that.
        """
        with serving(program, new_directory(), cores=CORES) as server:
            load = f"{program.load} --connections {self.connections}"
            first = taken(server, load, 10 * self.connections)
            last = taken(server, load, max(2 * self.connections, enough(Cost(first.wall, first.wall, 0), 4 * seconds)))
            return Cost(last.wall, last.wall, last.load) if self.measured == "time" else last


def taken(server: Server, load: str, messages: int) -> Cost:
    """
    Let a server take messages.

    Returns:
        The cost of one.

    Raises:
        Refused: It did not take them all.
    """
    counted = server.take(load, messages, CORES)
    if counted["messages"] != messages:
        raise Refused(f"of {messages} messages it took {counted['messages']}")
    return Cost(counted["server"], counted["seconds"], counted["cpu"]).each(messages)


def new_directory() -> Path:
    """
    A directory on the disk that any user may enter.

    It is removed at the end of the run, not before: ext4 passes over each inode that was freed within the last minute,
    and so takes longer to create a file than anything else takes.
    """
    directory = Path(tempfile.mkdtemp(dir=_room()))
    directory.chmod(0o755)
    return directory


@cache
def _room() -> Path:
    BUILD.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(dir=BUILD, prefix="disk-"))
    room.chmod(0o755)
    atexit.register(shutil.rmtree, room, ignore_errors=True)
    with contextlib.suppress(OSError):
        # The directories of ext4 are spread over the disk, as those of users are: none is in the way of another.
        subprocess.run(["chattr", "+T", room], capture_output=True, check=False)
    return room
