"""
What every test is watched for, and the fixtures that several folders share.

pytest-twisted runs the tests inside a reactor, but lets pass in silence what trial would not: an error left in
a Deferred, a failure in the log, a timer or a socket left on the reactor.  Here each of them fails the test
that left it, and a test that waits for ever ends at a limit.

A test may be ``async def`` without any decorator.  With Hypothesis, ``@given`` stands outermost.
"""

from __future__ import annotations

import functools
import gc
import os
import socket
import sys
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogBeginner
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.authority import Authority
from tests.scheduling import Files, is_brief, run_briefly, slowest_first, workers
from tests.surroundings import a_shell_of_its_own
from txsmtpx import Certificate
from txsmtpx.testing import Network, Pem, ScriptedServer, issue

# Of an example that fails Hypothesis makes a patch too where there is libcst, which comes with mutmut; and libcst falls
# over what zope.interface leaves on abc.ABC, which would end the whole run.  The example is printed without it.
sys.modules["hypothesis.extra._patching"] = None  # type: ignore[assignment]

# Seconds: far more than is needed by a test that does not sleep, on a slow machine too.
TIME_LIMIT = 20.0

# Objects between two collections of garbage, as in a server of `twistd smtpx`.  Beyond that each test ends with one.
YOUNG = 10_000

# Turns of the reactor in which what a test has closed may finish closing; and seconds, for a peer in another process: a
# client waits for its reply to QUIT when the test has its result.
TURNS = 20
CLOSING = 1.0


@implementer(ILogObserver)
class LoggedFailures:
    """A log observer that keeps what a test has to answer for."""

    def __init__(self) -> None:
        self._events: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        critical = event.get("log_level") is LogLevel.critical
        # A Deferred announces its failure in a critical event of its own, which says nothing.
        if "log_failure" in event or (critical and event.get("log_namespace") != "twisted.internet.defer"):
            self._events.append(event)

    def flush(self, *types: type[BaseException]) -> list[Failure]:
        """
        Claim what was expected.

        Args:
            types: The exceptions to claim; without any, everything, be it with an exception or not.

        Returns:
            The failures among it.
        """
        # A Deferred logs its error when it dies, which a traceback may put off by a cycle.
        gc.collect()
        claimed, self._events = self._events, []
        if types:
            self._events = [event for event in claimed if not _failed_with(event, types)]
            claimed = [event for event in claimed if _failed_with(event, types)]
        return [event["log_failure"] for event in claimed if "log_failure" in event]

    def tell(self) -> str:
        """All that is unclaimed, which is then forgotten."""
        events, self._events = self._events, []
        return "\n".join(formatEvent(event) + _traceback(event) for event in events)


def _failed_with(event: LogEvent, types: tuple[type[BaseException], ...]) -> bool:
    return "log_failure" in event and event["log_failure"].check(*types) is not None


def _traceback(event: LogEvent) -> str:
    return "\n" + event["log_failure"].getTraceback() if "log_failure" in event else ""


_logged = LoggedFailures()


def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch the log, which Twisted would otherwise buffer, and so keep failures alive."""
    config.addinivalue_line("markers", "time_limit(seconds): how long an asynchronous test may take")
    config.addinivalue_line("markers", "system: it opens a socket or starts a process; make test-quick leaves it out")
    gc.set_threshold(YOUNG)
    globalLogBeginner.beginLoggingTo([_logged], discardBuffer=True, redirectStandardIO=False)
    if not os.environ.get("CI"):  # where Hypothesis has a profile of its own
        hypothesis.settings.register_profile("unhurried", deadline=None)  # which a busy machine would miss
        hypothesis.settings.load_profile("unhurried")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Collect no garbage while the tests are collected: all that is made then stays alive."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many processes ``--numprocesses auto`` is."""
    return workers(config.invocation_params.dir, config.args)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Files | None:
    """Return what distributes the files; None for other ways than ``--dist loadfile``."""
    return Files(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test and return True, in the processes of pytest-xdist."""
    if not is_brief(item.config):
        return None
    run_briefly(item, nextitem)
    return True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the files for the processes of pytest-xdist, which have to agree on the names of the tests."""
    if addresses := [item.nodeid for item in items if " at 0x" in item.nodeid]:
        raise pytest.UsageError(f"no name of a test has an address in it, with ids=type for instance: {addresses}")
    if hasattr(config, "workerinput"):
        slowest_first(items)


@pytest.fixture(scope="session", autouse=True)
def _a_shell_of_its_own() -> Iterator[None]:
    with a_shell_of_its_own():
        yield


@pytest.fixture
def logged_failures() -> LoggedFailures:
    """What this test has to answer for in the log, unless it claims it here."""
    return _logged


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    """A certificate for localhost, in files that no test changes."""
    return issue(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def certificate(pem: Pem) -> Certificate:
    """The same, for ``SMTPServerFactory(tls=...)``."""
    return Certificate(str(pem.certificate), str(pem.key))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that clients of the tests trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def network() -> Iterator[Callable[..., Network]]:
    """Makes a `Network` of a `ScriptedServer` with the settings given, and ends it."""
    made = []

    def make(*servers: Any, one_by_one: bool = False, **script: Any) -> Network:
        network = Network(*(servers or (lambda: ScriptedServer(**script),)), one_by_one=one_by_one)
        made.append(network)
        return network

    yield make
    for each in made:
        each.hang_up()


@pytest.fixture
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory whose path is short enough for a UNIX socket."""
    return tmp_path_factory.mktemp("t")


@pytest.fixture
def port_in_use() -> Iterator[int]:
    """A TCP port of 127.0.0.1 on which another socket listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """When all fixtures are torn down: fail the test for what it, or they, left in the log."""
    result = yield
    if isinstance(item, pytest.Function):
        item.funcargs.clear()  # pytest would do so later, and the Deferreds in there would die unwatched
    _turn_the_reactor()  # which stands in the call that ended the test, and so holds its arguments
    gc.collect()
    # What is alive now stays alive, by and large: the next collection need not walk through it.
    gc.freeze()
    if unclaimed := _logged.tell():
        pytest.fail(f"logged, and not claimed from logged_failures:\n{unclaimed}", pytrace=False)
    return result


@pytest.fixture(autouse=True)
def _reactor_left_clean() -> Iterator[None]:
    """Being the first of a test's own fixtures to be set up, this is torn down after the others."""
    before = _on_the_reactor()
    yield
    if left := _left_since(before):
        pytest.fail("left on the reactor:\n" + "\n".join(map(repr, left)), pytrace=False)


def _on_the_reactor() -> set[Any]:
    return {*reactor.getDelayedCalls(), *reactor.getReaders(), *reactor.getWriters()}


def _left_since(before: set[Any]) -> set[Any]:
    """What is on the reactor for good; it is taken off it, so that the next test has a clean one."""
    turns, end = TURNS, time.monotonic() + CLOSING
    while (left := _on_the_reactor() - before - reactor._internalReaders) and (turns > 0 or time.monotonic() < end):
        _turn_the_reactor(0 if turns > 0 else 0.01)
        turns -= 1
    calls = {each for each in left if IDelayedCall.providedBy(each)}
    for selectable in left - calls:
        reactor.removeReader(selectable)
        reactor.removeWriter(selectable)
        selectable.connectionLost(Failure(ConnectionAborted()))
    for call in calls:
        if call.active():  # and not cancelled by the loss of its connection
            call.cancel()
    return left


def _turn_the_reactor(seconds: float = 0) -> None:
    pytest_twisted.blockon(deferLater(reactor, seconds, lambda: None))


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
