"""
What workers are worth: throughput and CPU of C{twistd smtpx --workers N}, on all cores, which the load shares.

    python -m benchmarks.workers [--workers 1,2] [--rounds 5] [--messages 6000]

One process and several run in turn.  Throughput is by the clock, so the machine must have nothing else to do; where
that cannot be had, C{chrt --rr 1} comes near.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.build import compile_tools
from benchmarks.process import CORES
from benchmarks.program import Program
from benchmarks.server import Server, serving
from benchmarks.servers import smtpx

LOADS = {
    "4 KB messages, 16 connections kept": ("--connections 16", 1),
    "1 KB messages, a connection each": ("--connections 16 --size 1024 --per-connection 1", 1),
    "100 pipelined recipients, 16 connections": ("--connections 16 --size 512 --pipeline envelope --recipients 100", 4),
}
"""What the load generator is told, and by how much its messages are fewer."""


@contextlib.contextmanager
def served(workers: int, backend: str) -> Iterator[Server]:
    """A server with so many processes."""
    program = Program("txsmtpx", smtpx("--backend", backend, "--workers", str(workers)), str, str)
    with tempfile.TemporaryDirectory() as directory, serving(program, Path(directory), cores=CORES) as server:
        if workers > 1:
            server.process.until(lambda: server.process.log.count(" is ready") == workers)
        yield server


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers")
    parser.add_argument("--workers", type=lambda text: [int(each) for each in text.split(",")], default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=6000)
    parser.add_argument("--backend", default="log")
    arguments = parser.parse_args()
    compile_tools()
    for load, (options, fewer) in LOADS.items():
        messages = arguments.messages // fewer
        rates: dict[int, list[float]] = {number: [] for number in arguments.workers}
        costs: dict[int, list[float]] = {number: [] for number in arguments.workers}
        for _ in range(arguments.rounds):
            for number in arguments.workers:
                with served(number, arguments.backend) as server:
                    server.take(options, messages // 10, CORES)  # warm
                    counted = server.take(options, messages, CORES)
                rates[number].append(messages / counted["seconds"])
                costs[number].append(counted["server"] / messages * 1e6)
        first = arguments.workers[0]
        print(load)
        for number in arguments.workers:
            rate, cost = median(rates[number]), median(costs[number])
            print(
                f"  {number} workers: {rate:8.0f} messages a second"
                f" ({min(rates[number]):.0f} to {max(rates[number]):.0f}), "
                f"{rate / median(rates[first]):.2f} times; {cost:6.1f} us of CPU a message, "
                f"{cost / median(costs[first]):.2f} times",
                flush=True,
            )


if __name__ == "__main__":
    main()
