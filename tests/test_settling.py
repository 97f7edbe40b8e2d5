"""What a backend gives back, settled: values stay values, coroutines are driven until they really wait."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed

from txsmtpx.settling import make_tasks, run, settle, then


@pytest.mark.parametrize("value", [None, 1, "a", [1]])
def test_values_and_deferreds_stay_what_they_are(value):
    assert settle(value) is value
    deferred = succeed(value)
    assert settle(deferred) is deferred


async def times(deferreds, log):
    for deferred in deferreds:
        try:
            log.append(await deferred)
        except ZeroDivisionError:
            log.append("divided by zero")
    return len(log)


def test_a_coroutine_that_does_not_wait():
    assert settle(times([], [])) == 0


def test_a_coroutine_that_raises_at_once():
    async def crash():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        settle(crash())


def test_a_coroutine_that_waits_more_than_once():
    log, done = [], []
    first, second = Deferred(), Deferred()
    settle(times([first, succeed(0), second], log)).addCallback(done.append)
    first.callback(1)
    assert (log, done) == ([1, 0], [])
    second.errback(ZeroDivisionError())
    assert (log, done) == ([1, 0, "divided by zero"], [3])


def test_a_coroutine_that_is_cancelled():
    """It learns of it where it waits, and may clean up."""
    log = []

    async def worker(deferred):
        try:
            await deferred
        finally:
            log.append("cleaned up")

    settled = settle(worker(Deferred()))
    settled.addErrback(lambda failure: log.append(failure.check(CancelledError)))
    settled.cancel()
    assert log == ["cleaned up", CancelledError]


def test_then():
    async def three() -> int:
        return 3

    waiting: Deferred[int] = Deferred()
    later = then(waiting, str)
    assert [then(3, str), then(three(), str)] == ["3", "3"]
    waiting.callback(4)
    assert later.result == "4"


def test_a_coroutine_gets_what_it_waits_for():
    async def sum_of(first, second):
        return await first + await second

    first, second = Deferred(), Deferred()
    settled = settle(sum_of(first, second))
    first.callback(1)
    second.callback(2)
    assert settled.result == 3


def test_the_first_task_maker_that_can_runs_a_coroutine(monkeypatch):
    made = []

    def make(coroutine):
        made.append(coroutine)
        return Deferred.fromCoroutine(coroutine)

    async def answer():
        return 250

    monkeypatch.setattr("txsmtpx.settling._task_makers", [])
    make_tasks(lambda coroutine: None)
    make_tasks(make)
    assert [settle(answer()).result, run(answer()).result] == [250, 250]
    assert len(made) == 2


def test_a_coroutine_runs_without_a_task_maker(monkeypatch):
    async def answer():
        return 250

    monkeypatch.setattr("txsmtpx.settling._task_makers", [])
    assert (settle(answer()), run(answer()).result) == (250, 250)
