"""The opening of a store: once for all, and later if it fails."""

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock

from txsmtpx.interfaces import StoreError
from txsmtpx.queue.open_store import OpenStore
from txsmtpx.testing import Outcome


class Store:
    def __init__(self, *answers):
        self.answers, self.opened, self.closed = list(answers), 0, 0

    def open(self, changed):
        self.opened += 1
        return self.answers.pop(0)

    async def close(self):
        self.closed += 1


def run(coroutine):
    return Outcome(Deferred.fromCoroutine(coroutine))


def test_several_callers_open_it_once():
    answer = Deferred()
    store = OpenStore(made := Store(answer), lambda: None)
    waiting = [run(store.open()) for _ in range(3)]
    answer.callback(None)
    assert all(each.fired for each in waiting)
    assert made.opened == 1
    run(store.close())
    run(store.close())
    assert made.closed == 1


def test_a_store_that_is_being_opened_is_closed():
    """The caller is cancelled, and the thread of the store opens it all the same."""
    store = OpenStore(made := Store(Deferred()), lambda: None)
    opening = Deferred.fromCoroutine(store.open())
    opening.addErrback(lambda failure: failure.trap(CancelledError))
    opening.cancel()
    run(store.close())
    assert made.closed == 1


def test_the_next_caller_tries_again():
    answer = Deferred()
    store = OpenStore(Store(fail(StoreError("locked")), answer), lambda: None)
    assert str(run(store.open()).error) == "locked"
    later = run(store.open())
    answer.callback(None)
    assert later.error is None


def test_it_insists():
    clock, answer = Clock(), Deferred()
    store = OpenStore(made := Store(fail(StoreError("locked")), fail(StoreError("locked")), answer), lambda: None)
    waiting = run(store.insist(clock))
    clock.pump([2, 4])
    assert made.opened == 3
    answer.callback(None)
    assert waiting.fired
    assert clock.getDelayedCalls() == []
