"""A client that shuts down its sending side and reads on (TCP's half-close), in memory."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.testing import StringTransport
from twisted.test.iosim import FakeTransport

from tests.wire.replies import codes
from txsmtpx import LoginBackend, Session, SMTPError
from txsmtpx.dialog.message import HIGH_WATER
from txsmtpx.testing import BackendCrash, Conversation, Link, RecordingBackend
from txsmtpx.wire.back_pressure import HELD_INPUT
from txsmtpx.wire.ending import ANSWER_TIMEOUT, LAST_ANSWER_TIMEOUT
from txsmtpx.wire.half_close import closed_entirely
from txsmtpx.wire.server import SMTPServer

HELLO = ("EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>")
MAIL = (*HELLO, "DATA", "hi", ".", "QUIT")
ANSWERED = ["220", "250", "250", "250", "354", "250", "221"]


def all_at_once(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()


class Slow(LoginBackend):
    """Each method waits until it is told to go on."""

    def __init__(self):
        self.waiting = []
        self.cancelled = 0
        self.messages = []

    def wait(self, *arguments):
        self.waiting.append(Deferred(self._cancelled))
        return self.waiting[-1]

    def _cancelled(self, deferred):
        self.cancelled += 1

    def anonymous_login(self, connection):
        return self.wait().addCallback(lambda _: SlowSession(self))

    def go_on(self):
        """Let everything happen that waits, and all that begins to wait then."""
        while self.waiting:
            self.waiting.pop().callback(None)


class SlowSession(Session):
    def __init__(self, backend):
        self.mail = self.rcpt = self.reset = self.logout = backend.wait
        self._backend = backend

    async def data(self, message, context):
        content = await message.content()
        await self._backend.wait()
        self._backend.messages.append(content)


@pytest.mark.parametrize("said", [MAIL, MAIL[:-1]], ids=["QUIT", "no QUIT"])
def test_a_backend_that_always_waits(said):
    backend = Slow()
    client = Conversation(backend)
    client.send(all_at_once(*said))
    assert codes(client.end_sending()) == ["220", "250"]
    assert not client.closed
    backend.go_on()
    assert codes(client.replies()) == ANSWERED[2 : len(said)]
    assert client.closed
    assert backend.messages == [b"hi\r\n"]
    client.hang_up()
    backend.go_on()
    assert backend.cancelled == 0


@pytest.mark.parametrize("method", ["anonymous_login", "mail", "rcpt", "data", "reset", "login"])
def test_each_method_that_waits(method):
    waiting = Deferred()
    backend = RecordingBackend({"user": "secret"}, **{method: [waiting]})
    client = Conversation(backend, allow_insecure_auth=True)
    login = ("AUTH PLAIN AHVzZXIAc2VjcmV0",) if method == "login" else ()
    client.send(all_at_once(HELLO[0], *login, *MAIL[1:]))
    said = client.end_sending()
    assert not client.closed
    waiting.callback(None)
    said += client.replies()
    assert codes(said) == [*ANSWERED[:2], *(["235"] if login else []), *ANSWERED[2:]]
    assert client.closed
    client.hang_up()
    assert [each.content for each in backend.messages] == [b"hi\r\n"]


def test_a_backend_that_does_not_wait():
    client = Conversation()
    assert codes(client.ask(*MAIL[:-1])) == ANSWERED[:-1]
    assert client.end_sending() == []
    assert client.closed
    client.hang_up()


def test_several_messages():
    backend = Slow()
    client = Conversation(backend)
    client.send(all_at_once(*MAIL[:-1], *MAIL[1:-1], *MAIL[1:-1]))
    client.end_sending()
    backend.go_on()
    assert len(backend.messages) == 3
    assert client.closed
    client.hang_up()
    backend.go_on()


def test_each_recipient_is_answered_under_lmtp():
    backend = Slow()
    client = Conversation(backend, lmtp=True)
    client.send(all_at_once("LHLO client.example", *HELLO[1:], HELLO[2], *MAIL[3:-1]))
    said = client.end_sending()
    backend.go_on()
    assert codes(said + client.replies()) == ["220", "250", "250", "250", "250", "354", "250", "250"]
    client.hang_up()
    backend.go_on()


@pytest.mark.parametrize("outcome", [BackendCrash("broken"), None])
def test_a_failure_is_answered(outcome, logged_failures):
    waiting = Deferred()
    client = Conversation(RecordingBackend(data=waiting))
    client.send(all_at_once(*MAIL))
    client.end_sending()
    if outcome is None:
        waiting.callback(None)
    else:
        waiting.errback(outcome)
    assert codes(client.replies()) == ["250" if outcome is None else "451", "221"]
    client.hang_up()
    logged_failures.flush(BackendCrash)


# ---- what has not come whole is not acted on


INCOMPLETE = [
    (*HELLO, "DATA"),
    (*HELLO, "DATA", "half"),
    (*HELLO, "BDAT 100", "half"),
    (*HELLO, "BDAT 2", ""),
]


@pytest.mark.parametrize("said", INCOMPLETE)
def test_half_a_message_is_none(said):
    backend = RecordingBackend()
    client = Conversation(backend)
    client.ask(*said)
    assert client.end_sending() == []
    assert client.closed
    assert backend.methods[-3:] == ["data", "reset", "logout"]
    assert backend.messages == []
    client.hang_up()
    assert backend.methods[-2:] == ["reset", "logout"]


def test_its_reader_fails_at_once_even_if_the_client_does_not_read():
    failures = []

    async def read(message, context):
        try:
            await message.content()
        except Exception as error:
            failures.append(error)
            raise

    client = Conversation(RecordingBackend(data=read))
    client.ask(*HELLO, "DATA", "half")
    client.end_sending()
    assert len(failures) == 1
    client.hang_up()
    assert len(failures) == 1


@pytest.mark.parametrize("said", [b"QUIT", b"MAIL FROM:<a@client.example>\r", b"x" * 5000])
def test_half_a_command_is_none(said):
    client = Conversation()
    client.ask("EHLO client.example")
    client.send(said)
    assert client.end_sending() == []
    assert client.closed
    assert client.backend.calls == []
    client.hang_up()


def test_a_transaction_without_a_message_ends():
    client = Conversation()
    client.ask(*HELLO)
    client.end_sending()
    assert client.closed
    client.hang_up()
    assert client.backend.methods[-2:] == ["reset", "logout"]


def test_a_login_without_its_response_ends():
    client = Conversation(RecordingBackend({"user": "secret"}), allow_insecure_auth=True)
    assert client.ask("EHLO client.example", "AUTH LOGIN")[-1][:3] == "334"
    assert client.end_sending() == []
    assert client.closed
    client.hang_up()


def test_a_message_whose_reader_is_slow_may_be_whole():
    chunks = []
    steps = [Deferred() for _ in range(2)]

    async def read(message, context):
        async for chunk in message:
            chunks.append(chunk)
            await steps[len(chunks) - 1]

    client = Conversation(RecordingBackend(data=read))
    client.ask(*HELLO, "DATA")
    client.send(b"x" * HIGH_WATER + b"\r\n")
    client.send(b"more\r\n.\r\nQUIT\r\n")
    client.end_sending()
    assert not client.closed
    for step in steps:
        step.callback(None)
    assert client.closed
    assert chunks[0].startswith(b"xxx")
    assert b"".join(chunks).endswith(b"more\r\n")
    client.hang_up()


# ---- limits


def test_nothing_more_is_read():
    waiting = Deferred()
    client = Conversation(RecordingBackend(mail=waiting))
    resumed = []
    client.transport.resumeProducing = lambda: resumed.append(True)
    client.ask(*HELLO[:2])
    client.end_sending()
    waiting.callback(None)
    assert client.closed
    assert resumed == []
    client.hang_up()


@pytest.mark.parametrize(
    ("said", "patience"),
    [
        (HELLO[:2], LAST_ANSWER_TIMEOUT),
        ((*HELLO[:2], "QUIT"), ANSWER_TIMEOUT),
        (MAIL, ANSWER_TIMEOUT),
    ],
    ids=["nothing behind it", "QUIT", "a message"],
)
def test_a_command_that_is_never_answered(said, patience):
    """Its client may have closed the whole connection."""
    cancelled = []
    client = Conversation(RecordingBackend(mail=lambda *_: Deferred(cancelled.append)))
    client.send(all_at_once(*said))
    client.end_sending()
    client.clock.advance(patience - 0.1)
    assert not client.transport.disconnected
    client.clock.advance(0.1)
    assert client.transport.disconnected
    client.hang_up()
    assert len(cancelled) == 1


def test_a_message_that_is_never_answered():
    client = Conversation(RecordingBackend(data=Deferred()), delivery_timeout=10_000)
    client.send(all_at_once(*MAIL[:-1]))
    client.end_sending()
    client.clock.advance(ANSWER_TIMEOUT - 0.1)
    assert not client.transport.disconnected
    client.clock.advance(0.1)
    assert client.transport.disconnected
    client.hang_up()


def test_each_answer_has_its_time():
    waiting = []
    client = Conversation(RecordingBackend(mail=lambda *_: waiting.append(Deferred()) or waiting[-1]))
    client.ask(HELLO[0], HELLO[1], HELLO[1], HELLO[1])
    client.end_sending()
    for _ in range(2):
        client.clock.advance(ANSWER_TIMEOUT - 1)
        waiting.pop().errback(SMTPError(450))
        assert not client.transport.disconnected
    client.clock.advance(LAST_ANSWER_TIMEOUT)
    assert client.transport.disconnected
    client.hang_up()


def test_a_client_that_does_not_read_is_cut_off():
    client = Conversation(write_timeout=5)
    client.ask("EHLO client.example")
    client.transport.producer.pauseProducing()
    client.send(b"NOOP\r\n")
    client.end_sending()
    assert not client.closed
    client.clock.advance(5)
    assert client.transport.disconnected
    client.hang_up()


def test_a_client_that_reads_again_is_answered():
    client = Conversation()
    client.ask("EHLO client.example")
    client.transport.producer.pauseProducing()
    client.send(b"NOOP\r\n")
    assert client.end_sending() == []
    client.transport.producer.resumeProducing()
    assert codes(client.replies()) == ["250"]
    assert client.closed
    client.hang_up()


def test_more_commands_than_are_executed_in_a_turn():
    client = Conversation()
    client.replies()
    client.send(b"NOOP\r\n" * 250)
    said = client.end_sending()
    assert not client.closed
    for _ in range(3):
        client.clock.advance(0)
    assert len(said + client.replies()) == 250
    assert client.closed
    client.hang_up()


def test_input_that_was_not_read_yet_comes_before_the_end():
    """The transport was paused: it reports the end only behind what it still holds."""
    waiting = Deferred()
    client = Conversation(RecordingBackend(mail=[waiting]))
    client.ask(*HELLO[:2])
    client.send(b"NOOP\r\n" * (HELD_INPUT // 6 + 10))
    assert client.transport.producerState == "paused"
    waiting.callback(None)
    while client.clock.getDelayedCalls() and client.transport.producerState == "paused":
        client.clock.advance(0)
    assert client.transport.producerState == "producing"
    client.end_sending()
    assert client.closed
    client.hang_up()


def test_a_server_that_stops_lets_it_finish():
    waiting = Deferred()
    client = Conversation(RecordingBackend(data=waiting))
    client.send(all_at_once(*MAIL[:-1]))
    client.end_sending()
    drained = client.protocol.factory.drain(30)
    waiting.callback(None)
    assert codes(client.replies()) == ["250"]
    assert client.closed
    client.protocol.connectionLost()
    assert drained.called
    assert client.clock.getDelayedCalls() == []


def test_a_client_that_goes_for_good_meanwhile():
    cancelled = []
    backend = RecordingBackend(rcpt=Deferred(cancelled.append))
    client = Conversation(backend)
    client.ask(*HELLO, "NOOP")
    client.end_sending()
    assert cancelled == []
    client.hang_up()
    assert len(cancelled) == 1
    assert backend.methods[-2:] == ["reset", "logout"]


def test_the_end_after_quit_changes_nothing():
    client = Conversation()
    assert codes(client.ask("QUIT"))[-1] == "221"
    assert client.end_sending() == []
    client.hang_up()


def test_before_a_late_greeting():
    client = Conversation(greeting_delay=5)
    assert client.end_sending() == []
    assert client.closed
    client.hang_up()


# ---- TLS


def test_starttls_that_waits_for_nobody(certificate):
    """STARTTLS is answered; its handshake will not come."""
    waiting = Deferred()
    client = Link.to(RecordingBackend(rcpt=[waiting]), tls=certificate)
    client.send(all_at_once(*HELLO, "RSET", "STARTTLS"))
    client.end_sending()
    assert not client.over
    waiting.callback(None)
    assert codes(client.replies())[-1] == "220"
    assert client.over


def test_tls_knows_no_half(certificate, pem):
    cancelled = []
    client = Link.to(RecordingBackend(mail=Deferred(cancelled.append)), tls=certificate)
    client.ask("EHLO client.example", "STARTTLS")
    client.start_tls(pem.client_options())
    client.ask(*HELLO[:2])
    client.end_sending()
    assert len(cancelled) == 1
    assert client.over


# ---- what the transport is told


def test_the_protocol_says_that_it_can():
    assert IHalfCloseableProtocol.implementedBy(SMTPServer)
    client = Conversation()
    client.protocol.writeConnectionLost()
    assert client.ask("NOOP")[-1] == "250 2.0.0 Ok"
    client.hang_up()


@pytest.mark.parametrize("transport", [StringTransport(), FakeTransport(None, True)])
def test_what_has_no_descriptor_is_not_asked(transport):
    assert not closed_entirely(transport)
