"""
The figures of workers: each is asked for its own, and what is told to whoever asks is those of all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime

from txsmtpx.observers.metrics_observer import MetricsSnapshot, counters, summed

if TYPE_CHECKING:
    from txsmtpx.command.workers import Worker

PATIENCE = 2
"""Seconds a worker is given to answer; then what it told last is what counts."""


class Tally:
    """Sums them; a counter never falls, since what a worker had counted when it ended goes on counting."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._gone: MetricsSnapshot = {}

    def ask(self, workers: Iterable[Worker]) -> Deferred[MetricsSnapshot]:
        """The figures of all ``workers``, and of those that are gone."""
        everybody = list(workers)
        told = [self._ask(worker) for worker in everybody if worker.ready]

        def all_told(answers: object) -> MetricsSnapshot:
            return summed([self._gone, *(worker.figures for worker in everybody if not worker.ended)])

        return gatherResults(told).addCallback(all_told)

    def _ask(self, worker: Worker) -> Deferred[None]:
        def as_before(failure: object) -> None:
            """It does not answer in time, or has gone."""

        return worker.ask_figures().addTimeout(PATIENCE, self._clock).addErrback(as_before)

    def ended(self, worker: Worker) -> None:
        """What ``worker`` has counted stays; what it was asked last is the best that is known."""
        self._gone = summed([self._gone, counters(worker.figures)])
