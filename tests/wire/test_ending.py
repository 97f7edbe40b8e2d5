"""A lost connection reaches everyone once (guarantee 10), in whatever phase it is lost, and nothing of it is left."""

from __future__ import annotations

import gc

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.protocol import connectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from txsmtpx import LoginBackend, Observer, Session
from txsmtpx.dialog.message import MessageAborted
from txsmtpx.testing import Conversation, RecordingBackend

HELLO = ("EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>")


def lose(*said: str, backend=None, **settings):
    """A conversation that is lost after ``said``."""
    client = Conversation(backend or RecordingBackend({"user": "secret"}), allow_insecure_auth=True, **settings)
    client.ask(*said)
    client.hang_up()  # complains about timers that are left
    return client


@pytest.mark.parametrize("said", [(), ("EHLO client.example",), ("EHLO client.example", "AUTH LOGIN")])
def test_before_there_is_a_session(said):
    assert lose(*said).backend.methods == []


def test_after_a_login():
    assert lose("EHLO a.example", "AUTH PLAIN AHVzZXIAc2VjcmV0").backend.methods == ["login", "logout"]


def test_between_two_messages():
    backend = lose(*HELLO, "DATA", "hi", ".").backend
    assert backend.methods == ["anonymous_login", "mail", "rcpt", "data", "reset", "logout"]


@pytest.mark.parametrize("said", [HELLO[:2], HELLO])
def test_in_a_transaction(said):
    assert lose(*said).backend.methods[-2:] == ["reset", "logout"]
    assert lose(*said).backend.methods.count("reset") == 1


def test_after_quit():
    assert lose(*HELLO, "QUIT").backend.methods[-2:] == ["reset", "logout"]


@pytest.mark.parametrize("rest", [("DATA",), ("DATA", "half"), ("BDAT 100",), ("BDAT 100", "half"), ("BDAT 2", "")])
@pytest.mark.parametrize("how", ["content", "iterate", "consumer"])
def test_in_a_message_its_reader_fails(rest, how):
    failures = []

    async def read(message, context):
        try:
            if how == "content":
                await message.content()
            elif how == "iterate":
                async for _ in message:
                    pass
            else:
                await message.deliver_to(StringTransport())
        except Exception as error:
            failures.append(type(error))
            raise

    backend = lose(*HELLO, *rest, backend=RecordingBackend(data=read)).backend
    assert failures == [ConnectionLost]
    assert backend.methods == ["anonymous_login", "mail", "rcpt", "data", "reset", "logout"]


def test_the_reason_is_told():
    reasons = []

    async def read(message, context):
        try:
            await message.content()
        except ConnectionDone as error:
            reasons.append(error)

    client = Conversation(RecordingBackend(data=read), read_timeout=10)
    client.ask(*HELLO, "DATA")
    client.clock.advance(10)  # 421, and closed by ourselves
    client.hang_up()
    assert [type(reason) for reason in reasons] == [ConnectionDone]


SHARED = [connectionDone.value, CONNECTION_DONE, CONNECTION_LOST]


@pytest.mark.parametrize("reason", SHARED)
@pytest.mark.parametrize("how", ["content", "iterate", "consumer"])
def test_an_exception_that_is_twisteds_is_left_alone(reason, how):
    """Guarantee 21: whoever raised it would add to its traceback, with all that the frames hold, for ever."""
    caught = []

    class Watching(Observer):
        def disconnected(self, connection, reason):
            caught.append(reason.value)

    async def read(message, context):
        try:
            if how == "content":
                await message.content()
            elif how == "iterate":
                async for _ in message:
                    pass
            else:
                await message.deliver_to(StringTransport())
        except Exception as error:
            caught.append(error)
            raise

    for _ in range(2):
        client = Conversation(RecordingBackend(data=read), observers=[Watching()])
        client.ask(*HELLO, "DATA", "half")
        client.protocol.connectionLost(Failure(reason))
    assert len({id(each) for each in (*caught, reason)}) == 5
    assert {(type(each), str(each)) for each in caught} == {(type(reason), str(reason))}
    assert reason.__traceback__ is None


def test_a_reader_that_comes_too_late_fails_too():
    kept = []
    lose(*HELLO, "DATA", "half", backend=RecordingBackend(data=lambda *it: kept.append(it) or Deferred()))
    message, _ = kept[0]
    failures = []
    message.content().addErrback(failures.append)
    assert [failure.type for failure in failures] == [ConnectionLost]


WAITING = {
    "anonymous_login": HELLO[:2],
    "mail": HELLO[:2],
    "rcpt": HELLO,
    "login": ("EHLO client.example", "AUTH PLAIN AHVzZXIAc2VjcmV0"),
    "data": (*HELLO, "DATA", "hi", "."),
    "verify": ("EHLO client.example", "VRFY somebody"),
    "reset": (*HELLO, "RSET"),
}


def ended(method: str) -> list[str]:
    """What a session hears of the end when ``method`` was pending."""
    if method in ("anonymous_login", "login"):
        return []
    return ["logout"] if method in ("verify", "reset") else ["reset", "logout"]


@pytest.mark.parametrize("method", WAITING)
def test_what_is_pending_is_cancelled(method):
    cancelled = []
    waiting = Deferred(cancelled.append)
    backend = lose(*WAITING[method], backend=RecordingBackend({"user": "secret"}, **{method: [waiting]})).backend
    assert cancelled == [waiting]
    after = backend.methods[backend.methods.index(method) + 1 :]
    # MAIL that was never accepted has begun no transaction.
    assert after == (["logout"] if method == "mail" else ended(method))


