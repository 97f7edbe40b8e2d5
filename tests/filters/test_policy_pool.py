"""The connections to a policy server: kept, limited, and replaced when the server has closed them."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock

from tests.filters.daemon import NEVER, REFUSED, Daemon
from txsmtpx.filters.policy_connection import Unanswered
from txsmtpx.filters.policy_message import PolicyError
from txsmtpx.filters.policy_pool import PolicyPool
from txsmtpx.testing import Outcome

OK = b"action=OK\n\n"


class Asking:
    """A pool, its server and its clock."""

    def __init__(self, mode: str = "", connections: int = 2) -> None:
        self.clock = Clock()
        self.server = Daemon(mode)
        self.pool = PolicyPool(self.server, self.clock, 100, connections, 60)

    def ask(self, text: str = "request") -> Outcome[str]:
        return Outcome(self.pool.ask(text.encode()))

    def waits(self) -> bool:
        """Whether a timer is left."""
        return bool(self.clock.getDelayedCalls())


def test_a_connection_is_kept() -> None:
    asking = Asking()
    for _ in range(3):
        answer = asking.ask()
        (pipe,) = asking.server.pipes
        assert pipe.asked == b"request"
        pipe.say(OK)
        assert answer.result() == "OK"
    asking.pool.close()
    assert pipe.aborted
    assert not asking.waits()


def test_requests_at_the_same_time_have_connections_of_their_own() -> None:
    asking = Asking()
    answers = [asking.ask(str(number)) for number in range(5)]
    first, second = asking.server.pipes
    assert (first.asked, second.asked) == (b"0", b"1")
    second.say(b"action=1\n\n")
    assert second.asked == b"2"  # which has waited
    second.say(b"action=2\n\n")
    first.say(b"action=0\n\n")
    first.say(b"action=4\n\n")
    second.say(b"action=3\n\n")
    assert [each.result() for each in answers] == ["0", "1", "2", "3", "4"]
    assert len(asking.server.pipes) == 2
    asking.pool.close()
    assert not asking.waits()


def test_a_connection_without_a_request_is_closed() -> None:
    asking = Asking()
    asking.ask()
    asking.server.pipes[0].say(OK)
    asking.clock.advance(59)
    assert not asking.server.pipes[0].aborted
    asking.clock.advance(1)
    assert asking.server.pipes[0].aborted
    assert not asking.waits()


def test_the_server_closes_a_kept_connection() -> None:
    asking = Asking()
    asking.ask()
    asking.server.pipes[0].say(OK)
    asking.server.pipes[0].hang_up()
    assert not asking.waits()
    answer = asking.ask()
    asking.server.pipes[1].say(OK)
    assert answer.result() == "OK"
    asking.pool.close()


def test_a_kept_connection_turns_out_to_be_closed() -> None:
    """The request goes once more, on a new connection, and not on another kept one."""
    asking = Asking()
    asking.ask(), asking.ask()
    for pipe in asking.server.pipes:
        pipe.say(OK)
    answer = asking.ask("again")
    asking.server.pipes[1].hang_up()
    assert asking.server.pipes[2].asked == b"again"
    asking.server.pipes[2].say(OK)
    assert answer.result() == "OK"
    asking.pool.close()
    assert not asking.waits()


def test_it_is_tried_once_only() -> None:
    asking = Asking()
    asking.ask()
    asking.server.pipes[0].say(OK)
    answer = asking.ask()
    asking.server.pipes[0].hang_up()
    asking.server.pipes[1].hang_up()
    assert isinstance(answer.error, Unanswered)
    assert len(asking.server.pipes) == 2
    assert not asking.waits()


def test_a_new_connection_is_not_tried_again() -> None:
    asking = Asking()
    answer = asking.ask()
    asking.server.pipes[0].hang_up()
    assert isinstance(answer.error, Unanswered)
    assert len(asking.server.pipes) == 1


def test_a_kept_connection_is_closed_within_the_answer() -> None:
    asking = Asking()
    asking.ask()
    asking.server.pipes[0].say(OK)
    answer = asking.ask()
    asking.server.pipes[0].say(b"act")
    asking.server.pipes[0].hang_up()
    assert type(answer.error) is PolicyError
    assert len(asking.server.pipes) == 1


def test_nonsense_after_the_answer_ends_the_connection() -> None:
    asking = Asking()
    answer = asking.ask()
    asking.server.pipes[0].say(OK)
    asking.server.pipes[0].say(b"action=REJECT\n\n")
    assert answer.result() == "OK"
    assert asking.server.pipes[0].aborted
    assert not asking.waits()


def test_the_server_is_not_there() -> None:
    asking = Asking(REFUSED)
    for _ in range(3):  # more than there are connections
        error = asking.ask().error
        assert isinstance(error, PolicyError)
        assert str(error).startswith("the policy server cannot be reached: Connection was refused")


@pytest.mark.parametrize("mode", ["", NEVER])
def test_the_server_is_silent(mode: str) -> None:
    asking = Asking(mode)
    answers = [asking.ask() for _ in range(3)]
    asking.clock.advance(99)
    assert not any(each.fired for each in answers)
    asking.clock.advance(1)
    assert {str(each.error) for each in answers} == {"the policy server has not answered within 100 seconds"}
    assert all(pipe.aborted for pipe in asking.server.pipes)
    assert all(each.called for each in asking.server.connecting)
    assert not asking.waits()
    asking.server.mode = ""
    answer = asking.ask()
    asking.server.pipes[-1].say(OK)
    assert answer.result() == "OK"
    asking.pool.close()


@pytest.mark.parametrize("mode", ["", NEVER])
def test_a_request_is_cancelled(mode: str) -> None:
    asking = Asking(mode, connections=1)
    given = asking.pool.ask(b"request")
    waiting = asking.pool.ask(b"later")
    outcomes = [Outcome(given), Outcome(waiting)]
    waiting.cancel()
    given.cancel()
    assert all(isinstance(each.error, CancelledError) for each in outcomes)
    assert all(pipe.aborted for pipe in asking.server.pipes)
    assert not asking.waits()
