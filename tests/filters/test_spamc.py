"""The client of SPAMC/1.5: how it reads an answer, and a connection of its own making."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from txsmtpx.filters.spamc import Score, SpamcProtocol, SpamdError, score_in
from txsmtpx.testing import Outcome

MAX_ANSWER = SpamcProtocol.MAX_ANSWER
OK = b"SPAMD/1.1 0 EX_OK\r\n"


@pytest.mark.parametrize(("answer", "score"), [
    (OK + b"Spam: True ; 12.5 / 5.0\r\n\r\n", Score(True, 12.5, 5.0)),
    (OK + b"Content-length: 3\r\nSpam: False ; -1.0 / 5\r\n\r\nxyz", Score(False, -1.0, 5.0)),
    (b"SPAMD/1.5 00 EX_OK\r\nspam:yes;7/6\r\n\r\n", Score(True, 7.0, 6.0)),
    (OK + b"Spam: No ; 0.0 / 5.0\r\n", Score(False, 0.0, 5.0)),
    (OK + b"Spam: False ; 1.0 / 5.0\r\nSpam: True ; 9.0 / 5.0\r\n", Score(False, 1.0, 5.0)),
])  # fmt: skip
def test_an_answer(answer, score):
    assert score_in(answer) == score


@pytest.mark.parametrize(("answer", "text"), [
    (b"", "not the protocol of spamd: b''"),
    (b"HTTP/1.1 200 OK\r\n\r\n", r"not the protocol of spamd: b'HTTP/1.1 200 OK"),
    (b"SPAMD/1.1 0 EX_OK", "not the protocol of spamd"),
    (b"SPAMD/1.1 76 EX_PROTOCOL\r\n\r\n", "spamd replied 76 EX_PROTOCOL"),
    (b"SPAMD/1.1 74 \xff\r\n\r\n", "spamd replied 74 \ufffd"),
    (OK + b"\r\n", "the reply of spamd has no verdict"),
    (OK + b"X-Spam: True ; 1.0 / 5.0\r\n", "the reply of spamd has no verdict"),
    (OK + b"Spam: True ; much / 5.0\r\n", "the reply of spamd has no verdict"),
])  # fmt: skip
def test_no_answer(answer, text):
    with pytest.raises(SpamdError, match=f"^{text}"):
        score_in(answer)


def test_of_a_long_nonsense_the_beginning_is_shown():
    with pytest.raises(SpamdError) as error:
        score_in(b"x" * 10_000)
    assert len(str(error.value)) < 150


# ---- the connection


class Transport(StringTransport):
    """One that has two halves."""

    half_closed = aborted = False

    def loseWriteConnection(self):
        self.half_closed = True

    def abortConnection(self):
        self.aborted = True


@pytest.fixture
def spamc():
    protocol = SpamcProtocol()
    protocol.makeConnection(Transport())
    return protocol


def test_octets_are_sent_and_then_half_of_the_connection_is_closed(spamc):
    assert spamc.send(b"CHECK SPAMC/1.5\r\n\r\n") is None
    assert spamc.send(b"x") is None
    assert spamc.transport.producer is spamc
    answer = Outcome(spamc.answer())
    assert spamc.transport.value() == b"CHECK SPAMC/1.5\r\n\r\nx"
    assert spamc.transport.half_closed
    assert spamc.transport.producer is None
    spamc.dataReceived(OK[:5])
    spamc.dataReceived(OK[5:])
    spamc.readConnectionLost()
    assert spamc.transport.disconnecting
    assert not answer.fired
    spamc.connectionLost(Failure(ConnectionDone()))
    assert answer.result() == OK


def test_a_slow_daemon_is_waited_for(spamc):
    spamc.pauseProducing()
    waiting = spamc.send(b"x")
    assert isinstance(waiting, Deferred)
    room = Outcome(waiting)
    assert not room.fired
    spamc.resumeProducing()
    assert room.result() is None
    assert spamc.send(b"y") is None


def test_a_daemon_that_is_lost_is_not_waited_for(spamc):
    spamc.pauseProducing()
    room = Outcome(spamc.send(b"x"))
    spamc.connectionLost(Failure(ConnectionDone()))
    assert room.result() is None
    assert spamc.send(b"y") is None


def test_one_who_no_longer_waits_is_not_woken(spamc):
    spamc.pauseProducing()
    waiting = spamc.send(b"x")
    outcome = Outcome(waiting)
    waiting.cancel()
    spamc.resumeProducing()
    assert outcome.error is not None


def test_a_daemon_that_says_nothing(spamc):
    answer = Outcome(spamc.answer())
    spamc.connectionLost(Failure(ConnectionDone()))
    assert isinstance(answer.error, ConnectionLost)


@pytest.mark.parametrize("said", [b"", OK])
def test_an_answer_that_came_before_the_end_of_the_message(spamc, said):
    spamc.dataReceived(said)
    spamc.connectionLost(Failure(ConnectionDone()))
    answer = Outcome(spamc.answer())
    assert (answer.error is None) is bool(said)
    assert not spamc.transport.half_closed


@pytest.mark.parametrize(("octets", "aborted"), [(MAX_ANSWER, False), (MAX_ANSWER + 1, True)])
def test_an_answer_without_end(spamc, octets, aborted):
    spamc.dataReceived(b"x" * octets)
    assert spamc.transport.aborted is aborted


def test_a_connection_is_aborted_once(spamc):
    spamc.connectionLost(Failure(ConnectionDone()))
    spamc.abort()
    assert not spamc.transport.aborted
