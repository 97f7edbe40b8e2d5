"""Work that a service waits for before it is stopped."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock

from txsmtpx.testing import Outcome
from txsmtpx.wire.pending_work import PendingWork, before_end


def test_without_work_nothing_is_waited_for():
    pending = PendingWork()
    assert not pending
    assert Outcome(pending.over()).fired


async def immediate() -> str:
    return "done"


@pytest.mark.parametrize("work", [lambda: succeed("done"), immediate])
def test_work_that_is_over_at_once_is_not_pending(work):
    pending = PendingWork()
    assert Outcome(pending.add(work())).result() == "done"
    assert not pending


def test_all_of_it_is_waited_for():
    pending, one, two = PendingWork(), Deferred(), Deferred()
    results = [Outcome(pending.add(one)), Outcome(pending.add(two))]
    over = Outcome(pending.over())
    one.callback("one")
    assert not over.fired
    assert pending
    two.callback("two")
    assert over.fired
    assert not pending
    assert [result.result() for result in results] == ["one", "two"]


def test_work_that_fails_is_over_and_its_caller_has_the_error():
    pending, work = PendingWork(), Deferred()
    result, over = Outcome(pending.add(work)), Outcome(pending.over())
    work.errback(OSError("gone"))
    assert isinstance(result.error, OSError)
    assert over.error is None
    assert not pending


def test_what_is_added_later_is_not_waited_for():
    pending, early, late = PendingWork(), Deferred(), Deferred()
    Outcome(pending.add(early))
    over = Outcome(pending.over())
    Outcome(pending.add(late))
    early.callback(None)
    assert over.fired
    assert pending
    late.callback(None)


def test_a_wait_that_is_cancelled_cancels_the_work():
    pending, waiting = PendingWork(), Deferred()

    async def work() -> None:
        await waiting

    result, over = Outcome(pending.add(work())), pending.over()
    outcome = Outcome(over)
    over.cancel()
    assert isinstance(result.error, CancelledError)
    assert outcome.fired
    assert not pending


class Waiting:
    """A reactor that waits for work at its end."""

    def __init__(self) -> None:
        self.pending_work = PendingWork()


def test_a_loop_that_ends_waits_for_work():
    reactor, work = Waiting(), Deferred()
    before_end(reactor, work)
    over = Outcome(reactor.pending_work.over())
    assert not over.fired
    work.callback(1)
    assert over.fired
    assert work.result == 1


@pytest.mark.parametrize("reactor", [Clock(), MemoryReactorClock()], ids=["Clock", "MemoryReactorClock"])
def test_another_reactor_does_not_wait(reactor):
    work = Deferred()
    before_end(reactor, work)
    work.callback(1)
    assert work.result == 1
