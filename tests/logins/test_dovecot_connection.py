"""A connection to Dovecot: the handshake, many requests at once, and what ends it."""

from __future__ import annotations

import re

import pytest
from twisted.internet.task import Clock

from tests.filters.daemon import Pipe
from tests.logins.dovecot import greeting
from txsmtpx.logins.dovecot_connection import MAX_MECHANISMS, MAX_OPEN, DovecotConnection
from txsmtpx.logins.dovecot_lines import MAX_ANSWER, MAX_LINE, Accepted, Answer, Challenge, DovecotError, Refused
from txsmtpx.testing import Outcome
from txsmtpx.testing.conversation import cut_at, one_by_one, whole

CLOSED = "it has closed the connection"


class Connected:
    """A connection, and what has become of it."""

    def __init__(self, *segments: bytes) -> None:
        self.clock = Clock()
        self.ended: list[str] = []
        self.connection = DovecotConnection(self.clock, 30, self.ended.append)
        self.ready = Outcome(self.connection.ready)
        self.pipe = Pipe(self.connection)
        self.connection.makeConnection(self.pipe)
        self.hello = self.pipe.asked
        for each in segments:
            self.pipe.say(each)

    def begin(self) -> Outcome[Answer]:
        return Outcome(self.connection.begin("PLAIN", {"service": "smtp"}, None)[1])


@pytest.fixture
def connected() -> Connected:
    return Connected(greeting())


CUTS = [whole, one_by_one, *(cut_at(place) for place in range(1, len(greeting())))]


@pytest.mark.parametrize("cut", CUTS)
def test_the_handshake_in_any_segments(cut):
    found = Connected(*cut(greeting(), 0))
    found.ready.result()
    assert found.connection.usable
    assert list(found.connection.mechanisms) == ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"]
    assert found.connection.mechanisms["PLAIN"].flags == {"plaintext"}
    assert not found.clock.getDelayedCalls()


def test_each_client_has_a_number_of_its_own():
    """Dovecot refuses a second client with the number of the first."""
    hellos = {Connected().hello for _ in range(5)}
    assert len(hellos) == 5
    for each in hellos:
        assert re.fullmatch(rb"VERSION\t1\t2\nCPID\t[1-9][0-9]*\n", each)


@pytest.mark.parametrize(("said", "text"), [
    (b"220 mail.example.org ESMTP\r\n", "its first line is not VERSION; this is no socket of Dovecot's authentication"),
    (b"MECH\tPLAIN\n", "its first line is not VERSION; this is no socket of Dovecot's authentication"),
    (b"VERSION\t2\t0\n", "it has version 2.0 of the protocol, and 1.2 is needed"),
    (b"VERSION\n", "the line VERSION is malformed"),
    (b"VERSION\t1\t2\nVERSION\t1\t2\n", "a line of the handshake is not known"),
    (b"VERSION\t1\t2\nMECH\n", "the line MECH is malformed"),
    (b"VERSION\t1\t2\nOK\t1\n", "a line of the handshake is not known"),
    (b"VERSION\t1\t2\n\xff\n", "a line of the handshake is not known"),
    (b"x" * (MAX_ANSWER + 1), "a line is too long"),
    (b"VERSION\t1\t2\n" + b"".join(b"MECH\tX%d\n" % n for n in range(MAX_MECHANISMS + 1)),
     f"it offers more than {MAX_MECHANISMS} mechanisms"),
])  # fmt: skip
def test_a_handshake_that_is_none(said, text):
    found = Connected(said)
    assert str(found.ready.error) == text
    assert found.pipe.aborted
    assert found.ended == [text]
    assert not found.connection.usable


def test_requests_are_answered_in_any_order(connected):
    answers = [connected.begin() for _ in range(3)]
    assert connected.pipe.asked == b"".join(b"AUTH\t%d\tPLAIN\tservice=smtp\n" % n for n in (1, 2, 3))
    connected.pipe.say(b"OK\t3\tuser=c\nCONT\t1\tAA==\n")
    connected.pipe.say(b"FAIL\t2\n")
    assert [each.result() for each in answers] == [Challenge(b"\0"), Refused({}), Accepted({"user": "c"})]
    more = Outcome(connected.connection.go_on(1, b"x"))
    assert connected.pipe.asked == b"CONT\t1\teA==\n"
    connected.pipe.say(b"OK\t1\tuser=a\n")
    assert more.result() == Accepted({"user": "a"})
    assert not connected.clock.getDelayedCalls()


