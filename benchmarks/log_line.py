"""
CPU of the line that the log has for each message: ``python -m benchmarks log-line``.

One server in memory takes messages without a log, another one with a log as text, and a third with a log as JSON, in
turn.  What a message costs more with a log is the cost of its line: the summary, the format, and the write in batches.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from statistics import median

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import Logger

from txsmtpx import SMTPServerFactory
from txsmtpx.backends.plugins import backend_named
from txsmtpx.observers.json_format import JSONFormat
from txsmtpx.observers.log_writer import DELAY, LogForm, LogWriter
from txsmtpx.observers.text_format import TextFormat
from txsmtpx.observers.transaction_log import TransactionLog
from txsmtpx.wire.server import SMTPServer

FORMS: tuple[type[LogForm], ...] = (TextFormat, JSONFormat)

MESSAGES = 500
"""In each of the rounds; as many as a busy server takes within the delay of the log."""

MESSAGE = (
    b"MAIL FROM:<sender@example.org>\r\nRCPT TO:<recipient@example.net>\r\nDATA\r\n",
    b"Subject: a line in the log\r\n\r\nhello\r\n.\r\n",
)


def costs(rounds: int) -> Mapping[str, float]:
    """
    Measure the line in each form.

    Args:
        rounds: How often each server takes its messages.

    Returns:
        Seconds of CPU for a line, by the name of its form: the median over the rounds.
    """
    with open(os.devnull, "w") as quiet:
        without = _Served(None, quiet)
        served = {each.__name__: _Served(each(), quiet) for each in FORMS}
        more: dict[str, list[float]] = {name: [] for name in served}
        for _ in range(rounds + 2):
            least = without.take()
            for name, each in served.items():
                more[name].append(each.take() - least)
    return {name: median(each[2:]) for name, each in more.items()}


class _Served:
    """A server in memory, with one client."""

    def __init__(self, form: LogForm | None, out: object) -> None:
        self._clock = Clock()
        observers = []
        if form is not None:
            writer = LogWriter(out, form)  # type: ignore[arg-type]  # a file
            writer.begin(self._clock)
            observers.append(TransactionLog(logger=Logger("benchmarks", observer=writer)))
        factory = SMTPServerFactory(backend_named("null"), observers=observers, reactor=self._clock)
        self._server: SMTPServer = factory.buildProtocol(None)
        self._transport = StringTransport()
        self._server.makeConnection(self._transport)  # type: ignore[no-untyped-call]
        self._server.dataReceived(b"EHLO client.example.org\r\n")

    def take(self) -> float:
        """Take the messages of a round, and return the CPU of one."""
        start = time.process_time()
        for _ in range(MESSAGES):
            for octets in MESSAGE:
                self._server.dataReceived(octets)
        self._clock.advance(DELAY)
        cost = (time.process_time() - start) / MESSAGES
        assert self._transport.value().count(b"250 2.0.0 Ok: queued") == MESSAGES
        self._transport.clear()
        return cost
