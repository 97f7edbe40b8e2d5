"""
The parent of workers.

It starts them, starts a new one for each that ends, passes on commands, and adds up counters.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from typing import Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IDelayedCall, IProcessTransport, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.command.worker_log import EventReceiver
from txsmtpx.observers.metrics_observer import MetricsSnapshot, counters, summed

log = Logger(__name__)

COMMANDS = 0
"""The descriptor of a worker on which it gets commands."""

STEADY = 10
"""Seconds after whose start a worker that ends is replaced at once."""

LONGEST = 60
"""
The longest delay in seconds before a worker is started again.  The first delay is 1, and each is twice the one before.
systemd with Restart=on-failure waits 100 ms each time, and gives up after five starts in ten seconds.
"""

PATIENCE = 10
"""Seconds that a worker has to end, after those for open transactions."""

FIGURES_PATIENCE = 2
"""Seconds that a worker has to report its counters.  After that, its last report counts."""


class Worker(ProcessProtocol):
    """
    One worker.

    Args:
        number: Its number.
        ended: Called with the worker and the reason when the process has ended.

    Attributes:
        number: From 1.  A worker that replaces another has its number.
        ready: True if it has reported that it listens.
        ended: True if the process has ended.
        figures: Its last report of counters.
    """

    transport: IProcessTransport

    def __init__(self, number: int, ended: Callable[[Worker, Failure], None]) -> None:
        self.number = number
        self.ready: bool = False
        self.ended: bool = False
        self.figures: MetricsSnapshot = {}
        self._rest = b""
        self._asked: list[Deferred[None]] = []
        self._ended = ended
        self._log = EventReceiver(number)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """
        Receive output of the process.

        Args:
            childFD: Its descriptor: 1 or 2 for the log, another for reports.
            data: The octets.
        """
        if childFD in (1, 2):
            self._log.received(data)
        else:
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._reported(line)

    def _reported(self, line: bytes) -> None:
        word, _, rest = line.partition(b" ")
        if word == b"figures":
            self.figures = json.loads(rest)
            self._answer()
        else:
            self.ready = True
            log.info("worker {number} is ready", number=self.number)

    def ask_figures(self) -> Deferred[None]:
        """
        Ask for a report of the counters.

        Returns:
            A Deferred that fires when `figures` is new, or when the process has ended.
        """
        asked: Deferred[None] = Deferred()
        self._asked.append(asked)
        self.command(b"figures")
        return asked

    def _answer(self) -> None:
        asked, self._asked = self._asked, []
        for each in asked:
            if not each.called:  # its time-out may have fired it
                each.callback(None)

    def processEnded(self, reason: Failure) -> None:
        """
        Note that the process has ended, after its last output.

        Args:
            reason: How it ended.
        """
        self.ended = True
        self._ended(self, reason)
        self._answer()

    def command(self, word: bytes) -> None:
        """
        Send a command.  A process that is still starting gets it when it is ready.

        Args:
            word: The name of the command.
        """
        self.transport.writeToChild(COMMANDS, word + b"\n")

    def stop(self) -> None:
        """Let the worker finish its transactions and end."""
        self.transport.closeChildFD(COMMANDS)

    def kill(self) -> None:
        """Kill the process."""
        with contextlib.suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")


class Starter(Protocol):
    """Starts the process of a worker; `txsmtpx.command.spawn.Spawn` is one."""

    def __call__(self, worker: Worker) -> object:
        """
        Start the process.

        Args:
            worker: Its protocol, which has a transport then.

        Returns:
            The process.
        """


class CounterSums:
    """
    Add up the counters of workers.  A sum never falls: the counters of a worker that has ended stay in it.

    Args:
        clock: Calls functions later.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._of_ended: MetricsSnapshot = {}

    def ask(self, workers: Iterable[Worker]) -> Deferred[MetricsSnapshot]:
        """
        Ask workers for their counters.

        Args:
            workers: All that run.

        Returns:
            A Deferred of the sums, with those of the workers that have ended.
        """
        asked = list(workers)
        reports = [self._ask(worker) for worker in asked if worker.ready]

        def reported(results: object) -> MetricsSnapshot:
            return summed([self._of_ended, *(worker.figures for worker in asked if not worker.ended)])

        return gatherResults(reports).addCallback(reported)

    def _ask(self, worker: Worker) -> Deferred[None]:
        def ignore(failure: Failure) -> None:
            """Use the last report of a worker that does not answer in time."""

        return worker.ask_figures().addTimeout(FIGURES_PATIENCE, self._clock).addErrback(ignore)

    def ended(self, worker: Worker) -> None:
        """
        Keep the counters of a worker that has ended.

        Args:
            worker: The worker, whose last report is the best that is known.
        """
        self._of_ended = summed([self._of_ended, counters(worker.figures)])


