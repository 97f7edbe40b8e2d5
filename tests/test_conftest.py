"""The watch that conftest keeps: pytest is run inside a test, on tests that are named after their outcome."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TESTS = '''
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


async def worker():
    raise ValueError("nobody looks at this")


def listen():
    return reactor.listenTCP(0, Factory(), interface="127.0.0.1")


@pytest_twisted.async_yield_fixture
async def port():
    port = listen()
    yield port
    await port.stopListening()


# Errors in Deferreds

def test_error_unhandled():
    fail(ValueError("dropped"))

def test_error_unhandled_in_a_cycle():
    cycle = [fail(ValueError("dropped"))]
    cycle.append(cycle)

async def test_error_unhandled_in_async():
    Deferred.fromCoroutine(worker())

@pytest.fixture
def holder():
    return []

def test_error_unhandled_in_a_fixture(holder):
    holder.append(fail(ValueError("dropped")))

async def test_fail_never_awaited():
    worker()


# The log

def test_error_failure_logged():
    try:
        raise ValueError("logged")
    except ValueError:
        log.failure("it went wrong")

def test_error_critical_logged():
    log.critical("it goes down")

def test_pass_error_without_failure_logged():
    log.error("said, and gone on")

def test_pass_claimed(logged_failures):
    fail(ValueError("expected"))
    log.critical("expected too")
    assert [failure.type for failure in logged_failures.flush()] == [ValueError]

def test_pass_claimed_by_type(logged_failures):
    fail(ValueError("expected"))
    assert [failure.type for failure in logged_failures.flush(ValueError)] == [ValueError]
    assert logged_failures.flush() == []

def test_error_claimed_by_another_type(logged_failures):
    fail(ValueError("unexpected"))
    assert logged_failures.flush(KeyError) == []


# The reactor

def test_error_delayed_call():
    reactor.callLater(3600, nothing)

def test_pass_delayed_call_cancelled():
    reactor.callLater(3600, nothing).cancel()

def test_error_listening():
    listen()

class Timed(Factory):
    """Its port takes a delayed call along when it is lost."""

    def doStart(self):
        self.call = reactor.callLater(3600, nothing)

    def doStop(self):
        self.call.cancel()

def test_error_listening_with_a_delayed_call():
    reactor.listenTCP(0, Timed(), interface="127.0.0.1")

def test_pass_stopped_listening():
    listen().stopListening()

def test_pass_stopped_listening_by_a_fixture(port):
    pass


# Time

async def test_pass_waited():
    await deferLater(reactor, 0, nothing)

@settings(max_examples=3)
@given(strategies.booleans())
async def test_pass_waited_with_hypothesis(flag):
    await deferLater(reactor, 0, nothing)

@pytest.mark.time_limit(0.01)
async def test_fail_endless():
    await Deferred()

@pytest.mark.time_limit(0.01)
@pytest_twisted.inlineCallbacks
def test_fail_endless_inline_callbacks():
    yield Deferred()

@pytest.mark.time_limit(0.01)
@settings(max_examples=1)
@given(strategies.none())
async def test_fail_endless_with_hypothesis(_):
    await Deferred()

async def test_pass_at_last():
    await deferLater(reactor, 0, nothing)
'''


def test_each_outcome(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text())
    pytester.makepyfile(TESTS)
    report = pytester.runpytest_subprocess("-W", "error", "-rA").stdout.str()
    outcomes: dict[str, str] = {}
    for outcome, test in re.findall(r"^(PASS|FAIL|ERROR)(?:ED)? \S+::test_(\w+)", report, re.MULTILINE):
        # A test that passes and leaves something behind is reported twice.
        outcomes[test] = outcome.lower() if outcome != "PASS" or test not in outcomes else outcomes[test]
    named = re.findall(r"def test_(\w+)", TESTS)
    assert outcomes == {test: test.partition("_")[0] for test in named}
