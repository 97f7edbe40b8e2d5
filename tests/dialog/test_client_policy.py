"""The policy for clients: before the greeting, at HELO, EHLO and LHLO, and at the end of the connection."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import formatEvent, globalLogPublisher
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory

from tests.wire.replies import codes
from tests.wire.test_haproxy import v1, v2
from txsmtpx import OpenBackend, Reply, Session, SMTPError, SMTPServerFactory
from txsmtpx.dialog.client_policy import LIMIT, instead_of_greeting
from txsmtpx.interfaces import IClientPolicy
from txsmtpx.testing import Conversation, Link, cut_at, one_by_one, whole
from txsmtpx.wire.opening import HANDSHAKE_SECONDS

GREETING = ["220 localhost ESMTP txsmtpx"]
NO = Reply(550, (5, 7, 1), "Not from your address")
LATER = Reply(450, None, "Later")
GONE = Reply(521, (5, 3, 2), "No mail here")


class Deciding(OpenBackend):
    """A backend with a policy: what it is asked, and what it answers."""

    def __init__(self, connected=None, hello=None, disconnected=None):
        super().__init__(lambda connection: Session())
        self.asked = []
        self.answers = {"connected": connected, "hello": hello, "disconnected": disconnected}

    def answer(self, method):
        answer = self.answers[method]
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    def connected(self, connection):
        self.asked.append(("connected", connection.peer_host, connection.tls is not None))
        return self.answer("connected")

    def hello(self, connection, name):
        self.asked.append(("hello", name))
        return self.answer("hello")

    def disconnected(self, connection):
        self.asked.append(("disconnected", connection.peer_host))
        return self.answer("disconnected")


async def async_no():
    return NO


REFUSALS = [NO, lambda: succeed(NO), async_no, SMTPError.from_reply(NO), lambda: fail(SMTPError.from_reply(NO))]


@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.parametrize("answer", REFUSALS)
def test_a_refused_client_gets_no_greeting(answer, lmtp):
    backend = Deciding(answer)
    client = Conversation(backend, lmtp=lmtp)
    assert client.replies() == ["554 5.7.1 Not from your address"]
    assert client.closed
    client.hang_up()
    assert [each[0] for each in backend.asked] == ["connected", "disconnected"]


@pytest.mark.parametrize("answer", REFUSALS)
def test_a_function_refuses_in_three_lines(answer):
    def policy(connection):
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    backend = Deciding()
    client = Conversation(backend, policy=policy)
    assert client.replies() == ["554 5.7.1 Not from your address"]
    client.hang_up()
    assert backend.asked == []  # the function is asked first, and a backend that was not asked hears of no end


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (Reply(421, (4, 7, 0), "Busy"), "421 4.7.0 Busy"),
        (Reply(450, (4, 7, 1), "Later"), "421 4.7.1 Later"),
        (Reply(451, None, "Later"), "421 4.0.0 Later"),
        (Reply(554, (5, 7, 1), "No"), "554 5.7.1 No"),
        (Reply(521, (5, 3, 2), "No mail here"), "521 5.3.2 No mail here"),
        (Reply(550, (5, 7, 25), "No", "name"), "554 5.7.25 No"),
    ],
)
def test_the_codes_before_the_greeting(given, sent):
    client = Conversation(policy=lambda connection: given)
    assert client.replies()[-1].replace("name", "No") == sent
    assert client.closed
    client.hang_up()
    assert instead_of_greeting(instead_of_greeting(given)) == instead_of_greeting(given)


@pytest.mark.parametrize("answer", [None, lambda: succeed(None), lambda: None])
def test_an_accepted_client(answer):
    backend = Deciding(answer, answer)
    client = Conversation(backend, policy=lambda connection: None)
    assert client.replies() == GREETING
    assert codes(client.ask("EHLO a.example", "MAIL FROM:<a@b.example>", "RSET", "HELO b")) == ["250"] * 4
    client.hang_up()
    assert backend.asked == [
        ("connected", "192.168.1.1", False), ("hello", "a.example"), ("hello", "b"), ("disconnected", "192.168.1.1"),
    ]  # fmt: skip


SESSION = b"EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n"


@pytest.mark.parametrize("stage", ["connected", "hello"])
@pytest.mark.parametrize("segments", [whole, one_by_one, *map(cut_at, range(1, len(SESSION), 7))])
def test_what_the_client_sends_meanwhile_waits(stage, segments):
    waiting = Deferred()
    backend = Deciding(**{stage: lambda: waiting})
    client = Conversation(backend)
    for segment in segments(SESSION, 0):
        client.send(segment)
    assert client.replies() == (GREETING if stage == "hello" else [])
    waiting.callback(None)
    said = client.replies()
    assert codes(said)[-6:] == ["250", "250", "250", "354", "250", "221"]
    assert (said[0] == GREETING[0]) == (stage == "connected")
    client.hang_up()


def test_input_that_waits_is_bounded():
    waiting = Deferred()
    client = Conversation(Deciding(lambda: waiting))
    for _ in range(10):
        client.send(b"NOOP\r\n" * 2000)
    assert client.transport.producerState == "paused"
    client.hang_up()


def test_a_client_that_has_gone_cancels_the_wait():
    for stage in ("connected", "hello"):
        cancelled = []
        backend = Deciding(**{stage: lambda cancelled=cancelled: Deferred(cancelled.append)})
        client = Conversation(backend)
        client.send(b"EHLO a\r\n")
        client.hang_up()
        assert len(cancelled) == 1
        assert backend.asked[-1][0] == "disconnected"


def test_a_wait_has_a_limit():
    cancelled = []
    client = Conversation(Deciding(lambda: Deferred(cancelled.append)))
    client.clock.advance(LIMIT - 1)
    assert client.replies() == []
    client.clock.advance(1)
    assert client.replies() == ["421 4.3.0 Local error in processing"]
    assert client.closed
    assert len(cancelled) == 1
    client.hang_up()


def test_a_wait_at_hello_has_a_limit():
    client = Conversation(Deciding(hello=Deferred))
    client.replies()
    client.send(b"EHLO a\r\n")
    client.clock.advance(LIMIT)
    assert client.replies() == ["451 4.3.0 Local error in processing"]
    assert codes(client.ask("MAIL FROM:<a@b.example>", "NOOP")) == ["503", "250"]
    client.hang_up()


def test_no_clock_of_an_idle_client_runs_meanwhile():
    waiting = Deferred()
    client = Conversation(Deciding(lambda: waiting), read_timeout=60)
    client.clock.advance(100)
    assert not client.closed
    waiting.callback(None)
    assert client.replies() == GREETING
    client.clock.advance(59)
    assert not client.closed
    client.clock.advance(1)
    assert codes(client.replies()) == ["421"]
    client.hang_up()


@pytest.mark.parametrize("answer", ["no", Reply(250, None, "Ok"), Reply(354, None, "Go on"), 5, ZeroDivisionError("x")])
@pytest.mark.parametrize("source", ["function", "backend"])
def test_what_is_no_decision(answer, source, logged_failures):
    deciding = Deciding(answer)
    if source == "function":
        client = Conversation(policy=lambda connection: deciding.connected(connection))
    else:
        client = Conversation(deciding)
    assert client.replies() == ["421 4.3.0 Local error in processing"]
    assert client.closed
    client.hang_up()
    assert len(logged_failures.flush(TypeError, ZeroDivisionError)) == 1


@pytest.mark.parametrize("answer", ["no", Reply(250, None, "Ok"), ZeroDivisionError("x")])
def test_what_is_no_decision_at_hello(answer, logged_failures):
    client = Conversation(Deciding(hello=answer))
    client.replies()
    assert client.ask("EHLO a") == ["451 4.3.0 Local error in processing"]
    assert codes(client.ask("MAIL FROM:<a@b.example>")) == ["503"]
    client.hang_up()
    assert len(logged_failures.flush(TypeError, ZeroDivisionError)) == 1


@pytest.mark.parametrize("answer", [NO, lambda: succeed(NO), async_no, SMTPError.from_reply(NO)])
def test_a_rejected_hello_leaves_the_state(answer):
    """RFC 5321 §4.1.4: the server stays in the state in which it was."""
    backend = Deciding()
    client = Conversation(backend)
    client.ask("EHLO a")
    client.ask("MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>")
    backend.answers["hello"] = answer
    assert client.ask("EHLO b") == ["550 5.7.1 Not from your address"]
    assert client.protocol.dialog.connection.helo == "a"
    assert codes(client.ask("DATA", "x", ".")) == ["354", "250"]
    assert not client.closed
    client.hang_up()


@pytest.mark.parametrize(("lmtp", "hello"), [(False, "EHLO"), (False, "HELO"), (True, "LHLO")])
def test_each_kind_of_hello_is_asked_about(lmtp, hello):
    backend = Deciding()
    client = Conversation(backend, lmtp=lmtp)
    client.replies()
    assert codes(client.ask(hello, f"{hello} a b")) == ["501", "250"]
    assert client.protocol.dialog.connection.extended == (hello != "HELO")
    assert backend.asked[1:] == [("hello", "a")]  # and not about a command that is malformed
    client.hang_up()


def test_an_accepted_hello_ends_the_transaction():
    client = Conversation(Deciding())
    client.ask("EHLO a", "MAIL FROM:<a@b.example>")
    client.ask("EHLO b")
    assert codes(client.ask("RCPT TO:<c@d.example>")) == ["503"]
    assert client.protocol.dialog.connection.helo == "b"
    client.hang_up()


@pytest.mark.parametrize("reply", [GONE, Reply(421, (4, 7, 0), "Later")])
def test_421_and_521_to_hello_close_the_connection(reply):
    client = Conversation(Deciding(hello=reply))
    client.replies()
    assert client.ask("EHLO a", "NOOP") == [str(reply)]
    assert client.closed
    client.hang_up()


def test_a_backend_that_fails_at_the_end(logged_failures):
    for wrong in (ZeroDivisionError("x"), lambda: fail(ZeroDivisionError("x"))):
        client = Conversation(Deciding(disconnected=wrong))
        assert client.replies() == GREETING
        client.hang_up()
        assert len(logged_failures.flush(ZeroDivisionError)) == 1


def test_a_greeting_delay_comes_first():
    waiting = Deferred()
    backend = Deciding(lambda: waiting)
    client = Conversation(backend, greeting_delay=5)
    client.clock.advance(4)
    assert backend.asked == []
    client.clock.advance(1)
    assert [each[0] for each in backend.asked] == ["connected"]
    assert client.replies() == []
    waiting.callback(None)
    assert client.replies() == GREETING
    assert codes(client.ask("EHLO a")) == ["250"]
    client.hang_up()


@pytest.mark.parametrize("seconds", [4, 6])
def test_with_a_greeting_delay_a_client_must_wait_for_the_policy_too(seconds):
    cancelled = []
    client = Conversation(Deciding(lambda: Deferred(cancelled.append)), greeting_delay=5)
    client.clock.advance(seconds)
    client.send(b"EHLO a\r\n")
    assert codes(client.replies()) == ["554"]
    assert client.closed
    client.hang_up()
    assert len(cancelled) == (seconds > 5)


@pytest.mark.parametrize("header", [v1, v2])
@pytest.mark.parametrize("segments", [whole, one_by_one])
def test_the_client_of_a_proxy_is_known(header, segments):
    clock, backend = Clock(), Deciding(lambda: None)
    wrapped = HAProxyWrappingFactory(SMTPServerFactory(backend, reactor=clock))
    link = Link(wrapped.buildProtocol(None), clock, "192.0.2.1")
    for segment in segments(header("198.51.100.7") + b"EHLO a\r\n", 0):
        link.send(segment)
    assert codes(link.replies()) == ["220", "250"]
    link.hang_up()
    assert backend.asked == [("connected", "198.51.100.7", False), ("hello", "a"), ("disconnected", "198.51.100.7")]


def test_a_new_client_by_xclient_is_asked_about():
    answers = {"198.51.100.7": None, "198.51.100.8": NO}
    backend = Deciding()
    backend.connected = lambda connection: [
        backend.asked.append(("connected", connection.peer_host)), answers.get(connection.peer_host),
    ][1]  # fmt: skip
    client = Link.to(backend, clock=Clock(), trusted_networks=["192.0.2.0/24"])
    assert client.replies() == GREETING
    assert codes(client.ask("EHLO proxy.example")) == ["250"]
    assert client.ask("XCLIENT ADDR=198.51.100.7 HELO=a.example") == GREETING
    assert codes(client.ask("EHLO proxy.example")) == ["250"]
    assert client.ask("XCLIENT ADDR=198.51.100.8") == ["554 5.7.1 Not from your address"]
    assert client.over
    assert backend.asked == [
        ("connected", "192.0.2.1"), ("hello", "proxy.example"), ("disconnected", "192.0.2.1"),
        ("connected", "198.51.100.7"), ("hello", "a.example"), ("disconnected", "198.51.100.7"),
        ("connected", "198.51.100.8"), ("disconnected", "198.51.100.8"),
    ]  # fmt: skip


def test_what_a_proxy_sends_after_xclient_waits():
    waiting = []
    backend = Deciding(lambda: waiting.append(Deferred()) or waiting[-1])
    client = Link.to(backend, clock=Clock(), trusted_networks=["192.0.2.0/24"])
    waiting[0].callback(None)
    client.replies()
    assert codes(client.ask("EHLO a")) == ["250"]
    assert client.ask("XCLIENT ADDR=198.51.100.7", "EHLO a") == []
    waiting[1].callback(None)
    assert codes(client.replies()) == ["220", "250"]
    client.hang_up()


def inside_tls(certificate, pem, backend, **settings):
    clock = Clock()
    factory = SMTPServerFactory(backend, reactor=clock, **settings)
    wrapped = TLSMemoryBIOFactory(certificate.creator, False, factory, clock)
    return Link(wrapped.buildProtocol(None), clock, tls=pem.client_options()), clock


def test_inside_tls_it_is_asked_after_the_handshake(certificate, pem):
    backend = Deciding()
    link, _ = inside_tls(certificate, pem, backend)
    assert link.replies() == GREETING
    assert codes(link.ask("EHLO a")) == ["250"]
    link.hang_up()
    assert backend.asked == [("connected", "192.0.2.1", True), ("hello", "a"), ("disconnected", "192.0.2.1")]


def test_inside_tls_with_a_greeting_delay(certificate, pem):
    backend = Deciding()
    link, clock = inside_tls(certificate, pem, backend, greeting_delay=5)
    assert link.replies() == []
    clock.advance(5)
    assert link.replies() == GREETING
    link.hang_up()
    assert backend.asked[0] == ("connected", "192.0.2.1", True)


def test_a_refused_client_inside_tls(certificate, pem):
    link, _ = inside_tls(certificate, pem, Deciding(NO))
    assert link.replies() == ["554 5.7.1 Not from your address"]
    assert link.over


def test_a_handshake_that_does_not_come_is_not_waited_for_for_ever(certificate):
    """No client sends TLS here: the policy is asked, and the connection ends by its clocks."""
    backend, clock = Deciding(), Clock()
    factory = SMTPServerFactory(backend, reactor=clock, read_timeout=60, write_timeout=60)
    wrapped = TLSMemoryBIOFactory(certificate.creator, False, factory, clock)
    link = Link(wrapped.buildProtocol(None), clock)
    clock.advance(HANDSHAKE_SECONDS - 1)
    assert backend.asked == []
    clock.advance(1)
    assert backend.asked == [("connected", "192.0.2.1", False)]
    clock.advance(60)
    link.replies()
    assert backend.asked[1:] == [("disconnected", "192.0.2.1")]
    link.hang_up()


def test_starttls_asks_nothing_again(certificate, pem):
    backend = Deciding()
    clock = Clock()
    link = Link(SMTPServerFactory(backend, reactor=clock, tls=certificate).buildProtocol(None), clock)
    link.replies()
    link.ask("EHLO a")
    assert codes(link.ask("STARTTLS")) == ["220"]
    link.start_tls(pem.client_options())
    assert codes(link.ask("EHLO b")) == ["250"]
    link.hang_up()
    assert [each[0] for each in backend.asked] == ["connected", "hello", "hello", "disconnected"]


def test_a_server_that_stops_meanwhile():
    waiting = Deferred()
    client = Link.to(Deciding(lambda: waiting), clock=(clock := Clock()))
    client.server.factory.drain(10)
    assert client.replies() == []
    waiting.callback(None)
    assert codes(client.replies()) == ["220", "421"]
    assert client.over
    clock.advance(10)
    assert clock.getDelayedCalls() == []


def test_a_client_that_sends_no_more_meanwhile():
    waiting = Deferred()
    client = Conversation(Deciding(lambda: waiting))
    client.send(b"EHLO a\r\n")
    assert client.end_sending() == []
    waiting.callback(None)
    assert codes(client.replies()) == ["220", "250"]
    assert client.closed
    client.hang_up()


def test_the_interface():
    assert set(IClientPolicy) == {"connected", "hello", "disconnected"}


def texts(events):
    return [formatEvent(event).partition(" ")[2] for event in events if "policy" in formatEvent(event)]


@pytest.fixture
def events():
    found = []
    globalLogPublisher.addObserver(found.append)
    yield found
    globalLogPublisher.removeObserver(found.append)


def test_the_log_says_when_a_decision_is_late(events):
    late = {"before the greeting": Deciding(connected=Deferred), "at HELO": Deciding(hello=Deferred)}
    for stage, backend in late.items():
        client = Conversation(backend)
        client.ask("EHLO a")
        client.clock.advance(LIMIT)
        client.hang_up()
        assert texts(events) == [f"the policy {stage} has not decided in {LIMIT} seconds"]
        events.clear()


def test_the_log_says_what_is_no_decision(events, logged_failures):
    for stage, backend in (("before the greeting", Deciding(connected="no")), ("at HELO", Deciding(hello="no"))):
        client = Conversation(backend)
        client.ask("EHLO a")
        client.hang_up()
        (error,) = logged_failures.flush(TypeError)
        assert str(error.value) == "a policy must return None or a Reply of 4xx or 5xx, not 'no'"
        assert texts(events) == [f"the policy {stage} failed"]
        events.clear()
