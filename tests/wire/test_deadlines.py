"""`Deadlines`: one timer a connection, whatever is set and cleared."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from txsmtpx.wire.deadlines import Deadlines


class Watched:
    """Deadlines on a clock, with what has expired and when."""

    def __init__(self):
        self.clock = Clock()
        self.expired = []
        self.deadlines = Deadlines(self.clock, lambda phase: self.expired.append((phase, self.clock.seconds())))

    def advance(self, seconds):
        self.clock.advance(seconds)
        return self.expired


@pytest.fixture
def watched():
    return Watched()


def test_expires_on_time_and_once(watched):
    watched.deadlines.set("idle", 10)
    assert watched.advance(9.5) == []
    assert watched.advance(0.5) == [("idle", 10)]
    assert watched.advance(100) == [("idle", 10)]
    assert watched.clock.getDelayedCalls() == []


def test_moved_without_touching_the_clock(watched):
    watched.deadlines.set("idle", 10)
    (timer,) = watched.clock.getDelayedCalls()
    for _ in range(5):
        watched.advance(1)
        watched.deadlines.set("idle", 10)
        assert watched.clock.getDelayedCalls() == [timer]
    assert watched.advance(9.5) == []
    assert watched.advance(0.5) == [("idle", 15)]


def test_all_cleared_and_another_set_without_touching_the_clock(watched):
    watched.deadlines.set("idle", 10)
    watched.deadlines.set("message", 20)
    (timer,) = watched.clock.getDelayedCalls()
    watched.deadlines.clear("idle")
    watched.deadlines.clear("message")
    watched.deadlines.set("close", 15)
    assert watched.clock.getDelayedCalls() == [timer]
    assert watched.advance(14.5) == []
    assert watched.advance(0.5) == [("close", 15)]
    assert watched.advance(100) == [("close", 15)]


def test_brought_forward(watched):
    watched.deadlines.set("idle", 10)
    watched.deadlines.set("idle", 2)
    assert watched.advance(2) == [("idle", 2)]


def test_the_earlier_of_two_comes_first_and_the_later_after_it(watched):
    watched.deadlines.set("message", 30)
    watched.deadlines.set("idle", 10)
    assert len(watched.clock.getDelayedCalls()) == 1
    assert watched.advance(10) == [("idle", 10)]
    assert watched.advance(20) == [("idle", 10), ("message", 30)]


def test_cleared(watched):
    watched.deadlines.set("message", 30)
    watched.deadlines.set("idle", 10)
    watched.deadlines.clear("idle")
    watched.deadlines.clear("never set")
    assert watched.advance(29) == []
    assert watched.advance(1) == [("message", 30)]


def test_cleared_and_set_again(watched):
    watched.deadlines.set("idle", 10)
    watched.advance(4)
    watched.deadlines.clear("idle")
    watched.advance(20)
    assert watched.clock.getDelayedCalls() == []
    watched.deadlines.set("idle", 10)
    assert watched.advance(9) == []
    assert watched.advance(1) == [("idle", 34)]


@pytest.mark.parametrize("seconds", [0, -1])
def test_for_ever(watched, seconds):
    watched.deadlines.set("idle", seconds)
    assert watched.clock.getDelayedCalls() == []


def test_stopped(watched):
    watched.deadlines.set("idle", 10)
    watched.deadlines.set("message", 5)
    watched.deadlines.stop()
    watched.deadlines.stop()
    assert watched.clock.getDelayedCalls() == []
    assert watched.advance(100) == []


def test_stopped_by_what_expires_first():
    clock = Clock()
    expired = []

    def stop(phase):
        expired.append(phase)
        deadlines.stop()

    deadlines = Deadlines(clock, stop)
    deadlines.set("idle", 10)
    deadlines.set("write", 10)
    clock.advance(10)
    assert expired == ["idle"]
    assert clock.getDelayedCalls() == []


def test_set_again_by_what_expires():
    clock = Clock()
    times = []

    def again(phase):
        times.append(clock.seconds())
        deadlines.set(phase, 10)

    deadlines = Deadlines(clock, again)
    deadlines.set("idle", 10)
    for _ in range(30):
        clock.advance(1)
    assert times == [10, 20, 30]
    assert len(clock.getDelayedCalls()) == 1
