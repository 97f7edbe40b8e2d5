"""The watch that conftest keeps is itself tested: a test run inside a test, where each test leaves something."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

LEAVING = '''
import gc

import pytest
import pytest_twisted
from hypothesis import given, settings, strategies
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.logger import Logger

log = Logger()


def nothing():
    pass


def test_clean():
    pass


async def test_clean_async():
    await deferLater(reactor, 0, nothing)


@settings(max_examples=3)
@given(strategies.booleans())
async def test_clean_hypothesis(flag):
    await deferLater(reactor, 0, nothing)


def test_unhandled():
    fail(ValueError("dropped"))


def test_unhandled_in_a_cycle():
    cycle = [fail(ValueError("kept by a cycle"))]
    cycle.append(cycle)


async def test_unhandled_async():
    async def worker():
        raise ValueError("nobody looks")

    Deferred.fromCoroutine(worker())


def test_logged_failure():
    try:
        raise ValueError("logged")
    except ValueError:
        log.failure("it went wrong")


def test_logged_critical():
    log.critical("it is going down")


def test_logged_error_without_failure():
    log.error("said, and gone on")


def test_claimed(logged_failures):
    fail(ValueError("expected"))
    log.critical("expected too")
    assert [failure.type for failure in logged_failures.flush()] == [ValueError]


def test_claimed_by_type(logged_failures):
    fail(ValueError("expected"))
    assert len(logged_failures.flush(ValueError)) == 1
    assert logged_failures.flush() == []


def test_claimed_another(logged_failures):
    fail(ValueError("not this one"))
    assert logged_failures.flush(KeyError) == []


def test_delayed_call():
    reactor.callLater(3600, nothing)


def test_cancelled_call():
    reactor.callLater(3600, nothing).cancel()


def test_listening():
    reactor.listenTCP(0, Factory(), interface="127.0.0.1")


def test_closing():
    reactor.listenTCP(0, Factory(), interface="127.0.0.1").stopListening()


@pytest_twisted.async_yield_fixture
async def port():
    port = reactor.listenTCP(0, Factory(), interface="127.0.0.1")
    yield port
    await port.stopListening()


def test_closed_by_a_fixture(port):
    pass


@pytest.mark.time_limit(0.01)
async def test_endless():
    await Deferred()


@pytest.mark.time_limit(0.01)
@pytest_twisted.inlineCallbacks
def test_endless_inline_callbacks():
    yield Deferred()


@pytest.mark.time_limit(0.01)
@settings(max_examples=1)
@given(strategies.none())
async def test_endless_hypothesis(nothing):
    await Deferred()


async def test_never_awaited():
    deferLater  # a coroutine function called, its coroutine dropped
    test_endless()


async def test_clean_at_last():
    await deferLater(reactor, 0, nothing)
'''

OUTCOMES = {
    "clean": "passed",
    "clean_async": "passed",
    "clean_hypothesis": "passed",
    "unhandled": "error",
    "unhandled_in_a_cycle": "error",
    "unhandled_async": "error",
    "logged_failure": "error",
    "logged_critical": "error",
    "logged_error_without_failure": "passed",
    "claimed": "passed",
    "claimed_by_type": "passed",
    "claimed_another": "error",
    "delayed_call": "error",
    "cancelled_call": "passed",
    "listening": "error",
    "closing": "passed",
    "closed_by_a_fixture": "passed",
    "endless": "failed",
    "endless_inline_callbacks": "failed",
    "endless_hypothesis": "failed",
    "clean_at_last": "passed",
}
