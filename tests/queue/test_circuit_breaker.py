"""The circuit breaker: when it opens, whom it admits, and when it closes."""

import pytest

from txsmtpx.queue.back_off import BackOff
from txsmtpx.queue.circuit_breaker import CircuitBreaker


@pytest.fixture
def breaker():
    return CircuitBreaker(3, BackOff(60, 240, chance=lambda: 0.5))


def fail(breaker, times, now=0.0):
    for _ in range(times):
        breaker.failed(now, "connection refused")


def test_it_opens_after_so_many_failures_one_after_the_other(breaker):
    fail(breaker, 2)
    breaker.succeeded()
    fail(breaker, 2)
    assert breaker.admits(0)
    fail(breaker, 1)
    assert breaker.is_open
    assert not breaker.admits(0)
    assert breaker.reason == "connection refused"


def test_after_the_pause_it_admits_one(breaker):
    fail(breaker, 3)
    assert [breaker.admits(now) for now in (59.9, 60, 60, 1000)] == [False, True, False, False]


def test_each_pause_is_longer_up_to_the_limit(breaker):
    fail(breaker, 3)
    ends = [breaker.until]
    for _ in range(4):
        now = ends[-1]
        assert breaker.admits(now)
        breaker.failed(now, "connection refused")
        ends.append(breaker.until)
    assert [after - before for before, after in zip([0, *ends], ends, strict=False)] == [60, 120, 240, 240, 240]


def test_failures_of_those_already_on_their_way_do_not_lengthen_the_pause(breaker):
    fail(breaker, 3)
    fail(breaker, 5, now=30.0)
    assert breaker.until == 60


def test_a_success_closes_it(breaker):
    fail(breaker, 3)
    assert breaker.admits(60)
    breaker.succeeded()
    assert not breaker.is_open
    assert breaker.admits(60)
    assert breaker.admits(60)
    fail(breaker, 3, now=100.0)
    assert breaker.until == 160  # the first pause again


def test_one_that_is_cancelled_lets_the_next_one_connect(breaker):
    fail(breaker, 3)
    assert breaker.admits(60)
    breaker.undecided()
    assert breaker.admits(60)


def test_with_zero_it_never_opens():
    breaker = CircuitBreaker(0, BackOff(60, 240))
    fail(breaker, 1000)
    assert breaker.admits(0)
