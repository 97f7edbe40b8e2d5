"""What is said to spamd, and what is made of what it says; with the daemon itself in tests/interop."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure

from txsmtpx import FilterBackend, MemoryBackend
from txsmtpx.filters.spamc import SpamcProtocol, SpamdError
from txsmtpx.filters.spamd import Spamd, spamd
from txsmtpx.testing import Conversation, Outcome

MAIL = ("EHLO a", "MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "DATA")
HAM = b"SPAMD/1.1 0 EX_OK\r\nSpam: False ; 4.2 / 5.0\r\n\r\n"
SPAM = b"SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\nSpam: True ; 1005.2 / 5.0\r\n\r\n"


class Transport(StringTransport):
    """One that has two halves."""

    half_closed = aborted = False

    def loseWriteConnection(self):
        self.half_closed = True

    def abortConnection(self):
        self.aborted = True
        self.protocol.connectionLost(Failure(ConnectionDone()))


class Daemon:
    """An endpoint, at which spamd is this test."""

    def __init__(self, outcome=None):
        self.outcome = outcome
        self.clock = Clock()

    def connect(self, factory):
        if self.outcome is not None:
            return self.outcome
        self.protocol = factory.buildProtocol(None)
        self.transport = Transport()
        self.transport.protocol = self.protocol
        self.protocol.makeConnection(self.transport)
        return succeed(self.protocol)

    def say(self, octets):
        self.protocol.dataReceived(octets)
        self.protocol.readConnectionLost()
        assert self.transport.disconnecting
        self.protocol.connectionLost(Failure(ConnectionDone()))


class Asking:
    """A message for which spamd is asked."""

    def __init__(self, daemon=None, mail=MAIL, **how):
        self.daemon = daemon or Daemon()
        self.memory = MemoryBackend()
        spamd = Spamd(self.daemon, reactor=self.daemon.clock, **how)
        self.client = Conversation(FilterBackend(self.memory, spamd), clock=self.daemon.clock)
        self.client.ask(*mail)

    def send(self):
        return self.client.ask("Subject: x", "", "y", ".")


def test_what_it_is_asked():
    asking = Asking(user="me")
    assert asking.send() == []
    asked = b"CHECK SPAMC/1.5\r\nUser: me\r\n\r\nSubject: x\r\n\r\ny\r\n"
    assert asking.daemon.transport.value() == asked
    assert asking.daemon.transport.half_closed
    asking.daemon.say(HAM)
    assert asking.client.replies()[0].startswith("250")
    asking.client.hang_up()


@pytest.mark.parametrize(
    ("answer", "marks"),
    [
        (HAM, b"X-Spam-Status: No, score=4.2 required=5.0\r\n"),
        (SPAM, b"X-Spam-Flag: YES\r\nX-Spam-Status: Yes, score=1005.2 required=5.0\r\n"),
    ],
)
def test_marks(answer, marks):
    asking = Asking()
    asking.send()
    assert asking.memory.messages == []
    asking.daemon.say(answer)
    assert [each.content for each in asking.memory.messages] == [marks + b"Subject: x\r\n\r\ny\r\n"]
    asking.client.hang_up()


@pytest.mark.parametrize("mark", [True, False])
def test_refusals(mark):
    asking = Asking(reject_at=10, mark=mark)
    asking.send()
    asking.daemon.say(SPAM)
    assert asking.client.replies() == ["550 5.7.1 Message rejected as spam"]
    assert asking.memory.messages == []
    asking.client.hang_up()


def test_without_marks_it_is_not_held():
    asking = Asking(reject_at=10, mark=False)
    asking.send()
    asking.daemon.say(HAM)
    assert [each.content for each in asking.memory.messages] == [b"Subject: x\r\n\r\ny\r\n"]
    asking.client.hang_up()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SPAMD/1.0 76 EX_PROTOCOL\r\n\r\n",
        b"SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\n\r\n",
        b"SPAMD/1.1 0 EX_OK\r\nSpam: perhaps\r\n\r\n",
    ],
)
def test_nonsense_is_no_reason_to_refuse(answer):
    asking = Asking(reject_at=1)
    asking.send()
    asking.daemon.say(answer)
    assert [each.content for each in asking.memory.messages] == [b"Subject: x\r\n\r\ny\r\n"]
    asking.client.hang_up()


def passes(asking):
    assert asking.client.replies()[0].startswith("250")
    assert len(asking.memory.messages) == 1
    asking.client.hang_up()


def test_it_is_not_there():
    asking = Asking(Daemon(fail(ConnectionRefusedError())))
    asking.client.send(b"Subject: x\r\n\r\ny\r\n.\r\n")
    passes(asking)


def test_it_does_not_connect():
    asking = Asking(Daemon(Deferred()), timeout=5)
    assert asking.send() == []
    asking.daemon.clock.advance(5)
    passes(asking)


def test_it_does_not_answer():
    asking = Asking(timeout=5)
    assert asking.send() == []
    asking.daemon.clock.advance(5)
    assert asking.daemon.transport.aborted
    passes(asking)


def test_with_fail_the_filter_fails():
    """Then the settings of the filter decide what becomes of the mail."""
    for daemon, seconds in [(Daemon(fail(ConnectionRefusedError())), 0), (Daemon(Deferred()), 5), (Daemon(), 5)]:
        asking = Asking(daemon, timeout=5, unchecked="fail")
        with capturedLogs() as events:
            replies = asking.send()
            daemon.clock.advance(seconds)
            replies += asking.client.replies()
        assert [reply[:9] for reply in replies] == ["451 4.7.1"]
        assert not any("log_failure" in event for event in events)
        (line,) = [text for text in map(formatEvent, events) if " failed at " in text]
        assert " filter Spamd failed at " in line
        assert "spamd does not answer: " in line
        assert asking.memory.messages == []
        asking.client.hang_up()


def test_that_of_the_command_fails():
    made = spamd("unix:/run/spamd", reject_at=5, mark=False, user="ann", max_octets=100, timeout=7)
    assert (made.fails, made.reject_at, made.holds, made.user, made.max_octets, made.timeout) == (
        True, 5, False, "ann", 100, 7,
    )  # fmt: skip
    assert not Spamd(Daemon(), reactor=Clock()).fails


@pytest.mark.parametrize(("answer", "why"), [
    (b"SPAMD/1.5 0 PONG\r\n", None),
    (b"SPAMD/1.5 76 EX_PROTOCOL\r\n", r"not the answer of spamd to PING: b'SPAMD/1.5 76"),
    (b"220 mail.example.org\r\n", "not the answer of spamd to PING: b'220 mail"),
])  # fmt: skip
def test_a_check(answer, why):
    daemon = Daemon()
    outcome = Outcome(Deferred.fromCoroutine(Spamd(daemon, reactor=daemon.clock).check()))
    assert daemon.transport.value() == b"PING SPAMC/1.5\r\n\r\n"
    daemon.say(answer)
    if why is None:
        assert outcome.result() == "it answers"
    else:
        with pytest.raises(SpamdError, match=f"^{why}"):
            outcome.result()


def test_it_hangs_up():
    asking = Asking()
    assert not hasattr(asking.daemon, "transport")  # before there is a header
    asking.send()
    asking.daemon.protocol.connectionLost(Failure(ConnectionDone()))
    passes(asking)


def test_it_hangs_up_in_the_middle():
    asking = Asking()
    asking.client.send(b"Subject: x\r\n\r\nbody\r\n")
    asking.daemon.protocol.connectionLost(Failure(ConnectionDone()))
    asking.client.send(b"y\r\n.\r\n")
    passes(asking)


def test_it_talks_for_ever():
    asking = Asking()
    asking.send()
    asking.daemon.protocol.dataReceived(b"x" * (SpamcProtocol.MAX_ANSWER + 1))
    assert asking.daemon.transport.aborted
    passes(asking)


def test_a_slow_daemon_slows_the_peer():
    asking = Asking()
    asking.client.send(b"Subject: x\r\n\r\nbody\r\n")
    asking.daemon.protocol.pauseProducing()
    sent = 0
    while asking.client.transport.producerState == "producing" and sent < 20:
        asking.client.send((b"x" * 998 + b"\r\n") * 50)
        sent += 1
    assert sent < 6
    asking.daemon.protocol.resumeProducing()
    asking.client.send(b".\r\n")
    assert len(asking.daemon.transport.value()) > sent * 50000
    asking.daemon.say(HAM)
    passes(asking)


def test_a_message_that_is_too_big():
    asking = Asking(max_octets=1000)
    asking.client.send(b"Subject: x\r\n\r\n" + (b"x" * 98 + b"\r\n") * 9)
    assert not asking.daemon.transport.aborted
    asking.client.send(b"x" * 98 + b"\r\n")
    assert asking.daemon.transport.aborted
    asking.client.send(b".\r\n")
    passes(asking)


def test_a_client_cannot_avoid_the_check_by_a_wrong_size():
    asking = Asking(max_octets=1000, mail=(MAIL[0], f"{MAIL[1]} SIZE=1001", *MAIL[2:]), reject_at=5)
    asking.send()
    asking.daemon.say(SPAM)
    assert asking.client.replies() == ["550 5.7.1 Message rejected as spam"]
    asking.client.hang_up()


def test_the_peer_is_lost():
    asking = Asking()
    asking.client.send(b"Subject: x\r\n\r\nbody")
    asking.client.hang_up()
    assert asking.daemon.transport.aborted
    assert asking.memory.messages == []


@pytest.mark.parametrize("mark", [True, False])
def test_the_peer_is_lost_while_the_daemon_thinks(mark):
    """Nobody waits for the message any more, and the client will send it again."""
    asking = Asking(mark=mark)
    assert asking.send() == []
    asking.client.hang_up()
    assert asking.daemon.transport.aborted
    assert asking.memory.messages == []


@pytest.mark.parametrize("mark", [True, False])
def test_the_peer_is_lost_while_the_daemon_is_called(mark):
    calling = Deferred()
    asking = Asking(Daemon(calling), mark=mark)
    assert asking.send() == []
    asking.client.hang_up()
    assert calling.called
    assert asking.memory.messages == []


def test_no_user_has_such_a_name():
    with pytest.raises(ValueError, match="user is a name without spaces"):
        Spamd(Daemon(), user="me\r\nX: y", reactor=Clock())


def test_a_check_names_the_daemon_that_cannot_be_reached():
    class Nobody:
        def connect(self, factory):
            return fail(ConnectionRefusedError("no"))

    outcome = Outcome(Deferred.fromCoroutine(Spamd(Nobody(), reactor=Clock()).check()))
    with pytest.raises(SpamdError, match=r"^spamd cannot be reached: Connection was refused by other side: no"):
        outcome.result()
