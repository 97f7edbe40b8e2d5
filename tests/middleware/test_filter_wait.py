"""A wait for a filter ends in time, whatever the filter does with its cancellation."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock

from txsmtpx.middleware.filter_wait import FilterTimeout, FilterWait


def waiting(awaited):
    clock = Clock()
    wait = FilterWait(awaited, clock, 30)
    results = []
    wait.done.addBoth(results.append)
    return clock, wait, results


def test_a_result():
    awaited = Deferred()
    clock, wait, results = waiting(awaited)
    clock.advance(29)
    awaited.callback("x")
    assert (results, wait.cancelled, clock.getDelayedCalls()) == (["x"], False, [])


def test_results_that_are_there():
    assert waiting(succeed("x"))[2] == ["x"]
    (failure,) = waiting(fail(ZeroDivisionError()))[2]
    assert failure.check(ZeroDivisionError)


def test_a_result_that_does_not_come():
    cancelled = []
    clock, wait, results = waiting(Deferred(cancelled.append))
    clock.advance(30)
    (failure,) = results
    assert failure.check(FilterTimeout)
    assert str(failure.value) == "no answer within 30 seconds"
    assert (len(cancelled), wait.cancelled, clock.getDelayedCalls()) == (1, False, [])


def test_a_wait_that_is_cancelled():
    cancelled = []
    clock, wait, results = waiting(Deferred(cancelled.append))
    wait.done.cancel()
    (failure,) = results
    assert failure.check(CancelledError)
    assert (len(cancelled), wait.cancelled, clock.getDelayedCalls()) == (1, True, [])


@pytest.mark.parametrize("ends", [lambda wait, clock: clock.advance(30), lambda wait, clock: wait.done.cancel()])
@pytest.mark.parametrize("then", ["value", "error"])
def test_a_coroutine_that_swallows_its_cancellation(ends, then):
    cleaned = Deferred()

    async def stubborn():
        try:
            await Deferred()
        except CancelledError:
            await cleaned
            if then == "error":
                raise ZeroDivisionError from None
        return "late"

    clock, wait, results = waiting(Deferred.fromCoroutine(stubborn()))
    ends(wait, clock)
    (failure,) = results
    assert failure.check(FilterTimeout, CancelledError)
    cleaned.callback(None)
    assert len(results) == 1
    assert clock.getDelayedCalls() == []
