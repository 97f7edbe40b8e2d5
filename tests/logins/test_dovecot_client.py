"""The connection to Dovecot is opened when it is needed, and again after it was lost."""

from __future__ import annotations

import pytest
from twisted.internet.defer import fail
from twisted.internet.error import ConnectError
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from tests.filters.daemon import NEVER, REFUSED, Daemon
from tests.logins.dovecot import greeting
from txsmtpx.logins.dovecot_client import ASSUMED, CONNECT_TIMEOUT, RETRY, DovecotClient
from txsmtpx.logins.dovecot_connection import DovecotConnection
from txsmtpx.logins.dovecot_lines import DovecotError
from txsmtpx.testing import Outcome


class Reaching:
    """A client, and its Dovecot."""

    def __init__(self, mode: str = "", timeout: float = 30) -> None:
        self.clock = Clock()
        self.daemon = Daemon(mode)
        self.client = DovecotClient(self.daemon, "dovecot", timeout, self.clock)

    def usable(self) -> Outcome[DovecotConnection]:
        return Outcome(self.client.usable())

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.client.offered]


def test_all_share_one_connection():
    reaching = Reaching()
    first, second = reaching.usable(), reaching.usable()
    assert not first.fired
    reaching.daemon.pipes[-1].say(greeting())
    assert first.result() is second.result() is reaching.usable().result()
    assert len(reaching.daemon.pipes) == 1
    assert not reaching.clock.getDelayedCalls()


def test_what_is_offered_is_known_after_the_handshake():
    reaching = Reaching()
    assert reaching.client.offered is ASSUMED
    assert reaching.names == ["PLAIN", "LOGIN"]
    reaching.client.connect()
    reaching.daemon.pipes[-1].say(greeting("CRAM-MD5", "X-OWN"))
    assert reaching.names == ["CRAM-MD5", "X-OWN"]
    reaching.daemon.pipes[-1].hang_up()
    assert reaching.names == ["CRAM-MD5", "X-OWN"]


def test_it_connects_again_at_once_after_a_connection_was_lost():
    reaching = Reaching()
    reaching.client.connect()
    reaching.daemon.pipes[-1].say(greeting())
    reaching.daemon.pipes[-1].hang_up()
    again = reaching.usable()
    reaching.daemon.pipes[-1].say(greeting("PLAIN"))
    assert again.result().usable
    assert len(reaching.daemon.pipes) == 2
    assert reaching.names == ["PLAIN"]


def test_it_backs_off_after_a_failed_attempt():
    reaching = Reaching(REFUSED)
    assert isinstance(reaching.usable().error, DovecotError)
    reaching.daemon.mode = ""
    assert isinstance(reaching.usable().error, DovecotError)
    reaching.client.connect()
    assert not reaching.daemon.pipes
    reaching.clock.advance(RETRY)
    again = reaching.usable()
    reaching.daemon.pipes[-1].say(greeting())
    assert again.result().usable


@pytest.mark.parametrize("said", [b"", b"VERSION\t1\t2\n", b"VERSION\t9\t0\n"])
def test_a_handshake_that_fails_is_a_failed_attempt(said):
    reaching = Reaching()
    outcome = reaching.usable()
    reaching.daemon.pipes[-1].say(said)
    reaching.daemon.pipes[-1].hang_up()
    assert isinstance(outcome.error, DovecotError)
    assert isinstance(reaching.usable().error, DovecotError)
    assert len(reaching.daemon.pipes) == 1


@pytest.mark.parametrize("mode", ["", NEVER])
@pytest.mark.parametrize(("timeout", "patience"), [(30, CONNECT_TIMEOUT), (2, 2)])
def test_it_waits_for_a_time(mode, timeout, patience):
    """For the connection, and for the handshake."""
    reaching = Reaching(mode, timeout)
    outcome = reaching.usable()
    reaching.clock.advance(patience - 0.1)
    assert not outcome.fired
    reaching.clock.advance(0.1)
    assert str(outcome.error) == f"no handshake within {patience:g} seconds"
    assert all(pipe.aborted for pipe in reaching.daemon.pipes)
    assert not reaching.clock.getDelayedCalls()


def test_the_reason_is_that_of_the_system():
    reaching = Reaching()
    reaching.daemon.connect = lambda factory: fail(ConnectError(2, "x"))  # type: ignore[method-assign]
    assert str(reaching.usable().error) == "No such file or directory"


def test_a_wait_is_cancelled():
    reaching = Reaching()
    given = reaching.client.usable()
    outcome, other = Outcome(given), reaching.usable()
    given.cancel()
    assert outcome.fired
    reaching.daemon.pipes[-1].say(greeting())
    assert other.result().usable


def test_a_wait_is_cancelled_before_the_attempt_fails():
    reaching = Reaching()
    given = reaching.client.usable()
    outcome = Outcome(given)
    given.cancel()
    reaching.daemon.pipes[-1].hang_up()
    assert outcome.fired


def test_the_first_of_those_that_wait_may_end_the_connection():
    reaching = Reaching()
    first = reaching.client.usable().addCallback(lambda connection: connection.abort("by the first"))
    second = reaching.usable()
    reaching.daemon.pipes[-1].say(greeting())
    assert first.called
    assert isinstance(second.error, DovecotError)


@pytest.mark.parametrize("greeted", [False, True])
def test_it_is_closed(greeted):
    reaching = Reaching()
    outcome = reaching.usable()
    if greeted:
        reaching.daemon.pipes[-1].say(greeting())
    reaching.client.close()
    assert reaching.daemon.pipes[-1].aborted
    assert outcome.fired
    assert not reaching.clock.getDelayedCalls()
    reaching.client.close()


@pytest.mark.parametrize("mode", ["", NEVER])
def test_to_close_it_is_no_failure_of_dovecot(mode):
    with capturedLogs() as events:
        reaching = Reaching(mode)
        outcome = reaching.usable()
        reaching.client.close()
    assert str(outcome.error) == "the server stops"
    assert not events
    again = reaching.usable()
    assert not again.fired  # it connects at once
    reaching.client.close()


def test_one_line_for_a_failure_and_one_for_its_end():
    with capturedLogs() as events:
        reaching = Reaching(REFUSED)
        for _ in range(3):
            reaching.usable()
            reaching.clock.advance(RETRY)
        reaching.daemon.mode = ""
        reaching.client.connect()
        reaching.daemon.pipes[-1].say(greeting())
        reaching.daemon.pipes[-1].hang_up()
    assert [formatEvent(each) for each in events] == [
        "dovecot cannot be used: Connection was refused by other side.",
        "dovecot offers PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256",
        "dovecot is used again",
        "dovecot: the connection has ended: it has closed the connection",
    ]