@pytest.mark.parametrize("method", WAITING)
def test_a_coroutine_is_cancelled(method):
    seen = []

    async def wait(*arguments):
        try:
            await Deferred()
        except CancelledError as error:
            seen.append(error)
            raise

    backend = RecordingBackend({"user": "secret"})
    backend.outcomes[method] = (
        (lambda message, context: wait()) if method == "data" else [Deferred.fromCoroutine(wait())]
    )
    lose(*WAITING[method], backend=backend)
    assert len(seen) == 1


@pytest.mark.parametrize("method", WAITING)
def test_an_answer_after_the_end_is_nobodys(method):
    waiting = Deferred()
    client = lose(*WAITING[method], backend=RecordingBackend({"user": "secret"}, **{method: [waiting]}))
    before = client.backend.methods
    client.replies()
    waiting.callback(None)
    assert client.replies() == []
    assert client.backend.methods == before


@pytest.mark.parametrize("method", ["anonymous_login", "login"])
def test_a_session_that_comes_too_late_is_logged_out(method):
    class Stubborn(Deferred):
        """Cannot be cancelled: the database answers all the same."""

        def cancel(self):
            pass

    waiting, session = Stubborn(), []

    class Late(Session):
        def reset(self):
            session.append("reset")

        def logout(self):
            session.append("logout")

    lose(*WAITING[method], backend=RecordingBackend({"user": "secret"}, **{method: [waiting]}))
    waiting.callback(Late())
    assert session == ["logout"]


def test_deliveries_are_cancelled():
    cancelled = []
    deliveries = [Deferred(cancelled.append), Deferred(cancelled.append)]

    async def data(message, context):
        await message.content()
        for recipient, delivery in zip(context.recipients, deliveries, strict=True):
            context.start_delivery(recipient, delivery, timeout=30)

    said = ("LHLO client.example", *HELLO[1:], "RCPT TO:<c@localhost>", "DATA", "hi", ".")
    client = Conversation(RecordingBackend(data=data), lmtp=True)
    client.ask(*said)
    client.hang_up()
    assert cancelled == deliveries
    assert client.backend.methods[-2:] == ["reset", "logout"]


def test_a_slow_failed_login():
    client = lose("EHLO client.example", "AUTH PLAIN AHVzZXIAd3Jvbmc=")
    assert client.backend.methods == ["login"]


def test_input_that_is_held_is_forgotten():
    waiting = Deferred()
    client = lose(*HELLO, "NOOP", "RSET", backend=RecordingBackend(rcpt=[waiting]))
    assert client.backend.methods[-2:] == ["reset", "logout"]
    assert client.backend.methods.count("reset") == 1


@pytest.mark.parametrize("method", ["reset", "logout"])
def test_a_session_that_cannot_even_end(method, logged_failures):
    backend = RecordingBackend(**{method: [ValueError("cannot even end")]})
    lose(*HELLO, backend=backend)
    assert backend.methods[-2:] == ["reset", "logout"]
    assert len(logged_failures.flush(ValueError)) == 1


def test_a_reset_that_fails_later(logged_failures):
    waiting = Deferred()
    backend = RecordingBackend(reset=[waiting])
    lose(*HELLO, backend=backend)
    waiting.errback(ValueError("later"))
    assert backend.methods[-2:] == ["reset", "logout"]
    assert len(logged_failures.flush(ValueError)) == 1


def test_logout_waits_for_reset():
    waiting = Deferred()
    backend = RecordingBackend(reset=[waiting])
    lose(*HELLO, backend=backend)
    assert backend.methods[-1] == "reset"
    waiting.callback(None)
    assert backend.methods[-2:] == ["reset", "logout"]


class Sink(LoginBackend):
    """Keeps nothing of a connection."""

    def __init__(self, waiting_in: str = ""):
        self._waiting_in = waiting_in

    def _session(self):
        session = Session()
        if self._waiting_in:
            setattr(session, self._waiting_in, lambda *arguments: Deferred())
        return session

    def login(self, connection, username, password):
        return Deferred() if self._waiting_in == "login" else self._session()

    def anonymous_login(self, connection):
        return Deferred() if self._waiting_in == "anonymous_login" else self._session()


@pytest.mark.parametrize("method", ["", *WAITING])
def test_no_reference_is_left(method):
    client = Conversation(Sink(method), allow_insecure_auth=True)
    client.ask(*WAITING.get(method, (*HELLO, "DATA", "half")))
    dialog = client.protocol.dialog
    transaction = dialog.transaction
    message = getattr(transaction, "message", None)  # it has one from DATA or BDAT on
    objects = client.protocol, dialog, dialog.connection, dialog.session, transaction, message
    left = {id(each): type(each) for each in objects if each is not None}
    factory = client.protocol.factory
    client.hang_up()
    del client, dialog, objects, transaction, message
    gc.collect()
    assert [each for each in gc.get_objects() if left.get(id(each)) is type(each)] == []
    assert factory.connections == set()


def test_a_message_given_up_is_another_failure():
    """A backend can tell a client that said RSET from one that went."""
    failures = []

    async def read(message, context):
        try:
            await message.content()
        except Exception as error:
            failures.append(type(error))
            raise

    client = Conversation(RecordingBackend(data=read))
    client.ask(*HELLO, "BDAT 2", "hiRSET")
    client.hang_up()
    assert failures == [MessageAborted]
