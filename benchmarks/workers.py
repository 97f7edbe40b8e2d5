"""What more workers bring: they share all cores with the load generator, as the processes of a machine do."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.cost import Cost, enough
from benchmarks.process import CORES
from benchmarks.program import Program, Refused
from benchmarks.server import Server, serving


@dataclass(frozen=True)
class Workers:
    """
    Time, or CPU, of a server with all cores.

    Attributes:
        title: The row of the table.
        load: Options of the load generator.
        units: How many of what is counted are in a message.
        first: Messages for a first impression.
    """

    name: str
    title: str
    unit: str
    measured: Literal["time", "CPU"]
    load: str = ""
    units: float = 1
    first: int = 500

    side = "workers"

    def measure(self, program: Program, seconds: float) -> Cost:
        """
        Start the server, warm it up, measure it.

        Args:
            seconds: To aim at.

        Raises:
            Refused: It did not do that.
        """
        with tempfile.TemporaryDirectory() as directory, serving(program, Path(directory), cores=CORES) as server:
            first = self._take(server, self.first)
            return self._take(server, enough(first, 2 * seconds)).each(self.units)

    def _take(self, server: Server, messages: int) -> Cost:
        counted = server.take(self.load, messages, CORES)
        if counted["messages"] != messages:
            raise Refused(f"of {messages} messages it took {counted['messages']}")
        amount = counted["seconds" if self.measured == "time" else "server"]
        return Cost(amount, counted["seconds"], counted["cpu"]).each(messages)
