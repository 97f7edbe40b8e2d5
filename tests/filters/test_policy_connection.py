"""A connection to a policy server: one request at a time, and what ends it."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionLost

from tests.filters.daemon import Pipe
from txsmtpx.filters.policy_connection import PolicyConnection, Unanswered
from txsmtpx.filters.policy_message import PolicyError
from txsmtpx.testing import Outcome


class Connected:
    """A connection, and what has become of it."""

    def __init__(self) -> None:
        self.closed: list[PolicyConnection] = []
        self.connection = PolicyConnection(self.closed.append)
        self.pipe = Pipe(self.connection)
        self.connection.makeConnection(self.pipe)


@pytest.fixture
def connected() -> Connected:
    return Connected()


def test_one_request_after_the_other(connected: Connected) -> None:
    connection, pipe = connected.connection, connected.pipe
    for word in ("DUNNO", "OK"):
        assert connection.usable
        answer = Outcome(connection.ask(b"request\n\n"))
        assert pipe.asked == b"request\n\n"
        assert not connection.usable
        pipe.say(f"action={word}\n".encode())
        assert not answer.fired
        pipe.say(b"\n")
        assert answer.result() == word
    assert connection.usable
    pipe.hang_up()
    assert connected.closed == [connection]
    assert not connection.usable


@pytest.mark.parametrize("said", [b"x\n\n", b"\n", b"action=OK\n\naction=OK\n\n", b"action=OK\n\n\0"])
def test_nonsense_ends_it(connected: Connected, said: bytes) -> None:
    answer = Outcome(connected.connection.ask(b"request\n\n"))
    connected.pipe.say(said)
    assert type(answer.error) is PolicyError
    assert connected.pipe.aborted
    assert connected.closed == [connected.connection]


def test_an_answer_without_a_request_ends_it(connected: Connected) -> None:
    connected.pipe.say(b"action=OK\n\n")
    assert connected.pipe.aborted
    assert not connected.connection.usable


@pytest.mark.parametrize(("error", "how"), [(None, "has closed the connection"), (ConnectionLost(), "is lost")])
def test_it_is_closed_before_the_answer(connected: Connected, error: Exception | None, how: str) -> None:
    answer = Outcome(connected.connection.ask(b"request\n\n"))
    connected.pipe.hang_up(error)
    assert isinstance(answer.error, Unanswered)
    assert str(answer.error) == f"the policy server {how} before the end of its answer"


def test_it_is_closed_within_the_answer(connected: Connected) -> None:
    answer = Outcome(connected.connection.ask(b"request\n\n"))
    connected.pipe.say(b"action=OK\n")
    connected.pipe.hang_up()
    assert type(answer.error) is PolicyError


def test_a_request_is_cancelled(connected: Connected) -> None:
    given = connected.connection.ask(b"request\n\n")
    answer = Outcome(given)
    given.cancel()
    assert isinstance(answer.error, CancelledError)
    assert connected.pipe.aborted
    connected.pipe.say(b"action=OK\n\n")  # which was on its way
