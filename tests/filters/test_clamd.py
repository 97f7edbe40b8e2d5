"""A filter that sends each message to clamd, and what becomes of its answers; clamd itself is in tests/interop."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from tests.filters.daemon import NEVER, REFUSED, Daemon
from txsmtpx import Accept, Discard, MailOptions, Quarantine, Reply
from txsmtpx.content import header
from txsmtpx.filters.clamd import TOO_LARGE_552, Clamd, VirusScan
from txsmtpx.filters.clamd_stream import MAX_ANSWER, ClamdError
from txsmtpx.interfaces import Connection
from txsmtpx.settling import deferred_call
from txsmtpx.testing import Outcome

OK = b"stream: OK\0"
FOUND = b"stream: Eicar-Test-Signature FOUND\0"
MESSAGE = b"Subject: x\r\n\r\ny\r\n"
SENT = b"zINSTREAM\0\0\0\0\x11" + MESSAGE
END = b"\0\0\0\0"


class Asking:
    """A filter of one connection, and clamd."""

    def __init__(self, mode: str = "", size: int | None = None, **how: Any) -> None:
        self.clock = Clock()
        self.daemon = Daemon(mode)
        self.clamd = Clamd(self.daemon, reactor=self.clock, **how)
        self.connection = Connection("S1", "mail.example.org", lmtp=False)
        self.filter = self.clamd(self.connection)
        context: Any = SimpleNamespace(options=MailOptions(size=size))
        self.filter.context = context

    def begin(self) -> Outcome[Any]:
        return Outcome(deferred_call(self.filter.header, header.read(MESSAGE)))

    def end(self) -> Outcome[Any]:
        self.given: Deferred[Any] = deferred_call(self.filter.end, len(MESSAGE))
        return Outcome(self.given)

    def send(self) -> Outcome[Any]:
        """The whole message."""
        assert self.begin().result() is None
        assert self.filter.chunk(MESSAGE) is None
        return self.end()

    def verdict(self, answer: bytes) -> Any:
        outcome = self.send()
        assert not outcome.fired
        self.daemon.pipes[-1].say(answer)
        assert not self.clock.getDelayedCalls()
        return outcome.result()


def test_a_message_without_a_virus() -> None:
    asking = Asking()
    assert asking.verdict(OK) == Accept(results=[VirusScan("")])
    assert asking.daemon.pipes[0].asked == SENT + END
    asking.filter.reset()
    assert asking.daemon.pipes[0].aborted
    asking.filter.close()


@pytest.mark.parametrize(("found", "verdict", "holds"), [
    ("reject", Reply(550, (5, 7, 1), "Message rejected, since it has a virus: Eicar-Test-Signature"), False),
    ("discard", Discard(), False),
    (
        "quarantine",
        Accept(changes=[Quarantine("virus Eicar-Test-Signature")], results=[VirusScan("Eicar-Test-Signature")]),
        True,
    ),
])  # fmt: skip
def test_a_message_with_a_virus(found: str, verdict: object, holds: bool) -> None:
    asking = Asking(found=found)
    assert asking.verdict(FOUND) == verdict
    assert asking.clamd.holds is holds
    if not holds:
        assert list(asking.connection.results) == [VirusScan("Eicar-Test-Signature")]


def test_a_name_of_a_virus_is_text_of_one_reply() -> None:
    reply = Asking().verdict(b"stream: " + b"x" * 1000 + b" FOUND\0")
    assert reply.encode().count(b"\r\n") == 1


@pytest.mark.parametrize(("scan", "fact"), [
    (VirusScan(""), "none"), (VirusScan("Eicar"), "Eicar"), (VirusScan("", scanned=False), "not scanned"),
])  # fmt: skip
def test_facts(scan: VirusScan, fact: str) -> None:
    assert scan.facts() == {"virus": fact}


def test_each_message_has_a_connection_of_its_own() -> None:
    asking = Asking(max_octets=len(MESSAGE) + 1)
    for number in range(1, 3):
        assert asking.verdict(OK) == Accept(results=[VirusScan("")])
        asking.filter.reset()
        assert len(asking.daemon.pipes) == number


def test_every_cut_of_the_answer() -> None:
    for cut in range(1, len(FOUND)):
        asking = Asking(found="discard")
        outcome = asking.send()
        asking.daemon.pipes[0].say(FOUND[:cut])
        assert not outcome.fired
        asking.daemon.pipes[0].say(FOUND[cut:])
        assert outcome.result() == Discard()


# ---- large messages


def test_a_message_that_is_too_large_is_not_scanned() -> None:
    asking = Asking(max_octets=len(MESSAGE) - 1)
    outcome = asking.send()
    assert outcome.result() == Accept(results=[VirusScan("", scanned=False)])
    assert asking.daemon.pipes[0].aborted


def test_a_message_of_the_limit_is_scanned() -> None:
    assert Asking(max_octets=len(MESSAGE)).verdict(FOUND).code == 550


def test_a_client_cannot_avoid_the_scan_by_a_wrong_size() -> None:
    assert Asking(size=10**9, max_octets=len(MESSAGE)).verdict(FOUND).code == 550


@pytest.mark.parametrize("limit", ["ours", "clamd's"])
def test_a_message_that_is_too_large_is_rejected(limit: str) -> None:
    asking = Asking(max_octets=len(MESSAGE) - (limit == "ours"), too_large="reject")
    outcome = asking.send()
    if limit != "ours":
        asking.daemon.pipes[0].say(b"INSTREAM size limit exceeded. ERROR\0")
    assert outcome.result() == TOO_LARGE_552
    assert list(asking.connection.results) == [VirusScan("", scanned=False)]


def test_clamd_has_a_lower_limit() -> None:
    """It answers while the message is sent, and closes the connection."""
    asking = Asking()
    asking.begin()
    asking.filter.chunk(MESSAGE)
    asking.daemon.pipes[0].say(b"INSTREAM size limit exceeded. ERROR\0")
    asking.daemon.pipes[0].hang_up()
    assert asking.filter.chunk(MESSAGE) is None
    assert asking.end().result() == Accept(results=[VirusScan("", scanned=False)])


def test_a_slow_clamd_slows_the_client() -> None:
    asking = Asking()
    asking.begin()
    protocol = asking.daemon.pipes[0].protocol
    protocol.pauseProducing()
    waiting = asking.filter.chunk(MESSAGE)
    assert isinstance(waiting, Deferred)
    outcome = Outcome(waiting)
    assert not outcome.fired
    protocol.resumeProducing()
    assert outcome.fired
    assert asking.filter.chunk(MESSAGE) is None


# ---- failures


NONSENSE = [b"\0", b"PONG\0", b"stream: OK!\0", b"stream: Can't read ERROR\0", b"HTTP/1.1 400 Bad Request\r\n\0"]


@pytest.mark.parametrize("answer", NONSENSE)
def test_nonsense(answer: bytes) -> None:
    with pytest.raises(ClamdError):
        Asking().verdict(answer)


@pytest.mark.parametrize("answer", [b"", b"s", OK[:-1], FOUND[:-1]])
def test_it_hangs_up_before_the_end_of_its_answer(answer: bytes) -> None:
    asking = Asking()
    outcome = asking.send()
    if answer:
        asking.daemon.pipes[0].say(answer)
    asking.daemon.pipes[0].hang_up()
    assert isinstance(outcome.error, ClamdError)


@pytest.mark.parametrize("end", ["hangs up", "is silent", "goes on with nonsense", "is cancelled"])
def test_a_daemon_that_fails_at_every_octet(end: str) -> None:
    """The filter fails, and nothing is left; the next message is scanned."""
    for cut in range(len(FOUND) - 1):
        asking = Asking(timeout=10)
        outcome = asking.send()
        pipe = asking.daemon.pipes[0]
        if cut:
            pipe.say(FOUND[:cut])
        if end == "hangs up":
            pipe.hang_up()
        elif end == "is silent":
            asking.clock.advance(10)
        elif end == "is cancelled":
            asking.given.cancel()
        else:
            pipe.say(b"\xff\0\0")
        assert isinstance(outcome.error, CancelledError if end == "is cancelled" else ClamdError), cut
        asking.filter.reset()
        assert pipe.lost
        assert not asking.clock.getDelayedCalls()
        assert asking.verdict(OK) == Accept(results=[VirusScan("")])


def test_it_hangs_up_within_the_message() -> None:
    asking = Asking()
    asking.begin()
    asking.daemon.pipes[0].hang_up()
    assert asking.filter.chunk(MESSAGE) is None
    assert str(asking.end().error) == "clamd has closed the connection without an answer"


def test_it_answers_before_the_end_of_the_message() -> None:
    """That it has found a virus is believed, that there is none is not."""
    for answer, error in ((FOUND, None), (OK, ClamdError)):
        asking = Asking(found="discard")
        asking.begin()
        asking.daemon.pipes[0].say(answer)
        asking.filter.chunk(MESSAGE)
        outcome = asking.end()
        assert type(outcome.error) is (error or type(None))
        if not error:
            assert outcome.result() == Discard()


def test_an_answer_without_end() -> None:
    asking = Asking()
    outcome = asking.send()
    asking.daemon.pipes[0].say(b"x" * (MAX_ANSWER + 1))
    assert isinstance(outcome.error, ClamdError)
    assert asking.daemon.pipes[0].aborted


def test_it_is_not_there() -> None:
    error = Asking(REFUSED).begin().error
    assert isinstance(error, ClamdError)
    assert str(error).startswith("clamd cannot be reached: Connection was refused")


def test_it_does_not_connect() -> None:
    asking = Asking(NEVER, timeout=5)
    outcome = asking.begin()
    asking.clock.advance(5)
    assert str(outcome.error) == "clamd has not answered within 5 seconds"
    assert asking.daemon.connecting[0].called


def test_it_does_not_answer() -> None:
    asking = Asking(timeout=5)
    outcome = asking.send()
    asking.clock.advance(4.9)
    assert not outcome.fired
    asking.clock.advance(0.1)
    assert str(outcome.error) == "clamd has not answered within 5 seconds"
    asking.filter.reset()
    assert asking.daemon.pipes[0].aborted


@pytest.mark.parametrize("mode", ["", NEVER])
def test_the_client_is_lost(mode: str) -> None:
    asking = Asking(mode)
    if mode:
        given: Deferred[Any] = deferred_call(asking.filter.header, header.read(MESSAGE))
        outcome = Outcome(given)
    else:
        outcome = asking.send()
        given = asking.given
    given.cancel()
    assert isinstance(outcome.error, CancelledError)
    asking.filter.reset()
    assert all(pipe.aborted for pipe in asking.daemon.pipes)
    assert not asking.clock.getDelayedCalls()


# ---- the check, and settings


def test_the_check_asks_for_the_version() -> None:
    asking = Asking()
    outcome = Outcome(Deferred.fromCoroutine(asking.clamd.check()))
    pipe = asking.daemon.pipes[0]
    assert pipe.asked == b"zVERSION\0"
    pipe.say(b"ClamAV 1.4.6/27000/Mon Nov 30 09:00:00 2026\0")
    assert outcome.result() == "ClamAV 1.4.6/27000/Mon Nov 30 09:00:00 2026"
    assert pipe.aborted


@pytest.mark.parametrize(("how", "text"), [
    ({"found": "delete"}, "found must be 'reject', 'discard' or 'quarantine', not 'delete'"),
    ({"too_large": "defer"}, "too_large must be 'accept' or 'reject', not 'defer'"),
    ({"max_octets": 0}, "max_octets is a number of octets from 1, not 0"),
    ({"max_octets": 1.5}, "max_octets must be a whole number"),
    ({"timeout": 0}, "timeout is a number of seconds above 0, not 0"),
    ({"timeout": float("nan")}, "timeout is a number of seconds above 0"),
    ({"endpoint": "/run/clamd.ctl"}, "no endpoint: /run/clamd.ctl"),
    ({"endpoint": 3310}, "endpoint must be"),
    ({"max_octet": 1}, "did you mean max_octets"),
])  # fmt: skip
def test_settings_that_cannot_be_used(how: dict[str, Any], text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        Clamd(**{"reactor": Clock(), **how})
