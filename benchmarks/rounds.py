"""Cases and programs, in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmarks.cost import Cost
from benchmarks.program import NotOffered, Program, Refused


class Case(Protocol):
    """What is measured."""

    @property
    def name(self) -> str:
        """On the command line."""

    @property
    def title(self) -> str:
        """The row of the table."""

    @property
    def unit(self) -> str:
        """What the cost is of."""

    @property
    def side(self) -> str:
        """Whose it is: "server" or "client"."""

    @property
    def measured(self) -> str:
        """What it is: "CPU" or "memory"."""

    def measure(self, program: Program, seconds: float) -> Cost:
        """
        Once, from the start of the program to its end.

        Args:
            seconds: Of CPU to aim at.
        """


@dataclass(frozen=True)
class Sample:
    """One measurement."""

    case: str
    program: str
    round: int
    cost: Cost


def in_turn(
    case: Case, programs: Sequence[Program], rounds: int, seconds: float, complain: Callable[[Program, str], None]
) -> Iterator[Sample]:
    """
    Every program once, then again, so that what else goes on on the machine hits them all.

    Args:
        complain: Is told of those that cannot, which are asked no more.
    """
    able = list(programs)
    for number in range(rounds):
        for program in list(able):
            try:
                yield Sample(case.name, program.name, number, case.measure(program, seconds))
            except (NotOffered, Refused) as error:
                complain(program, str(error))
                able.remove(program)
