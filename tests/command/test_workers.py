"""The parent of workers, with a clock, and processes that only say what is done to them."""

from __future__ import annotations

import pytest
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from txsmtpx.command.workers import Worker, Workers


class Process:
    """A process that was started, and what it has been told."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.heard: list[object] = []
        self.killed = False
        worker.makeConnection(self)

    def writeToChild(self, descriptor: int, data: bytes) -> None:
        assert descriptor == 0
        self.heard.append(data)

    def closeChildFD(self, descriptor: int) -> None:
        assert descriptor == 0
        self.heard.append("end")

    def signalProcess(self, name: str) -> None:
        assert name == "KILL"
        self.killed = True

    def end(self, status: int | None = 1, signal: int | None = None) -> None:
        reason = ProcessDone(0) if status == 0 else ProcessTerminated(status, signal)
        self.worker.processEnded(Failure(reason))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def started():
    """All that have been, the newest last."""
    return []


@pytest.fixture
def workers(clock, started):
    service = Workers(clock, 2, lambda worker: started.append(Process(worker)), shutdown_timeout=30)
    service.startService()
    yield service
    for process in started:
        if service._workers.get(process.worker.number) is process.worker:
            if service.running:
                service.stopService()
            process.end(0)
    assert clock.getDelayedCalls() == []


def numbers(started):
    return [process.worker.number for process in started]


@pytest.mark.usefixtures("workers")
def test_one_process_each(started):
    assert numbers(started) == [1, 2]


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize("status", [0, 1, None])
def test_a_fallen_one_is_started_again_at_once(clock, started, status):
    clock.advance(3600)
    with capturedLogs() as events:
        started[1].end(status, None if status is not None else 9)
    how = "by signal 9" if status is None else f"with status {status}"
    assert [event["how"] for event in events] == [how]
    clock.advance(0)
    assert numbers(started) == [1, 2, 2]


@pytest.mark.usefixtures("workers")
def test_one_that_does_not_stay_up_is_waited_for_longer_and_longer(clock, started):
    waits = []
    for _ in range(9):
        before = len(started)
        started[-1].end()
        waited = 0.0
        while len(started) == before:
            clock.advance(1)
            waited += 1
        waits.append(waited)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    clock.advance(10)  # it has come up at last
    started[-1].end()
    clock.advance(0)
    assert numbers(started) == [1] + [2] * 11
    started[-1].end()
    clock.advance(1)
    assert len(started) == 13


def test_one_that_cannot_be_started(clock, started):
    def refuse(worker):
        raise OSError(11, "Resource temporarily unavailable")

    with pytest.raises(OSError, match="Resource"):  # at first, somebody is there to be told
        Workers(clock, 1, refuse, shutdown_timeout=30).startService()
    spawn = [lambda worker: started.append(Process(worker))]
    workers = Workers(clock, 1, lambda worker: spawn[-1](worker), shutdown_timeout=30)
    workers.startService()
    spawn.append(refuse)
    started[0].end()
    clock.advance(1)
    clock.advance(2)
    spawn.pop()
    with capturedLogs() as events:
        clock.advance(3)
    assert events == []
    clock.advance(1)
    assert numbers(started) == [1, 1]
    workers.stopService()
    started[1].end(0)


def test_each_is_told(workers, started):
    workers.reload()
    workers.abort()
    assert [process.heard for process in started] == [[b"reload\n", b"abort\n"]] * 2


def test_the_end_is_that_of_the_last(workers, started, clock):
    over = []
    workers.stopService().addCallback(over.append)
    assert [process.heard for process in started] == [["end"]] * 2
    started[1].end(0)
    assert over == []
    started[0].end(0)
    assert over == [None]
    assert numbers(started) == [1, 2]
    assert clock.getDelayedCalls() == []


def test_one_that_does_not_end_is_killed(workers, started, clock):
    over = []
    workers.stopService().addCallback(over.append)
    started[0].end(0)
    clock.advance(39)
    assert not started[1].killed
    clock.advance(1)
    assert started[1].killed
    assert not started[0].killed
    started[1].end(None, 9)
    assert over == [None]


def test_none_is_started_while_it_ends(workers, started, clock):
    started[0].end()
    workers.stopService()
    clock.advance(5)
    assert numbers(started) == [1, 2]


def test_stopped_while_all_are_down(workers, started, clock):
    over = []
    for process in list(started):
        process.end()
    workers.stopService().addCallback(over.append)
    assert over == [None]
    assert clock.getDelayedCalls() == []


@pytest.mark.usefixtures("workers")
def test_it_says_that_it_is_ready(started):
    with capturedLogs() as events:
        started[1].worker.childDataReceived(7, b"ready\n")
    assert [(event["log_format"], event["number"]) for event in events] == [("worker {number} is ready", 2)]
    assert [process.worker.ready for process in started] == [False, True]