class Workers(Service):
    """
    The workers, while the service runs.

    Args:
        clock: Calls functions later.
        number: The number of workers.
        start: Starts the process of a worker.
        shutdown_timeout: Seconds that workers give open transactions when they stop.
    """

    def __init__(self, clock: IReactorTime, number: int, start: Starter, shutdown_timeout: float) -> None:
        self._clock = clock
        self._number = number
        self._start_process = start
        self._shutdown_timeout = shutdown_timeout
        self._workers: dict[int, Worker] = {}
        self._started: dict[int, float] = {}
        self._waits: dict[int, float] = {}
        self._to_start: dict[int, IDelayedCall] = {}
        self._all_ended: Deferred[None] | None = None
        self._figures = CounterSums(clock)

    def startService(self) -> None:
        """
        Start the workers.

        Raises:
            OSError: The user that the process has become may not run this Python.
        """
        Service.startService(self)
        for number in range(1, self._number + 1):
            self._start(number)

    def _start(self, number: int) -> None:
        self._started[number] = self._clock.seconds()
        worker = Worker(number, self._ended)
        self._start_process(worker)
        self._workers[number] = worker

    def _start_again(self, number: int) -> None:
        del self._to_start[number]
        try:
            self._start(number)
        except OSError as error:  # such as: too many processes
            self._start_later(number, f"before it began: {error}")

    def _start_later(self, number: int, how: str) -> None:
        wait = self._waits[number] = self._next_wait(number)
        log.error(
            "worker {number} has ended {how}: a new one is started in {wait:g} s", number=number, how=how, wait=wait
        )
        self._to_start[number] = self._clock.callLater(wait, self._start_again, number)

    def _ended(self, worker: Worker, reason: Failure) -> None:
        del self._workers[worker.number]
        self._figures.ended(worker)
        if self.running:
            self._start_later(worker.number, _how(reason.value))
        elif not self._workers and self._all_ended is not None:
            self._all_ended.callback(None)

    def _next_wait(self, number: int) -> float:
        if self._clock.seconds() - self._started[number] >= STEADY:
            return 0
        return min(max(1, 2 * self._waits.get(number, 0)), LONGEST)

    def figures(self) -> Deferred[MetricsSnapshot]:
        """
        Ask for the counters.

        Returns:
            A Deferred of the sums of all workers, those that have ended among them.
        """
        return self._figures.ask(self._workers.values())

    def reload(self) -> None:
        """Let the workers read their certificates again."""
        for worker in self._workers.values():
            worker.command(b"reload")

    def abort(self) -> None:
        """Let the workers abort every connection."""
        for worker in self._workers.values():
            worker.command(b"abort")

    def stopService(self) -> Deferred[None]:
        """
        Stop the workers.  A worker that does not end in time is killed.

        Returns:
            A Deferred that fires when all have ended.
        """
        Service.stopService(self)
        for call in self._to_start.values():
            call.cancel()
        self._to_start.clear()
        if not self._workers:
            return succeed(None)
        ended = self._all_ended = Deferred[None]()
        for worker in self._workers.values():
            worker.stop()
        deadline = self._clock.callLater(self._shutdown_timeout + PATIENCE, self._kill)

        def over(result: None) -> None:
            if deadline.active():
                deadline.cancel()

        return ended.addCallback(over)

    def _kill(self) -> None:
        for worker in self._workers.values():
            log.error("worker {number} does not end: killing it", number=worker.number)
            worker.kill()


def _how(end: BaseException | None) -> str:
    assert isinstance(end, ProcessDone | ProcessTerminated)
    return f"with status {end.exitCode}" if end.signal is None else f"by signal {end.signal}"
