"""
The parent of processes that share the ports: starts them, starts a fallen one again, tells them what it is told.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall, IProcessTransport, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.command.relay import Relay
from txsmtpx.command.tally import Tally
from txsmtpx.observers.metrics_observer import MetricsSnapshot

log = Logger(__name__)

COMMANDS = 0
"""The descriptor of a worker on which it hears us."""

STEADY = 10
"""Seconds a worker must have lived to be started again at once."""

LONGEST = 60
"""Seconds between the starts of one that does not stay up, at most; the first are 1, then each twice those before."""

PATIENCE = 10
"""Seconds beyond those for open transactions that a worker is given to end."""


class Worker(ProcessProtocol):
    """
    One of them.

    Attributes:
        number: From 1 on; the one that takes its place has the same.
        ready: Whether it has said that it listens.
        ended: Whether it is gone.
        figures: Those it told last.
    """

    transport: IProcessTransport

    def __init__(self, number: int, ended: Callable[[Worker, Failure], None]) -> None:
        self.number = number
        self.ready = self.ended = False
        self.figures: MetricsSnapshot = {}
        self._rest = b""
        self._asked: list[Deferred[None]] = []
        self._ended = ended
        self._relay = Relay(number)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """It has said something."""
        if childFD in (1, 2):
            self._relay.received(data)
        else:
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._told(line)

    def _told(self, line: bytes) -> None:
        word, _, rest = line.partition(b" ")
        if word == b"figures":
            self.figures = json.loads(rest)
            self._answer()
        else:
            self.ready = True
            log.info("worker {number} is ready", number=self.number)

    def ask_figures(self) -> Deferred[None]:
        """Let it tell its ``figures``; fires when it has, or is gone."""
        asked: Deferred[None] = Deferred()
        self._asked.append(asked)
        self.say(b"figures")
        return asked

    def _answer(self) -> None:
        asked, self._asked = self._asked, []
        for each in asked:
            if not each.called:  # it may have been too long for whoever asked
                each.callback(None)

    def processEnded(self, reason: Failure) -> None:
        """It has gone, and its last words have come."""
        self.ended = True
        self._ended(self, reason)
        self._answer()

    def say(self, word: bytes) -> None:
        """Tell it something; it will hear that when it has started, if it has not."""
        self.transport.writeToChild(COMMANDS, word + b"\n")

    def stop(self) -> None:
        """Let it finish, and go."""
        self.transport.closeChildFD(COMMANDS)

    def kill(self) -> None:
        """End it now."""
        with contextlib.suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")


class Spawn(Protocol):
    """Starts the process of a worker."""

    def __call__(self, worker: Worker) -> object:
        """Start it; it has its transport then."""


class Workers(Service):
    """
    The processes, as long as the service runs.

    Args:
        number: How many.
        shutdown_timeout: Seconds that their open transactions are given.
    """

    def __init__(self, clock: IReactorTime, number: int, spawn: Spawn, shutdown_timeout: float) -> None:
        self._clock = clock
        self._number = number
        self._spawn = spawn
        self._shutdown_timeout = shutdown_timeout
        self._workers: dict[int, Worker] = {}
        self._started: dict[int, float] = {}
        self._waits: dict[int, float] = {}
        self._to_start: dict[int, IDelayedCall] = {}
        self._all_gone: Deferred[None] | None = None
        self._tally = Tally(clock)

    def startService(self) -> None:
        """
        Start them.

        Raises:
            OSError: The user that we have become may not run this Python.
        """
        Service.startService(self)
        for number in range(1, self._number + 1):
            self._start(number)

    def _start(self, number: int) -> None:
        self._started[number] = self._clock.seconds()
        worker = Worker(number, self._ended)
        self._spawn(worker)
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
            "worker {number} has ended {how}: the next is started in {wait:g} s", number=number, how=how, wait=wait
        )
        self._to_start[number] = self._clock.callLater(wait, self._start_again, number)

    def _ended(self, worker: Worker, reason: Failure) -> None:
        del self._workers[worker.number]
        self._tally.ended(worker)
        if self.running:
            self._start_later(worker.number, _how(reason.value))
        elif not self._workers and self._all_gone is not None:
            self._all_gone.callback(None)

    def _next_wait(self, number: int) -> float:
        if self._clock.seconds() - self._started[number] >= STEADY:
            return 0
        return min(max(1, 2 * self._waits.get(number, 0)), LONGEST)

    def figures(self) -> Deferred[MetricsSnapshot]:
        """Those of all, also of those that have ended."""
        return self._tally.ask(self._workers.values())

    def reload(self) -> None:
        """Let them read again what can be read again."""
        for worker in self._workers.values():
            worker.say(b"reload")

    def abort(self) -> None:
        """Let them hang up on everybody."""
        for worker in self._workers.values():
            worker.say(b"abort")

    def stopService(self) -> Deferred[None]:
        """Let them finish; fires when all have gone."""
        Service.stopService(self)
        for call in self._to_start.values():
            call.cancel()
        self._to_start.clear()
        if not self._workers:
            return succeed(None)
        gone = self._all_gone = Deferred[None]()
        for worker in self._workers.values():
            worker.stop()
        deadline = self._clock.callLater(self._shutdown_timeout + PATIENCE, self._kill)

        def over(result: None) -> None:
            if deadline.active():
                deadline.cancel()

        return gone.addCallback(over)

    def _kill(self) -> None:
        for worker in self._workers.values():
            log.error("worker {number} does not end: killing it", number=worker.number)
            worker.kill()


def _how(end: Any) -> str:
    return f"with status {end.exitCode}" if end.signal is None else f"by signal {end.signal}"
