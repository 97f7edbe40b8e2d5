"""The reactor of ``twistd smtpx``: it passes events on, and is installed only where there is none."""

from __future__ import annotations

import os
import select
import subprocess
import sys

import pytest

if not hasattr(select, "epoll"):
    pytest.skip("there is no epoll here", allow_module_level=True)

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ReactorAlreadyInstalledError
from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import capturedLogs
from zope.interface import implementer

from txsmtpx.wire import epoll_reactor
from txsmtpx.wire.epoll_reactor import SMTPReactor
from txsmtpx.wire.twisted_internals import close_waker


@implementer(IReadDescriptor)
class Pipe:
    """The end of a pipe that a reactor watches."""

    def __init__(self, fail: bool = False) -> None:
        self._end, self._other = os.pipe()
        self._fail = fail
        self.seen = b""
        self.lost = False

    def write(self, octets: bytes) -> None:
        os.write(self._other, octets)

    def close(self) -> None:
        os.close(self._end)
        os.close(self._other)

    def fileno(self) -> int:
        return self._end

    def logPrefix(self) -> str:
        return "pipe"

    def doRead(self) -> None:
        self.seen += os.read(self._end, 100)
        if self._fail:
            raise OSError("broken")

    def connectionLost(self, reason: object) -> None:
        self.lost = True


@pytest.fixture
def made():
    reactor = SMTPReactor()
    yield reactor
    reactor.removeAll()
    close_waker(reactor)
    reactor._poller.close()


def test_it_is_twisteds_but_for_the_loop():
    assert SMTPReactor.__bases__ == (EPollReactor,)
    assert {name for name in vars(SMTPReactor) if not name.startswith("_")} == {"doPoll", "doIteration"}
    assert SMTPReactor.doIteration is SMTPReactor.doPoll


def test_it_passes_events_on(made):
    pipe = Pipe()
    made.addReader(pipe)
    made.doPoll(0)
    assert pipe.seen == b""
    pipe.write(b"x")
    made.doPoll(None)
    assert pipe.seen == b"x"
    made.removeReader(pipe)
    pipe.write(b"y")
    made.doPoll(0)
    assert pipe.seen == b"x"
    pipe.close()


def test_an_error_ends_one_connection_and_is_logged(made, logged_failures):
    broken, other = Pipe(fail=True), Pipe()
    for pipe in (broken, other):
        made.addReader(pipe)
        pipe.write(b"x")
    with capturedLogs() as log:
        made.doPoll(0)
    assert broken.lost
    assert not other.lost
    assert other.seen == b"x"
    assert [event["isError"] for event in log] == [1]
    logged_failures.flush()
    made.removeReader(other)
    broken.close()
    other.close()


def test_it_calls_what_is_due(made):
    called = []
    made.callLater(0, called.append, "now")
    made.callLater(1000, called.append, "later").cancel()
    made.runUntilCurrent()
    assert called == ["now"]


def test_where_there_is_a_reactor_none_is_installed():
    from twisted.internet import reactor

    epoll_reactor.prefer()
    assert sys.modules["twisted.internet.reactor"] is reactor
    with pytest.raises(ReactorAlreadyInstalledError):
        epoll_reactor.install()


SCRIPT = """
import sys
from txsmtpx.wire import epoll_reactor
assert "twisted.internet.reactor" not in sys.modules
epoll_reactor.prefer()
from twisted.internet import reactor
assert type(reactor) is epoll_reactor.SMTPReactor, reactor
reactor.callWhenRunning(reactor.callLater, 0, reactor.stop)
reactor.run()
"""


def test_where_there_is_none_it_is_installed_and_runs():
    run = subprocess.run([sys.executable, "-W", "error", "-c", SCRIPT], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")
