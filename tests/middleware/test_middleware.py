"""Middleware lets through what it is not about: logins, what the other supports, its words, and every outcome."""

from __future__ import annotations

import io
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from tests.encoding import b64
from txsmtpx import (
    Connection,
    Filter,
    FilterBackend,
    LimitBackend,
    MeasuredBackend,
    Middleware,
    MiddlewareSession,
    OpenBackend,
    Reply,
    RewriteBackend,
    Session,
    SMTPError,
    TeeBackend,
)
from txsmtpx.backends.null import null_backend
from txsmtpx.extensions.dsn import DSN
from txsmtpx.interfaces import IBackend, ICredentialsBackend, IDataContext, IMessage, ISession
from txsmtpx.observers.metrics_observer import MetricsObserver
from txsmtpx.testing import Conversation, RecordingBackend


class Passing(Middleware):
    """Puts a session before each, which changes nothing."""

    def session(self, session, connection):
        return MiddlewareSession(session, connection)


AROUND = {
    "middleware": Passing,
    "limit": lambda backend: LimitBackend(backend, 1000, 1, clock=Clock()),
    "rewrite": lambda backend: RewriteBackend(backend, sender={}, recipient={}),
    "tee": lambda backend: TeeBackend(backend, null_backend(), required=True),
    "filter": lambda backend: FilterBackend(backend, Filter),
    "holding filter": lambda backend: FilterBackend(backend, Filter, hold=True),
    "measured": lambda backend: MeasuredBackend(backend, "inner", MetricsObserver(), reactor=Clock()),
    "all": lambda backend: TeeBackend(RewriteBackend(FilterBackend(backend, Filter), recipient={}), null_backend()),
}

around = pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)

MAIL = ("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>")


def plain(username, password):
    return b64(f"\0{username}\0{password}")


@around
def test_logins(around):
    backend = RecordingBackend({"me": "secret"})
    client = Conversation(around(backend), allow_insecure_auth=True)
    said = client.ask("EHLO a", f"AUTH PLAIN {plain('me', 'secret')}", *MAIL)
    assert [line for line in said if line.startswith("235")]
    assert said[-1].startswith("250")
    assert backend.methods == ["login", "mail", "rcpt"]
    client.hang_up()


@around
def test_nobody_logs_in_where_nobody_could(around):
    client = Conversation(around(OpenBackend(lambda connection: Session())), allow_insecure_auth=True)
    assert not [line for line in client.ask("EHLO a") if "AUTH" in line]
    client.hang_up()


@around
def test_a_no_of_the_backend(around):
    backend = RecordingBackend(anonymous_login=SMTPError(530, (5, 7, 0), "Not you"))
    client = Conversation(around(backend))
    assert client.ask("EHLO a", MAIL[0])[-1] == "530 5.7.0 Not you"
    client.hang_up()


@around
def test_a_session_that_comes_later(around):
    login = Deferred()
    backend = RecordingBackend(anonymous_login=login)
    client = Conversation(around(backend))
    client.ask("EHLO a")
    assert client.ask(MAIL[0]) == []
    login.callback(None)
    assert client.replies()[0].startswith("250")
    client.hang_up()


@around
def test_what_it_supports(around):
    class Notifying(Session):
        supports = (DSN,)

        def __init__(self, connection):
            pass

    client = Conversation(around(OpenBackend(Notifying)))
    assert [line for line in client.ask("EHLO a") if line.endswith("DSN")]
    assert client.ask("MAIL FROM:<a@client.example> RET=HDRS")[-1].startswith("250")
    client.hang_up()


@around
def test_words(around):
    class Talkative(Session):
        def mail(self, sender, options):
            return Reply(250, (2, 1, 0), "Hello")

        async def rcpt(self, recipient, options):
            return Reply(251, (2, 1, 5), "I know him")

        def verify(self, argument):
            return f"{argument} <{argument}@localhost>"

        def data(self, message, context):
            return Reply(250, (2, 0, 0), "Thanks")

    client = Conversation(around(OpenBackend(lambda connection: Talkative())))
    client.ask("EHLO a")
    said = client.ask("VRFY me", *MAIL, "DATA")
    assert said[:3] == ["250 2.1.5 me <me@localhost>", "250 2.1.0 Hello", "251 2.1.5 I know him"]
    assert client.ask("Subject: hi", "", "x", ".") == ["250 2.0.0 Thanks"]
    client.hang_up()


