"""
Backends whose objects fail in ways that no backend should: consumers, representations, replies that cannot be written.

Whatever they do, each command has one reply, nothing of a message is run as a command, and the connection goes on.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
from twisted.internet.interfaces import IConsumer
from zope.interface import implementer

from tests.dialog.core import Core
from txsmtpx import Reply, RewriteBackend, SMTPError
from txsmtpx.dialog.message import Message
from txsmtpx.testing import BackendCrash, RecordingBackend

OK = "250 2.0.0 Ok"
LOCAL_ERROR = "451 4.3.0 "
ENVELOPE = ["MAIL FROM:<me@a.example>", "RCPT TO:<you@b.example>"]
DATA = [*ENVELOPE, "DATA", "VRFY smuggled", "."]
BDAT = [*ENVELOPE, "BDAT 15 LAST", "VRFY smuggled"]
METHODS = ["registerProducer", "write", "unregisterProducer"]


class Unprintable:
    """An object that cannot be shown."""

    def __repr__(self) -> str:
        raise BackendCrash("no representation")


@implementer(IConsumer)
class Broken:
    """A consumer, one method of which fails."""

    def __init__(self, method: str) -> None:
        self._method = method

    def _called(self, method: str) -> None:
        if method == self._method:
            raise BackendCrash(method)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self._called("registerProducer")

    def unregisterProducer(self) -> None:
        self._called("unregisterProducer")

    def write(self, data: bytes) -> None:
        self._called("write")


class NoConsumer:
    """A class that is no consumer at all."""


def answers(give: Any, lines: list[str], lmtp: bool) -> list[str]:
    """All that the server says to a message, then to NOOP."""
    client = Core(RecordingBackend(data=give), lmtp=lmtp)
    client.ask("LHLO a.example" if lmtp else "EHLO a.example")
    said = client.ask(*lines)
    client.clock.advance(0)
    said += client.replies() + client.ask("NOOP")
    client.hang_up()
    return [each for each in said if each[:3] not in ("250", "354") or each == OK]


@pytest.mark.parametrize("lmtp", [False, True], ids=["SMTP", "LMTP"])
@pytest.mark.parametrize("lines", [DATA, BDAT], ids=["DATA", "BDAT"])
@pytest.mark.parametrize("method", METHODS)
def test_a_consumer_that_fails_is_the_backends_failure(method, lines, lmtp, logged_failures):
    error, noop = answers(lambda message, context: message.deliver_to(Broken(method)), lines, lmtp)
    assert error.startswith(LOCAL_ERROR)
    assert noop == OK
    assert logged_failures.flush(BackendCrash)


@pytest.mark.parametrize("lmtp", [False, True], ids=["SMTP", "LMTP"])
@pytest.mark.parametrize("lines", [DATA, BDAT], ids=["DATA", "BDAT"])
def test_what_is_no_consumer(lines, lmtp, logged_failures):
    error, noop = answers(lambda message, context: message.deliver_to(NoConsumer()), lines, lmtp)
    assert error.startswith(LOCAL_ERROR)
    assert noop == OK
    assert logged_failures.flush(AttributeError)


@pytest.mark.parametrize("late", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("lines", [DATA, BDAT], ids=["DATA", "BDAT"])
def test_what_cannot_be_shown_is_no_outcome(late, lines, logged_failures):
    def give(message: Any, context: Any) -> Any:
        return message.content().addCallback(lambda _: Unprintable()) if late else Unprintable()

    error, noop = answers(give, lines, False)
    assert error.startswith(LOCAL_ERROR)
    assert noop == OK
    assert logged_failures.flush(TypeError)


@pytest.mark.parametrize("way", ["set_status", "start_delivery"])
def test_what_cannot_be_shown_is_no_status(way, logged_failures):
    error, noop = answers(lambda message, context: getattr(context, way)(0, Unprintable()) and None, DATA, False)
    assert error.startswith(LOCAL_ERROR)
    assert noop == OK
    assert logged_failures.flush(TypeError)


def test_the_log_shows_the_beginning_of_a_message_that_is_given_back(logged_failures):
    answers(lambda message, context: message.content().addCallback(lambda _: b"x" * 100_000), DATA, False)
    (failure,) = logged_failures.flush(TypeError)
    assert len(failure.getErrorMessage()) < 500


@pytest.mark.parametrize("chunks", [0, 1, 3])
@pytest.mark.parametrize("method", METHODS)
def test_a_consumer_fails_once_and_the_message_may_have_another_reader(method, chunks):
    message = Message()
    for _ in range(chunks):
        message.write(b"x")
    outcomes: list[Any] = []
    try:
        message.deliver_to(Broken(method)).addErrback(outcomes.append)
    except BackendCrash:
        outcomes.append(None)
    message.write(b"y")
    message.finish()
    assert len(outcomes) == 1
    assert not message.full


def test_a_consumer_that_fails_when_its_delivery_is_cancelled(logged_failures):
    message = Message()
    outcomes: list[Any] = []
    delivery = message.deliver_to(Broken("unregisterProducer")).addErrback(outcomes.append)
    delivery.cancel()
    assert len(outcomes) == 1
    assert logged_failures.flush(BackendCrash)


REPLIES: list[tuple[Any, ...]] = [
    (550, (5, 1, 1), b"octets"),
    (550, (5, 1, 1), 7),
    (550, (5, 1, 1), None),
    (550, (5, 1, 1), ["a", "b"]),
    (550, (5, "1\r\n250", 1), "x"),
    (550, (5, 1000, 1), "x"),
    (550, (5, 1, -1), "x"),
    (550, (5, 1), "x"),
    (550, "5.1.1", "x"),
    (550.5, (5, 1, 1), "x"),
    ("550", (5, 1, 1), "x"),
]


@pytest.mark.parametrize("arguments", REPLIES, ids=repr)
def test_a_reply_that_cannot_be_written_cannot_be_made(arguments):
    with pytest.raises((TypeError, ValueError)):
        Reply(*arguments)


@pytest.mark.parametrize("lmtp", [False, True], ids=["SMTP", "LMTP"])
@pytest.mark.parametrize("arguments", REPLIES, ids=repr)
@pytest.mark.parametrize("method", ["mail", "rcpt", "data"])
def test_so_each_recipient_has_a_reply(method, arguments, lmtp, logged_failures):
    client = Core(RecordingBackend(**{method: lambda *_: Reply(*arguments)}), lmtp=lmtp)
    client.ask("LHLO a.example" if lmtp else "EHLO a.example")
    lines = {"mail": DATA[:1], "rcpt": DATA[:2], "data": [*ENVELOPE, "RCPT TO:<they@b.example>", *DATA[2:]]}[method]
    said = client.ask(*lines)
    errors = [each for each in said if each.startswith(LOCAL_ERROR)]
    assert len(errors) == (2 if lmtp and method == "data" else 1)
    assert client.ask("NOOP") == [OK]
    client.hang_up()
    logged_failures.flush(TypeError, ValueError)


MIDDLEWARE = pytest.mark.parametrize("wrap", [lambda it: it, RewriteBackend], ids=["plain", "RewriteBackend"])


@MIDDLEWARE
@pytest.mark.parametrize("timeout", [-1, math.nan, math.inf, -math.inf, "1"], ids=repr)
def test_a_time_that_is_none_leaves_the_recipient_as_it_was(timeout, wrap):
    def data(message: Any, context: Any) -> None:
        with pytest.raises((ValueError, TypeError)):
            context.start_delivery(0, timeout=timeout)
        context.start_delivery(0, timeout=1)
        context.set_status(0, "stored")

    client = Core(wrap(RecordingBackend(data=data)), lmtp=True)
    assert client.ask("LHLO a.example", *DATA)[-1] == "250 2.0.0 <you@b.example> stored"
    client.hang_up()


@MIDDLEWARE
@pytest.mark.parametrize("recipient", [None, b"you@b.example", 0.0, object], ids=repr)
def test_a_recipient_of_another_type(recipient, wrap):
    def data(message: Any, context: Any) -> None:
        with pytest.raises((ValueError, TypeError)):
            context.set_status(recipient)
        with pytest.raises((ValueError, TypeError)):
            context.start_delivery(recipient)

    client = Core(wrap(RecordingBackend(data=data)), lmtp=True)
    assert client.ask("LHLO a.example", *DATA)[-1].startswith("250 2.0.0 <you@b.example> Ok: queued as ")
    client.hang_up()


def test_an_error_with_an_enhanced_code_that_is_none():
    with pytest.raises(TypeError):
        SMTPError(550, (5, "x", 1), "No")  # type: ignore[arg-type]
