"""What it costs a server to take messages."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cost import Cost, enough
from benchmarks.program import Program, Refused
from benchmarks.server import Server, serving


@dataclass(frozen=True)
class Received:
    """
    CPU of a server.

    Attributes:
        title: The row of the table.
        unit: What is counted.
        load: Options of the load generator.
        units: How many of them are in a message.
        first: Messages for a first impression of the cost.
        tls: The kind of key, "ec" or "rsa", "" for no TLS.
        side: Whose it is.
        done: What the load generator counts: "messages", or "sessions", which have none.
    """

    name: str
    title: str
    unit: str
    load: str = ""
    units: float = 1
    first: int = 200
    tls: str = ""
    done: str = "messages"
    side: str = "server"

    measured = "CPU"

    def measure(self, program: Program, seconds: float) -> Cost:
        """
        Start the server, warm it up, measure it.

        Args:
            seconds: Of CPU to aim at.

        Raises:
            NotOffered: It cannot do that.
            Refused: It did not do that.
        """
        with tempfile.TemporaryDirectory() as directory, serving(program, Path(directory), self.tls) as server:
            first = self._take(server, self.first)
            second = self._take(server, enough(first, seconds / 4))
            return self._take(server, enough(second, seconds)).each(self.units)

    def _take(self, server: Server, messages: int) -> Cost:
        counted = server.take(self.load, messages)
        if counted[self.done] != messages:
            raise Refused(f"of {messages} {self.done} it took {counted[self.done]}")
        return Cost(counted["server"], counted["seconds"], counted["cpu"]).each(messages)