@around
def test_refusals_and_crashes(around, logged_failures):
    backend = RecordingBackend(
        mail=[SMTPError(550, (5, 7, 1), "No")],
        rcpt=[succeed(Reply(450, (4, 2, 1), "Later"))],
        data=[SMTPError(554, (5, 6, 0), "Bad"), ZeroDivisionError("secret")],
    )
    client = Conversation(around(backend))
    client.ask("EHLO a")
    assert client.ask(*MAIL)[0] == "550 5.7.1 No"
    assert client.ask("RSET", *MAIL)[-1] == "450 4.2.1 Later"
    assert client.ask(MAIL[1], "DATA", "x", ".")[-1] == "554 5.6.0 Bad"
    assert client.ask(*MAIL, "DATA", "x", ".")[-1].startswith("451 4.3.0 Local error in processing")
    assert client.ask(*MAIL, "DATA", "x", ".")[-1].startswith("250 2.0.0 Ok: queued")
    assert len(logged_failures.flush(ZeroDivisionError)) == 1
    client.hang_up()
    assert backend.methods.count("reset") == 3
    assert backend.methods.count("logout") == 1


@around
def test_each_recipient_in_lmtp(around):
    backend = RecordingBackend()
    late = []

    async def data(message, context):
        content = await message.content()
        assert content == b"x\r\n"
        context.late = lambda *told: late.append(told)
        context.start_delivery("b@localhost", Deferred(), timeout=5)
        context.start_delivery(1, succeed("Second"))
        assert context.set_status("d@localhost", SMTPError(452, (4, 2, 2), "Full"))
        assert not context.set_status(2, "again")
        assert context.received(0).startswith(b"Received: from")

    backend.outcomes["data"] = data
    clock = Clock()
    client = Conversation(around(backend), clock=clock, lmtp=True)
    client.ask("LHLO a", "MAIL FROM:<a@client.example>", *(f"RCPT TO:<{name}@localhost>" for name in "bbde"), "DATA")
    assert client.ask("x", ".") == []
    clock.advance(5)
    *said, last = client.replies()
    assert said == [
        "420 4.4.7 <b@localhost> Error: timeout reached",
        "250 2.0.0 <b@localhost> Second",
        "452 4.2.2 <d@localhost> Full",
    ]
    assert last.startswith("250 2.0.0 <e@localhost> Ok: queued as ")
    assert late == [("d@localhost", "again")]
    client.hang_up()


@around
def test_a_message_that_nobody_reads(around):
    client = Conversation(around(null_backend()))
    client.ask("EHLO a", *MAIL, "DATA")
    for _ in range(40):
        client.send(b"x" * 70 + b"\r\n" + b"y" * 8000 + b"\r\n")
    assert client.transport.producerState == "producing"
    assert client.ask(".")[0].startswith("250")
    client.hang_up()


@around
def test_a_slow_reader_slows_the_peer(around):
    waiting, seen = [], []

    class Slow(Session):
        async def data(self, message, context):
            async for chunk in message:
                seen.append(chunk)
                waiting.append(Deferred())
                await waiting[-1]

    client = Conversation(around(OpenBackend(lambda connection: Slow())), max_message_bytes=10**7)
    client.ask("EHLO a", *MAIL, "DATA")
    client.send(b"Subject: slow\r\n\r\n")
    lines, sent = (b"x" * 998 + b"\r\n") * 50, 0
    held = getattr(client.protocol.factory.settings.backend, "hold", False)
    while client.transport.producerState == "producing" and sent < 20:
        client.send(lines)
        sent += 1
    assert (sent < 6) is not held  # of 50 KB each
    client.send(b"\r\n.\r\n")
    while waiting and not waiting[-1].called:
        waiting[-1].callback(None)
    assert b"".join(seen) == b"Subject: slow\r\n\r\n" + lines * sent + b"\r\n"
    assert client.replies()[-1].startswith("250")
    client.hang_up()


