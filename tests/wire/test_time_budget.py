"""A time that is spent in pieces."""

from __future__ import annotations

from twisted.internet.task import Clock

from txsmtpx.wire.time_budget import TimeBudget


def budget(seconds=10):
    clock, called = Clock(), []
    return TimeBudget(clock, seconds, lambda: called.append(clock.seconds())), clock, called


def test_pieces_are_added():
    made, clock, called = budget()
    for _ in range(3):
        made.start()
        clock.advance(3)
        made.stop()
        clock.advance(100)
    made.start()
    made.start()  # which changes nothing
    clock.advance(0.5)
    assert (called, made.spent) == ([], False)
    clock.advance(0.5)
    assert (called, made.spent) == ([310], True)
    made.start()
    made.stop()
    assert clock.getDelayedCalls() == []


def test_after_its_end_no_time_is_spent():
    made, clock, called = budget()
    made.start()
    made.end()
    made.start()
    clock.advance(100)
    assert (called, made.spent, clock.getDelayedCalls()) == ([], False, [])
