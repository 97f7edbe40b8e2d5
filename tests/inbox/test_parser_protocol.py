"""Requests and answers of one process that parses messages."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready, ProcessTerminated
from twisted.python.failure import Failure

from tests.inbox.long_messages import LONG
from txsmtpx.inbox import parser_protocol
from txsmtpx.inbox.inbox_errors import LimitExceeded
from txsmtpx.inbox.message_detail import parsed_content, rendered_view
from txsmtpx.inbox.parser_process import REQUEST_SECONDS
from txsmtpx.inbox.parser_protocol import ParserProtocol, ParserRequest
from txsmtpx.testing import Outcome


def test_an_answer_without_end(web, monkeypatch):
    monkeypatch.setattr(parser_protocol, "MAX_ANSWER", -len(LONG))
    web.keep(LONG)
    assert web.json("/api/messages/1")["whole"] is False
    assert web.clock.processes[0].ended


def test_an_answer_of_a_killed_process_is_ignored(web):
    """The process may have written it just before it was killed."""
    web.keep(LONG)
    web.keep(LONG.replace(b"long", b"other"))
    web.clock.hangs = True
    web.line("GET", "/api/messages/1")
    second = web.line("GET", "/api/messages/2")
    late = web.clock.processes[0]._protocol
    web.clock.advance(REQUEST_SECONDS)
    octets = rendered_view(parsed_content(LONG), "detail")
    late.childDataReceived(1, b"%d\n%b" % (len(octets), octets))
    assert second.answer is None
    web.clock.hangs = False
    web.clock.processes[1]._answer()
    assert second.answer.json["subject"] == "other"


# ---- by itself


class Transport:
    """The process: what is written to it."""

    def __init__(self) -> None:
        self.written = b""
        self.producer = None
        self.signals = []

    def write(self, data):
        self.written += data

    def registerProducer(self, producer, streaming):
        assert not streaming
        self.producer = producer

    def unregisterProducer(self):
        self.producer = None

    def signalProcess(self, signal):
        self.signals.append(signal)
        if len(self.signals) > 1:
            raise ProcessExitedAlready


class Exchange:
    """A protocol, its process, and its answers."""

    def __init__(self) -> None:
        self.answers = []
        self.ends = []
        self.protocol = ParserProtocol(
            lambda _, answer: self.answers.append(answer), lambda _, why: self.ends.append(why)
        )
        self.transport = Transport()
        self.protocol.makeConnection(self.transport)

    def send(self, key, content=b"x"):
        self.transport.written = b""
        self.protocol.send(ParserRequest(key, content))
        while self.transport.producer is not None:
            self.transport.producer.resumeProducing()
        return self.transport.written


def test_a_message_is_sent_once_and_then_asked_about():
    exchange = Exchange()
    assert exchange.send((1, "detail", 0), b"the message") == (
        b'{"view": "detail", "number": 0, "size": 11}\nthe message'
    )
    assert exchange.send((1, "part", 2), b"the message") == b'{"view": "part", "number": 2, "size": 0}\n'
    assert exchange.send((2, "html", 0), b"another").endswith(b'"size": 7}\nanother')


def test_a_long_message_is_sent_in_pieces():
    exchange = Exchange()
    content = bytes(range(256)) * 1000
    exchange.protocol.send(ParserRequest((1, "detail", 0), content))
    pieces = []
    while exchange.transport.producer is not None:
        before = len(exchange.transport.written)
        exchange.transport.producer.resumeProducing()
        pieces.append(len(exchange.transport.written) - before)
    assert max(pieces) == parser_protocol.PIECE
    assert exchange.transport.written.endswith(content)


@pytest.mark.parametrize("cut", range(1, 8))
def test_an_answer_in_any_pieces(cut):
    exchange = Exchange()
    for answer, octets in ((b"", b"0\n"), (b"abc", b"3\nabc"), (None, b"-1\n"), (b"\n7\n", b"3\n\n7\n")):
        exchange.send((1, "part", 1))
        for at in range(0, len(octets), cut):
            exchange.protocol.outReceived(octets[at : at + cut])
        assert exchange.answers.pop() == answer
    assert exchange.answers == []


def test_an_answer_that_is_too_long_kills_the_process(monkeypatch):
    monkeypatch.setattr(parser_protocol, "MAX_ANSWER", 10)
    exchange = Exchange()
    exchange.send((1, "part", 1), b"xy")
    exchange.protocol.outReceived(b"12\n")
    assert exchange.transport.signals == []
    exchange = Exchange()
    exchange.send((1, "part", 1), b"xy")
    exchange.protocol.outReceived(b"13\n")
    assert exchange.transport.signals == ["KILL"]
    exchange.protocol.kill()  # which has no effect on one that has ended
    assert exchange.answers == []


@pytest.mark.parametrize(("errors", "why"), [
    ([], "A process has ended"), ([b"Traceback\n  x\nMemor", b"yError: \n"], "MemoryError:"), ([b"\xff"], "\ufffd"),
    ([b"x" * 5000 + b"\nlast line"], "last line"),
])  # fmt: skip
def test_the_reason_of_the_end_is_the_last_line_of_its_errors(errors, why):
    exchange = Exchange()
    for octets in errors:
        exchange.protocol.errReceived(octets)
    exchange.protocol.processEnded(Failure(ProcessTerminated(1)))
    (said,) = exchange.ends
    assert said.startswith(why)
    assert len(said) < parser_protocol.MAX_ERROR


def test_everybody_who_asked_has_the_answer():
    request = ParserRequest((1, "detail", 0), b"x")
    request.answers = [Deferred(), Deferred()]
    outcomes = [Outcome(each) for each in request.answers]
    request.answer(b"detail")
    assert [outcome.result() for outcome in outcomes] == [b"detail"] * 2
    request.answer(b"again")  # nobody waits
    assert [len(outcome.results) for outcome in outcomes] == [1, 1]


def test_everybody_who_asked_has_an_error_of_its_own():
    """Guarantee 21."""
    request = ParserRequest((1, "detail", 0), b"x")
    request.answers = [Deferred(), Deferred()]
    outcomes = [Outcome(each) for each in request.answers]
    error = LimitExceeded("too long")
    request.fail(error)
    assert [type(outcome.error) for outcome in outcomes] == [LimitExceeded] * 2
    assert len({id(each) for each in (error, *(outcome.error for outcome in outcomes))}) == 3
