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

    @ivar title: the row of the table.
    @ivar unit: what is counted.
    @ivar load: options of the load generator.
    @ivar units: how many of them are in a message.
    @ivar first: messages for a first impression of the cost.
    @ivar tls: the kind of key, "ec" or "rsa", "" for no TLS.
    @ivar side: whose it is.
    @ivar done: what the load generator counts: "messages", or "sessions", which have none.
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

        @param seconds: of CPU to aim at.
        @raise NotOffered: it cannot do that.
        @raise Refused: it did not do that.
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
