"""A connection to a daemon that looks at one message: back-pressure, and the ends of an answer."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost

from tests.filters.daemon import Pipe
from txsmtpx.filters.daemon_connection import DaemonConnection
from txsmtpx.testing import Outcome


class Lines(DaemonConnection):
    """Its answer is a line."""

    MAX_ANSWER = 10

    def is_complete(self, received: bytes) -> bool:
        return b"\n" in received


def connected(kind: type[DaemonConnection] = Lines) -> tuple[DaemonConnection, Pipe]:
    connection = kind()
    pipe = Pipe(connection)
    connection.makeConnection(pipe)
    return connection, pipe


def test_an_answer_that_is_complete() -> None:
    connection, pipe = connected()
    assert connection.send(b"x") is None
    assert pipe.producer is connection
    answer = Outcome(connection.answer())
    assert pipe.asked == b"x"
    assert pipe.producer is None
    pipe.say(b"yes")
    assert not answer.fired
    pipe.say(b"\nno")
    assert answer.result() == b"yes\nno"
    pipe.hang_up()


def test_an_answer_that_ends_with_the_connection() -> None:
    connection, pipe = connected(DaemonConnection)
    answer = Outcome(connection.answer())
    pipe.say(b"yes\n")
    assert not answer.fired
    pipe.hang_up()
    assert answer.result() == b"yes\n"


def test_an_early_answer() -> None:
    connection, pipe = connected()
    assert not connection.has_answered
    pipe.say(b"no\n")
    assert connection.has_answered
    assert Outcome(connection.answer()).result() == b"no\n"


@pytest.mark.parametrize("early", [True, False])
def test_no_answer(early: bool) -> None:
    connection, pipe = connected()
    if early:
        pipe.hang_up()
    answer = Outcome(connection.answer())
    pipe.hang_up()
    assert isinstance(answer.error, ConnectionLost)


@pytest.mark.parametrize(("octets", "aborted"), [(10, False), (11, True)])
def test_an_answer_without_end(octets: int, aborted: bool) -> None:
    _, pipe = connected()
    pipe.say(b"x" * octets)
    assert pipe.aborted is aborted


def test_a_slow_daemon() -> None:
    connection, pipe = connected()
    connection.pauseProducing()
    waiting = connection.send(b"x")
    assert isinstance(waiting, Deferred)
    room = Outcome(waiting)
    connection.resumeProducing()
    assert room.fired
    connection.pauseProducing()
    cancelled = connection.send(b"y")
    assert isinstance(cancelled, Deferred)
    outcome = Outcome(cancelled)
    cancelled.cancel()
    pipe.hang_up()
    assert isinstance(outcome.error, CancelledError)
    assert connection.send(b"z") is None


def test_a_lost_connection_is_not_aborted() -> None:
    connection, pipe = connected()
    pipe.hang_up()
    connection.abort()
    assert not pipe.aborted
