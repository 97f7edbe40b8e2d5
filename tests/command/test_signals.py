"""The signals of an operator: SIGTERM stops, a second SIGINT does not wait, SIGHUP reads certificates again."""

from __future__ import annotations

import signal

import pytest
from twisted.internet.error import ReactorNotRunning

from txsmtpx.command.signals import Signals


class Reactor:
    """Calls at once, and notes that it was stopped."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.running = True

    def stop(self) -> None:
        if not self.running:
            raise ReactorNotRunning
        self.running = False
        self.calls.append("stop")

    def callWhenRunning(self, function, *args):
        function(*args)

    def callFromThread(self, function, *args):
        self.calls.append("from thread")
        function(*args)


SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def installed(reactor: Reactor, interrupt: object) -> dict[int, object]:
    """The handlers that are installed where that of SIGINT was ``interrupt``; those of this process stay."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        signal.signal(signal.SIGINT, interrupt)
        reload, abort = (lambda name=name: reactor.calls.append(name) for name in ("reload", "abort"))
        Signals(reactor, reload, abort).install()
        return {number: signal.getsignal(number) for number in SIGNALS}
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.fixture
def reactor():
    """A reactor whose signals are handled."""
    made = Reactor()
    handlers = installed(made, lambda number, frame: made.calls.append("interrupted"))
    made.signal = lambda number: handlers[number](number, None)
    return made


def test_sigterm_stops_the_reactor_in_its_thread(reactor):
    reactor.signal(signal.SIGTERM)
    assert reactor.calls == ["from thread", "stop"]


def test_sigterm_again_changes_nothing(reactor):
    reactor.signal(signal.SIGTERM)
    reactor.signal(signal.SIGTERM)
    assert reactor.calls.count("stop") == 1


def test_sigterm_after_the_reactor_was_stopped_is_no_error(reactor):
    reactor.stop()
    reactor.signal(signal.SIGTERM)
    assert reactor.calls.count("stop") == 1


def test_the_first_sigint_is_that_of_the_reactor_and_the_second_does_not_wait(reactor):
    reactor.signal(signal.SIGINT)
    assert reactor.calls == ["interrupted"]
    reactor.signal(signal.SIGINT)
    reactor.signal(signal.SIGINT)
    assert reactor.calls == ["interrupted", *["from thread", "abort"] * 2]


def test_sigint_after_sigterm_does_not_wait(reactor):
    reactor.signal(signal.SIGTERM)
    reactor.signal(signal.SIGINT)
    assert reactor.calls[-1] == "abort"


def test_sighup_as_often_as_it_comes(reactor):
    reactor.signal(signal.SIGHUP)
    reactor.signal(signal.SIGHUP)
    assert reactor.calls == ["from thread", "reload"] * 2


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_where_sigint_has_no_handler_it_stays_so(handler):
    """As of a program that was started in the background."""
    assert installed(Reactor(), handler)[signal.SIGINT] == handler
