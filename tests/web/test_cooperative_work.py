"""Work in steps, which waits for a Deferred."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock, Cooperator

from txsmtpx.web.cooperative_work import CooperativeWork, result_of


class Run:
    """Work that a cooperator runs, and what became of it."""

    def __init__(self, deferred: Deferred[str]) -> None:
        self.clock = Clock()
        self.result: str | None = None
        self.error: BaseException | None = None
        cooperator = Cooperator(scheduler=lambda turn: self.clock.callLater(0, turn))
        self.task = cooperator.cooperate(self._work(deferred))
        self.clock.advance(0)

    def _work(self, deferred: Deferred[str]) -> CooperativeWork[None]:
        try:
            self.result = yield from result_of(deferred)
        except Exception as error:
            self.error = error

    def turn(self) -> None:
        self.clock.advance(0)


def test_the_result_of_a_deferred():
    waiting: Deferred[str] = Deferred()
    run = Run(waiting)
    run.turn()
    assert run.result is None
    waiting.callback("done")
    run.turn()
    assert run.result == "done"


@pytest.mark.parametrize(("deferred", "result", "error"), [
    (succeed("done"), "done", None), (fail(OSError("gone")), None, OSError),
], ids=["success", "failure"])  # fmt: skip
def test_a_deferred_that_has_fired(deferred, result, error):
    run = Run(deferred)
    run.turn()
    assert run.result == result
    assert (run.error and type(run.error)) is error


def test_a_failure_that_comes_later():
    waiting: Deferred[str] = Deferred()
    run = Run(waiting)
    waiting.errback(OSError("gone"))
    run.turn()
    assert isinstance(run.error, OSError)


def test_work_that_ends_first_cancels_it():
    cancelled = []
    waiting: Deferred[str] = Deferred(cancelled.append)
    work = result_of(waiting)
    assert next(work) is waiting
    work.close()
    assert cancelled == [waiting]


def test_a_deferred_that_is_cancelled_elsewhere():
    waiting: Deferred[str] = Deferred()
    run = Run(waiting)
    waiting.cancel()
    run.turn()
    assert isinstance(run.error, CancelledError)
