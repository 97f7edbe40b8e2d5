"""A reactor in a thread: what a call gives, how long it waits, and when it cannot."""

from __future__ import annotations

import gc
import os
import threading

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed

from txsmtpx.testing import ReactorThread
from txsmtpx.testing.thread import Here


def test_a_thread_gives_what_comes_of_it(thread):
    async def coroutine(number):
        return number

    assert thread.call(lambda: 1) == 1
    assert thread.call(coroutine, 2) == 2
    with pytest.raises(ZeroDivisionError):
        thread.call(lambda: 1 / 0)
    assert thread.call(threading.current_thread) is not threading.current_thread()


def test_a_thread_does_not_wait_for_ever(thread):
    cancelled = threading.Event()
    with pytest.raises(TimeoutError):
        thread.call(lambda: Deferred(lambda waiting: cancelled.set()), patience=0.01)
    assert cancelled.wait(10)


def test_a_thread_does_not_wait_for_itself(thread):
    with pytest.raises(RuntimeError, match="not there to be waited for"):
        thread.call(lambda: thread.call(lambda: 1))


def test_a_thread_that_has_stopped():
    thread = ReactorThread()
    thread.stop()
    thread.stop()
    with pytest.raises(RuntimeError, match="not there to be waited for"):
        thread.call(lambda: 1)


@pytest.mark.parametrize(("function", "value"), [(lambda: succeed(3), 3), (lambda: None, None), (divmod, (3, 1))])
def test_a_value_or_a_deferred(thread, function, value):
    assert thread.call(function, *([7, 2] if function is divmod else [])) == value


def test_the_failure_of_a_deferred(thread):
    with pytest.raises(KeyError):
        thread.call(lambda: fail(KeyError("no")))


def test_a_deferred_that_fires_later(thread):
    def later():
        waiting = Deferred()
        thread.reactor.callLater(0.01, waiting.callback, 4)
        return waiting

    assert thread.call(later) == 4


def test_its_own_timeout_error_is_no_impatience(thread):
    """What the function raises is raised, and nothing that has ended is cancelled."""

    def late():
        raise TimeoutError("the other host")

    with pytest.raises(TimeoutError, match="the other host"):
        thread.call(late)
    assert thread.call(lambda: 5) == 5


def test_a_reactor_of_its_own(thread):
    other = ReactorThread()
    assert len({id(reactor), id(thread.reactor), id(other.reactor)}) == 3
    other.stop()


def test_a_stopped_thread_leaves_nothing():
    gc.collect()
    before = set(os.listdir("/proc/self/fd")), set(threading.enumerate())
    for _ in range(3):
        ReactorThread().stop()
    gc.collect()
    assert (set(os.listdir("/proc/self/fd")), set(threading.enumerate())) == before


def test_a_stopped_thread_closes_its_connections(thread):
    """A server that still listens does not outlive its reactor."""
    stopped = threading.Event()
    thread.call(thread.reactor.addSystemEventTrigger, "before", "shutdown", stopped.set)
    thread.stop()
    assert stopped.is_set()


def test_here_nothing_waits():
    """The caller is on the reactor: a Deferred is for the caller to wait for."""
    waiting = Deferred()
    here = Here(reactor)
    assert here.reactor is reactor
    assert here.call(lambda each: each, waiting, patience=0) is waiting
    here.stop()
    assert here.call(max, 1, 2) == 2
