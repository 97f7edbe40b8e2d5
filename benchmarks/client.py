"""A client under measure, and the sink that takes its messages."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.build import SINK
from benchmarks.process import MEASURED, MEASURING, Running, running
from benchmarks.program import Program, Refused

Send = Callable[[int], float]
"""Sends the message so many times; seconds of CPU that it took."""


class Client:
    """
    A client with its sink.

    Attributes:
        send: See `Send`.
    """

    def __init__(self, send: Send, sink: Running) -> None:
        self._send = send
        self._sink = sink

    def send(self, messages: int, recipients: int, size: int) -> float:
        """
        Send the message so many times.

        Args:
            recipients: Of each.
            size: Octets of each.

        Returns:
            Seconds of CPU.

        Raises:
            Refused: It failed, or less has arrived.
        """
        cpu = self._send(messages)
        counted = json.loads(self._sink.order("count"))
        if (counted["messages"], counted["recipients"]) != (messages, messages * recipients):
            raise Refused(f"of {messages} messages arrived: {counted}")
        if counted["octets"] < messages * size:
            raise Refused(f"of {messages * size} octets arrived {counted['octets']}")
        return cpu


@contextlib.contextmanager
def sending(program: Program, directory: Path, message: Path, recipients: int, options: str) -> Iterator[Client]:
    """
    Run a client, and a sink for it, as long as the context lasts.

    Args:
        options: Of the sink.
    """
    with running([SINK, *options.split()], MEASURING, directory) as sink:
        command = program.command(int(sink.line()), message, recipients)
        if program.lasting:
            with running(command, MEASURED, directory) as process:
                yield Client(lambda messages: _ordered(process, messages), sink)
        else:
            yield Client(lambda messages: _anew(command, directory, messages), sink)


def _ordered(process: Running, messages: int) -> float:
    before = process.cpu
    process.order(str(messages))
    return process.cpu - before


def _anew(command: list[str], directory: Path, messages: int) -> float:
    """What it takes to start counts too."""
    with running([word.format(messages=messages) for word in command], MEASURED, directory, quiet=True) as process:
        _, status, usage = os.wait4(process.process.pid, 0)
        process.process.returncode = os.waitstatus_to_exitcode(status)
        if process.process.returncode:
            raise Refused(f"has failed: {process.log}")
    return usage.ru_utime + usage.ru_stime
