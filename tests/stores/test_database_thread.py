"""A thread beside the reactor."""

from __future__ import annotations

import errno
import threading
from queue import SimpleQueue

import pytest
from twisted.internet.defer import CancelledError

from txsmtpx.stores import database_thread
from txsmtpx.stores.database_thread import DatabaseThread


class Reactor:
    """Gets what threads call, and calls it when the test says so."""

    def __init__(self):
        self._calls = SimpleQueue()

    def callFromThread(self, function, *arguments):
        self._calls.put((function, arguments))

    def turn(self):
        function, arguments = self._calls.get(timeout=60)
        function(*arguments)


@pytest.fixture
def reactor(monkeypatch):
    made = Reactor()
    monkeypatch.setattr(database_thread, "clock_of", lambda reactor: made)
    return made


def test_results_and_failures_come_back(reactor):
    thread, found = DatabaseThread("x"), []
    thread(divmod, 7, 2).addBoth(found.append)
    thread(int, "x").addErrback(lambda failure: found.append(failure.type))
    thread(lambda: found.append(threading.current_thread() is not threading.main_thread()))
    for _ in range(3):
        reactor.turn()
    assert sorted(map(str, found)) == sorted(["(3, 1)", str(ValueError), "True"])


def test_what_is_cancelled_before_its_turn_is_not_called(reactor):
    thread, called, gate = DatabaseThread("x"), [], threading.Event()
    first = thread(gate.wait, 60)
    second = thread(called.append, 2)
    errors = []
    for each in (first, second):
        each.addErrback(lambda failure: errors.append(failure.type))
        each.cancel()
    gate.set()
    thread(called.append, 3)
    reactor.turn()
    reactor.turn()
    assert (called, errors) == ([3], [CancelledError] * 2)


def test_a_thread_that_cannot_be_started_fails_one_call(reactor, monkeypatch):
    thread, called = DatabaseThread("x"), []

    def start(self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        thread(called.append, 1).addErrback(lambda failure: called.append(str(failure.value)))
    thread(called.append, 2)
    reactor.turn()
    error = OSError(errno.EAGAIN, "no thread can be started (can't start new thread)")
    assert called == [str(error), 2]