def test_an_answer_that_is_expected_no_more_is_ignored(connected):
    connected.pipe.say(b"FAIL\t1\nOK\t99\tuser=a\nCANCELLED\t1\n")
    assert connected.connection.usable


NONSENSE = [b"nonsense\n", b"OK\n", b"CONT\t1\n", b"\n", b"\xff\n", b"x" * (MAX_ANSWER + 1)]


@pytest.mark.parametrize("said", NONSENSE)
def test_nonsense_ends_it(connected, said):
    answers = [connected.begin(), connected.begin()]
    connected.pipe.say(said)
    assert connected.pipe.aborted
    assert not connected.connection.usable
    (reason,) = connected.ended
    for each in answers:
        assert isinstance(each.error, DovecotError)
        assert str(each.error) == reason
    assert not connected.clock.getDelayedCalls()


def test_nothing_behind_nonsense_counts(connected):
    answer = connected.begin()
    connected.pipe.say(b"nonsense\nOK\t1\tuser=a\n")
    assert isinstance(answer.error, DovecotError)


def test_it_is_closed(connected):
    answer = connected.begin()
    connected.pipe.hang_up()
    assert str(answer.error) == CLOSED
    assert connected.ended == [CLOSED]
    assert not connected.connection.usable
    assert not connected.clock.getDelayedCalls()


def test_it_is_closed_within_the_handshake():
    found = Connected(greeting()[:20])
    found.pipe.hang_up()
    assert str(found.ready.error) == CLOSED


def test_dovecot_hangs(connected):
    """Nothing comes at all: a new connection is needed."""
    answers = [connected.begin()]
    connected.clock.advance(10)
    answers.append(connected.begin())
    connected.clock.advance(19)
    assert not any(each.fired for each in answers)
    connected.clock.advance(1)
    assert [str(each.error) for each in answers] == ["no answer within 30 seconds"] * 2
    assert connected.pipe.aborted
    assert not connected.clock.getDelayedCalls()


def test_one_answer_does_not_come(connected):
    """Others do: only this one is given up."""
    slow, fast = connected.begin(), connected.begin()
    connected.clock.advance(10)
    connected.pipe.say(b"FAIL\t2\n")
    assert fast.fired
    assert connected.pipe.asked
    connected.clock.advance(20)
    assert str(slow.error) == "no answer within 30 seconds"
    assert connected.pipe.asked == b"CANCEL\t1\n"
    assert connected.connection.usable
    connected.pipe.say(b"OK\t1\tuser=a\n")
    assert connected.connection.usable


def test_a_request_is_cancelled(connected):
    number, answer = connected.connection.begin("PLAIN", {}, None)
    outcome = Outcome(answer)
    assert connected.pipe.asked
    answer.cancel()
    assert outcome.error is not None
    assert connected.pipe.asked == b"CANCEL\t%d\n" % number
    assert not connected.clock.getDelayedCalls()


def test_a_response_that_is_too_long_leaves_nothing(connected):
    with pytest.raises(ValueError, match="too long"):
        connected.connection.begin("PLAIN", {}, bytes(MAX_LINE))
    with pytest.raises(ValueError, match="too long"):
        connected.connection.go_on(1, bytes(MAX_LINE))
    assert not connected.clock.getDelayedCalls()
    assert not connected.pipe.asked


def test_exchanges_without_their_clients_are_bounded(connected):
    """Dovecot keeps each of them for 150 seconds."""
    for number in range(1, MAX_OPEN + 1):
        connected.begin()
        connected.pipe.say(b"CONT\t%d\t\n" % number)
    assert b"CANCEL" not in connected.pipe.asked
    connected.connection.go_on(2, b"")
    connected.pipe.say(b"OK\t2\tuser=a\n")
    for number in (MAX_OPEN + 1, MAX_OPEN + 2):
        assert b"CANCEL" not in connected.pipe.asked
        connected.begin()
        connected.pipe.say(b"CONT\t%d\t\n" % number)
    assert connected.pipe.asked.endswith(b"CANCEL\t1\n")
    with pytest.raises(DovecotError, match="more than 1000 wait"):
        connected.connection.go_on(1, b"")
    connected.connection.go_on(3, b"")
    assert connected.pipe.asked == b"CONT\t3\t\n"
