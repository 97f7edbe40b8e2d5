"""What memory a server needs for a connection on which nothing happens."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.cost import Cost
from benchmarks.program import Program
from benchmarks.server import serving


@dataclass(frozen=True)
class Idle:
    """
    Memory of a server: the difference that so many connections make which have said EHLO.

    Attributes:
        title: The row of the table.
        tls: The kind of key, "ec" or "rsa", "" for no TLS.
        connections: That make the difference.
        before: So many are there before, so that what is made but once is made.
    """

    name: str
    title: str
    tls: str = ""
    connections: int = 1000
    before: int = 300

    unit = "connection"
    side = "server"
    measured = "memory"

    def measure(self, program: Program, seconds: float) -> Cost:
        """
        Start the server, and look at its memory before and after.

        Args:
            seconds: Of no interest.

        Raises:
            NotOffered: It cannot do that.
            Refused: It did not do that.
        """
        with tempfile.TemporaryDirectory() as name, serving(program, Path(name), self.tls) as server:
            more = partial(server.held, directory=Path(name))
            tls = "--tls" if self.tls else ""
            with more(f"{tls} --connections {self.before}"):
                before = server.process.memory
                with more(f"{tls} --connections {self.connections}"):
                    return Cost(server.process.memory - before, 0, 0).each(self.connections)