@around
def test_a_consumer(around):
    taken = io.BytesIO()

    class Delivering(Session):
        async def data(self, message, context):
            assert verifyObject(IMessage, message)
            assert verifyObject(IDataContext, context)
            await message.deliver_to(Consumer(taken))

    client = Conversation(around(OpenBackend(lambda connection: Delivering())))
    client.ask("EHLO a", *MAIL, "DATA")
    for number in range(100):
        client.send(b"%d\r\n" % number)
    assert client.ask(".")[0].startswith("250")
    assert taken.getvalue() == b"".join(b"%d\r\n" % number for number in range(100))
    client.hang_up()


class Consumer:
    """Pauses after each write, and goes on at once."""

    def __init__(self, file):
        self._file = file

    def registerProducer(self, producer, streaming):
        assert streaming
        self._producer = producer

    def unregisterProducer(self):
        self._producer = None

    def write(self, octets):
        self._file.write(octets)
        self._producer.pauseProducing()
        self._producer.resumeProducing()


@around
def test_the_peer_is_lost(around):
    backend = RecordingBackend()
    client = Conversation(around(backend))
    client.ask("EHLO a", *MAIL, "DATA", "Subject: x", "", "some of it")
    client.hang_up()
    assert backend.messages == []
    assert backend.methods[-2:] == ["reset", "logout"]


@around
def test_too_big_for_the_reader(around):
    class Small(Session):
        async def data(self, message, context):
            await message.content(10)

    client = Conversation(around(OpenBackend(lambda connection: Small())))
    client.ask("EHLO a", *MAIL, "DATA")
    assert client.ask("x" * 20, ".")[0].startswith("552 5.3.4")
    client.hang_up()


@around
def test_content_twice(around):
    class Twice(Session):
        async def data(self, message, context):
            assert await message.content() == await message.content() == b"x\r\n"
            assert message.received == 3

    client = Conversation(around(OpenBackend(lambda connection: Twice())))
    client.ask("EHLO a", *MAIL, "DATA")
    assert client.ask("x", ".")[0].startswith("250")
    client.hang_up()


@around
def test_it_is_what_it_is_around(around):
    assert verifyObject(ICredentialsBackend, around(RecordingBackend()))
    backend = around(RecordingBackend())
    assert IBackend.providedBy(backend)
    assert verifyObject(ISession, MiddlewareSession(Session(), None))
    assert not hasattr(backend, "pools")
    with pytest.raises(AttributeError):
        Middleware.__new__(Middleware).backend  # noqa: B018  # which has none yet


class Empty:
    """A backend whose logins return something else than a session."""

    def __init__(self, result: Any) -> None:
        self.result = result

    def anonymous_login(self, connection: Connection) -> Any:
        return self.result


@pytest.mark.parametrize("result", [None, 7, Session, object()], ids=["None", "7", "a class", "another object"])
@pytest.mark.parametrize("around", [lambda backend: backend, Middleware, lambda backend: Passing(Middleware(backend))])
def test_a_backend_that_returns_no_session(around, result, logged_failures) -> None:
    client = Conversation(around(Empty(result)))
    assert client.ask("EHLO client.example", "MAIL FROM:<a@client.example>")[-1].startswith("451 4.3.0 ")
    (failure,) = logged_failures.flush(TypeError)
    assert str(failure.value) == f"the backend Empty must return a session (ISession), not {result!r}"
    client.hang_up()


def test_a_session_that_comes_later_is_checked_too(logged_failures) -> None:
    client = Conversation(Middleware(Empty(later := Deferred())))
    client.ask("EHLO client.example", "MAIL FROM:<a@client.example>")
    later.callback(None)
    assert client.replies() == ["451 4.3.0 Local error in processing"]
    assert len(logged_failures.flush(TypeError)) == 1
    client.hang_up()
