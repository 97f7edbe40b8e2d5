"""What it costs a client to send messages."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.client import Client, sending
from benchmarks.content import content
from benchmarks.cost import Cost, enough
from benchmarks.program import Program


@dataclass(frozen=True)
class Sent:
    """
    CPU of a client.

    Attributes:
        title: The row of the table.
        unit: What is counted.
        size: Octets a message.
        body: Its kind, see `content`.
        recipients: Of a message.
        units: How many of what is counted are in a message.
        first: Messages for a first impression of the cost.
        sink: Options of the sink.
    """

    name: str
    title: str
    unit: str
    size: int = 4096
    body: str = "wrapped"
    recipients: int = 1
    units: float = 1
    first: int = 100
    sink: str = ""

    side = "client"
    measured = "CPU"

    def measure(self, program: Program, seconds: float) -> Cost:
        """
        Start the client, warm it up, measure it.

        Args:
            seconds: Of CPU to aim at.

        Raises:
            Refused: It did not do that.
        """
        with tempfile.TemporaryDirectory() as directory:
            message = Path(directory, "message")
            message.write_bytes(content(self.body, self.size))
            with sending(program, Path(directory), message, self.recipients, self.sink) as client:
                first = self._send(client, self.first)
                second = self._send(client, enough(first, seconds / 4))
                return self._send(client, enough(second, seconds)).each(self.units)

    def _send(self, client: Client, messages: int) -> Cost:
        start = time.monotonic()
        cpu = client.send(messages, self.recipients, self.size)
        return Cost(cpu, time.monotonic() - start, 0).each(messages)
