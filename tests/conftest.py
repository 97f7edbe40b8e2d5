"""
What every test is watched for.

pytest-twisted runs the tests inside a reactor, but lets pass in silence what trial would not: an error left in a
Deferred, a failure in the log, a timer or a socket left on the reactor.  Here each of them fails the test that
left it, and a test that waits for ever ends at a limit.

A test may be C{async def} without any decorator.  With Hypothesis, C{@given} stands outermost.
"""

from __future__ import annotations

import functools
import gc
import os
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import deferLater
from twisted.logger import LogEvent, LogLevel, formatEvent, globalLogBeginner, globalLogPublisher
from twisted.python.failure import Failure

# Seconds: far more than is needed by a test that does not sleep, on a slow machine too.
TIME_LIMIT = 20.0

# Turns of the reactor in which what a test has closed may finish closing.
TURNS = 20


def pytest_configure() -> None:
    """No log history, which would keep failures alive; no deadline in Hypothesis, which a busy machine would miss."""
    globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)
    if not os.environ.get("CI"):  # there Hypothesis loads a profile of its own, without a deadline too
        hypothesis.settings.register_profile("unhurried", deadline=None)
        hypothesis.settings.load_profile("unhurried")


def pytest_collection_finish() -> None:
    """What has been imported stays: the collector, which runs after each test, need not walk through it each time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Before pytest-twisted takes the test: put a limit on the time it may wait."""
    mark = pyfuncitem.get_closest_marker("time_limit")
    seconds = mark.args[0] if mark else TIME_LIMIT
    given = getattr(pyfuncitem.obj, "hypothesis", None)
    if given is None:
        pyfuncitem.obj = _limited(pyfuncitem.obj, seconds)
    else:
        given.inner_test = _limited(given.inner_test, seconds)


def _limited(test: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    def too_late(result: object, _: float) -> None:
        # The cancellation is the cause, for its traceback says what the test was waiting for.
        cause = result.value if isinstance(result, Failure) else None
        raise TimeoutError(f"the test has not ended in {seconds} seconds") from cause

    @functools.wraps(test)
    def limited(*args: Any, **kwargs: Any) -> Any:
        outcome = test(*args, **kwargs)
        return None if outcome is None else ensureDeferred(outcome).addTimeout(seconds, reactor, too_late)

    return limited


class LoggedFailures:
    """A log observer that keeps what a test has to answer for."""

    def __init__(self) -> None:
        self._events: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        # A Deferred announces its failure in a critical event of its own, which says nothing.
        critical = event["log_level"] is LogLevel.critical and event["log_namespace"] != "twisted.internet.defer"
        if critical or "log_failure" in event:
            self._events.append(event)

    def flush(self, *types: type[BaseException]) -> list[Failure]:
        """
        Claim what was expected.

        @param types: the exceptions to claim; without any, everything, be it with an exception or not.
        @return: the failures among it.
        """
        # A Deferred logs its error when it dies, which a traceback may put off by a cycle.
        gc.collect()
        claimed, self._events = self._events, []
        if types:
            self._events = [event for event in claimed if not _failed_with(event, types)]
            claimed = [event for event in claimed if _failed_with(event, types)]
        return [event["log_failure"] for event in claimed if "log_failure" in event]

    def __str__(self) -> str:
        return "\n".join(formatEvent(event) + _traceback(event) for event in self._events)


def _failed_with(event: LogEvent, types: tuple[type[BaseException], ...]) -> bool:
    return "log_failure" in event and event["log_failure"].check(*types) is not None


def _traceback(event: LogEvent) -> str:
    return "\n" + event["log_failure"].getTraceback() if "log_failure" in event else ""


@pytest.fixture
def logged_failures() -> Iterator[LoggedFailures]:
    """The failures and critical events that this test has caused in the log; what it does not claim fails it."""
    observer = LoggedFailures()
    globalLogPublisher.addObserver(observer)
    yield observer
    globalLogPublisher.removeObserver(observer)


@pytest.fixture(autouse=True)
def _nothing_left_behind(logged_failures: LoggedFailures) -> Iterator[None]:
    """Being the first fixture that is set up, this is the last one torn down, after those of the test itself."""
    before = _on_the_reactor()
    yield
    left = _left_since(before)
    gc.collect()
    complaints = [f"left on the reactor: {each!r}" for each in left]
    if unclaimed := str(logged_failures):
        complaints.append(f"logged, and not claimed from logged_failures:\n{unclaimed}")
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)


def _on_the_reactor() -> set[Any]:
    return {*reactor.getDelayedCalls(), *reactor.getReaders(), *reactor.getWriters()}


def _left_since(before: set[Any]) -> set[Any]:
    """What is on the reactor for good, and is taken off it, so that the next test has a clean one."""
    turns = TURNS
    while (left := _on_the_reactor() - before - reactor._internalReaders) and turns:
        pytest_twisted.blockon(deferLater(reactor, 0, lambda: None))
        turns -= 1
    for each in left:
        if IDelayedCall.providedBy(each):
            each.cancel()
        else:
            reactor.removeReader(each)
            reactor.removeWriter(each)
    return left
