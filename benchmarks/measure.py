"""A case, a program, a number: seconds of the server's CPU for a unit of work."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cases import Case
from benchmarks.process import NotOffered, Refused, Running, free_port, load, serving
from benchmarks.programs import Program


@dataclass(frozen=True)
class Sample:
    """
    @ivar cpu: seconds of the server's CPU a unit.
    @ivar wall: seconds by the clock a unit.
    @ivar load: of the time by the clock, the share in which the load generator was busy.
    """

    case: str
    program: str
    round: int
    cpu: float
    wall: float
    load: float


def measure(case: Case, program: Program, number: int, seconds: float) -> Sample:
    """
    Start the server, warm it up, measure it.

    @param number: of the round.
    @param seconds: of CPU to aim at.
    @raise NotOffered: it cannot do that.
    @raise Refused: it did not do that.
    """
    if case.tls and not program.tls:
        raise NotOffered(f"{program.name} has no TLS")
    with tempfile.TemporaryDirectory() as directory:
        port, pem = free_port(), None
        with serving(program.command(port, pem), port, Path(directory, "log"), bool(case.tls)) as server:
            cost = _run(case, server, port, case.first)[0] / case.first
            cost = _run(case, server, port, count := _enough(cost, seconds / 4))[0] / count
            cpu, wall, busy = _run(case, server, port, count := _enough(cost, seconds))
    units = count * case.units
    return Sample(case.name, program.name, number, cpu / units, wall / units, busy / wall)


def _enough(cost: float, seconds: float) -> int:
    return max(1, round(seconds / max(cost, 1e-6)))


def _run(case: Case, server: Running, port: int, messages: int) -> tuple[float, float, float]:
    before = server.cpu
    counted = load(port, case.load, messages)
    if counted["messages"] != messages:
        raise Refused(f"{counted['messages']} messages of {messages}")
    return server.cpu - before, counted["seconds"], counted["cpu"]


def in_turn(
    cases: Sequence[Case], programs: Sequence[Program], rounds: int, seconds: float, complain: Callable[[str], None]
) -> Iterator[Sample]:
    """
    Every program once, then again, so that what else goes on on the machine hits them all.

    @param complain: is told of those that cannot.
    """
    for case in cases:
        able = list(programs)
        for number in range(rounds):
            for program in list(able):
                try:
                    yield measure(case, program, number, seconds)
                except (NotOffered, Refused, TimeoutError) as error:
                    complain(f"{case.name}: {program.name}: {error}")
                    able.remove(program)
