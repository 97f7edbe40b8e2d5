"""What the numbers should be.  One more goal is one entry of `GOALS`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from benchmarks.report import ratios
from benchmarks.results import Results

LARGE = ("body", "prose", "dots")
PIPELINED = ("envelope", "messages", "recipients")
SERVED = ("small", "connections", *PIPELINED, *LARGE, "tls-small", "tls-body")
SENT = ("client-small", "client-recipients", "client-body", "client-prose")


@dataclass(frozen=True)
class Goal:
    """
    Attributes:
        cases: In each of these,
        other: Of what this program needs,
        share: We need at most so much.
    """

    cases: tuple[str, ...]
    other: str
    share: float


GOALS: tuple[Goal, ...] = (
    Goal((*LARGE, *PIPELINED, "tls-body", "idle", "tls-idle"), "go-smtp", 1.0),
    Goal(("small",), "go-smtp", 1.3),
    Goal(SENT, "go-smtp", 1.0),
    Goal(("disk-1", "disk-10", "disk-40"), "Dovecot LMTP", 1 / 3),
    Goal((*SERVED, "idle"), "aiosmtpd", 1 / 3),
    Goal((*SERVED,), "twisted.mail", 0.5),
    Goal(SENT, "aiosmtplib", 1 / 3),
    Goal(SENT, "twisted.mail", 0.5),
)


OURS = ("txsmtpx", "txsmtpx-null", "txsmtpx-epoll")
"""Ours, as a server; as a client there is but the first."""


@dataclass(frozen=True)
class Outcome:
    """
    What became of a goal in one case.

    Attributes:
        shares: Each of ours that was measured, to its share.
    """

    goal: Goal
    case: str
    shares: dict[str, float]


def outcomes(results: Results) -> Iterator[Outcome]:
    """Every goal in every case of it that it has been measured at."""
    for goal in GOALS:
        for case in goal.cases:
            found = {name: ratios(results.cases.get(case, []), name, goal.other) for name in OURS}
            shares = {name: median(each) for name, each in found.items() if each}
            if shares:
                yield Outcome(goal, case, shares)
