"""
A lost connection reaches everyone once (guarantee 10), and a body that nobody reads stops at its bound (guarantee 5).

Every place at which a client may go is in test_anything.py and in the transcripts lost_*.txt; here is what the
backend is told.
"""

from __future__ import annotations

import gc
import weakref

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from txsmtpx.dialog.message import HIGH_WATER, MessageAborted
from txsmtpx.testing import Conversation, RecordingBackend

ENVELOPE = ["EHLO client.example", "MAIL FROM:<me@example.com>", "RCPT TO:<you@example.com>"]


def test_reset_and_logout_once_each():
    backend = RecordingBackend()
    conversation = Conversation(backend)
    conversation.ask(*ENVELOPE)
    conversation.hang_up()
    conversation.protocol.connectionLost(Failure(ConnectionLost()))
    assert backend.methods == ["anonymous_login", "mail", "rcpt", "reset", "logout"]


def test_no_reset_where_nothing_is_open():
    backend = RecordingBackend()
    conversation = Conversation(backend)
    conversation.ask(*ENVELOPE, "RSET")
    conversation.hang_up()
    assert backend.methods == ["anonymous_login", "mail", "rcpt", "reset", "logout"]


def test_no_logout_where_nobody_logged_in():
    backend = RecordingBackend()
    conversation = Conversation(backend)
    conversation.ask("EHLO client.example", "NOOP")
    conversation.hang_up()
    assert backend.calls == []


@pytest.mark.parametrize("method", ["anonymous_login", "mail", "rcpt", "data", "reset", "verify", "login"])
def test_what_is_pending_is_cancelled(method):
    cancelled = []
    backend = RecordingBackend({"u": "p"}, **{method: lambda *_: Deferred(cancelled.append)})
    conversation = Conversation(backend, allow_insecure_auth=True)
    if method == "login":
        backend.login = lambda *_: Deferred(cancelled.append)
        conversation.ask("EHLO client.example", "AUTH PLAIN AHUAcA==")
    elif method == "verify":
        conversation.ask("VRFY me")
    else:
        conversation.ask(*ENVELOPE, "DATA", ".", "RSET")
    assert cancelled == []
    conversation.hang_up()
    assert len(cancelled) == 1


def test_a_session_that_comes_too_late_is_logged_out():
    """The client did not wait for it, and the backend answers its cancellation with a session."""
    backend = RecordingBackend()
    backend.outcomes["anonymous_login"] = lambda connection: Deferred(lambda deferred: deferred.callback(None))
    conversation = Conversation(backend)
    conversation.ask(*ENVELOPE)
    assert backend.sessions == []
    conversation.hang_up()
    assert backend.methods == ["anonymous_login", "logout"]


def test_a_session_that_comes_when_all_is_over_is_logged_out():
    """A backend that does not let itself be cancelled."""
    stubborn = Deferred()

    async def log_in(connection):
        try:
            await Deferred()
        except CancelledError:
            await stubborn

    backend = RecordingBackend()
    backend.outcomes["anonymous_login"] = lambda connection: Deferred.fromCoroutine(log_in(connection))
    conversation = Conversation(backend)
    conversation.ask(*ENVELOPE)
    conversation.hang_up()
    assert backend.methods == ["anonymous_login"]
    stubborn.callback(None)
    assert backend.methods == ["anonymous_login", "logout"]


@pytest.mark.parametrize("how", ["content", "async for"])
@pytest.mark.parametrize(
    ("end", "kind"), [("lose", ConnectionLost), ("RSET", MessageAborted), ("EHLO client.example", MessageAborted)]
)
def test_the_reader_learns_why_there_is_no_more(how, end, kind):
    """And that the backend then fails with it is nothing to log."""
    reasons = []

    async def data(message, context):
        try:
            if how == "content":
                await message.content()
            async for _ in message:
                pass
        except Exception as error:
            reasons.append(type(error))
            raise

    conversation = Conversation(RecordingBackend(data=data))
    conversation.ask(*ENVELOPE)
    conversation.send(b"BDAT 3\r\nabc" if end != "lose" else b"DATA\r\nabc")
    if end != "lose":
        assert conversation.ask(end)[-1].startswith("250")
    conversation.hang_up()
    assert reasons == [kind]


def test_no_reference_is_left():
    backend = RecordingBackend(data=lambda message, context: Deferred())
    conversation = Conversation(backend)
    conversation.ask(*ENVELOPE, "DATA", ".")
    conversation.hang_up()
    backend.calls.clear()
    factory = conversation.protocol.factory
    left = weakref.ref(conversation.protocol)
    del conversation
    gc.collect()
    assert left() is None
    assert factory.connections == set()


def test_a_body_that_nobody_reads_stops_at_its_bound():
    messages = []

    def data(message, context):
        messages.append(message)
        return Deferred()

    conversation = Conversation(RecordingBackend(data=data))
    conversation.ask(*ENVELOPE, "DATA")
    sent = 0
    while conversation.transport.producerState == "producing":
        conversation.send(b"x" * 998 + b"\r\n")
        sent += 1000
        assert sent < 10 * HIGH_WATER
    assert messages[0].received <= HIGH_WATER + 1000
    assert sent <= HIGH_WATER + 64 * 1024 + 3000
    conversation.hang_up()


def test_a_body_that_is_answered_already_is_thrown_away():
    messages = []
    conversation = Conversation(RecordingBackend(data=lambda message, context: messages.append(message)))
    conversation.ask(*ENVELOPE, "DATA")
    for _ in range(4 * HIGH_WATER // 1000):
        conversation.send(b"x" * 998 + b"\r\n")
        assert conversation.transport.producerState == "producing"
    assert conversation.ask(".")[0].startswith("250 2.0.0 Ok: queued as ")
    assert messages[0].received >= 4 * HIGH_WATER - 1000
    conversation.hang_up()


def test_a_body_flows_again_when_it_is_read():
    messages = []

    def data(message, context):
        messages.append(message)
        return Deferred()

    conversation = Conversation(RecordingBackend(data=data))
    conversation.ask(*ENVELOPE, "DATA")
    while conversation.transport.producerState == "producing":
        conversation.send(b"x" * 998 + b"\r\n")
    received = messages[0].received
    chunks = []
    messages[0].__anext__().addCallback(chunks.append)
    assert len(chunks[0]) == received
    assert messages[0].received > received  # what was held back, which fills it again
    assert conversation.transport.producerState == "paused"
    messages[0].__anext__().addCallback(chunks.append)
    assert len(b"".join(chunks)) == messages[0].received
    assert conversation.transport.producerState == "producing"
    conversation.hang_up()
