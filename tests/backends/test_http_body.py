"""The body of a request: a message while it is received, at the pace of the slower side, or held."""

from __future__ import annotations

import hmac

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from tests.backends.application import LATER
from txsmtpx.backends.http_body import AT_ONCE, HeldMessage, Stream
from txsmtpx.testing import Outcome

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_long_message_is_sent_while_it_comes(mail):
    sent = mail()
    sent.begin()
    line = b"x" * 998 + b"\r\n"
    sent.client.send(line * 60)
    assert sent.application.pipes == []
    sent.client.send(line * 10)
    request = sent.application.request()
    assert request.chunked
    assert len(line) * 69 < len(request.body) < len(line) * 70  # a line end may be that before the final dot
    sent.client.send(line * 10 + b".\r\n")
    assert sent.application.request().whole
    sent.application.answer(200)
    assert sent.client.replies()[-1][:3] == "250"


def test_a_slow_application_stops_the_client(mail):
    sent = mail(timeout=30)
    sent.begin()
    line = b"x" * 998 + b"\r\n"
    sent.client.send(line * 70)
    (pipe,) = sent.application.pipes
    pipe.producer.pauseProducing()
    sent.client.send(line * 100)  # which the message holds
    sent.client.send(line * 100)  # which the server holds
    assert sent.client.transport.producerState == "paused"
    pipe.producer.resumeProducing()
    assert sent.client.transport.producerState == "producing"
    sent.client.send(line + b".\r\n")
    request = sent.application.answer(200)
    assert request.body == line * 271
    assert sent.client.replies()[-1][:3] == "250"


def test_an_application_that_stops_reading_has_its_time(mail):
    sent = mail(timeout=30)
    sent.begin()
    sent.client.send((b"x" * 998 + b"\r\n") * 70)
    (pipe,) = sent.application.pipes
    pipe.producer.pauseProducing()
    sent.clock.advance(30)
    assert pipe.aborted
    sent.client.send(b".\r\n")
    assert sent.client.replies() == [LATER]


@pytest.mark.parametrize(
    ("status", "reply"), [(413, "550 5.7.1 Too large"), (200, LATER), (503, LATER), (307, LATER)]
)
def test_an_answer_before_the_end_of_the_message(mail, status, reply):
    sent = mail()
    sent.begin()
    line = b"x" * 998 + b"\r\n"
    sent.client.send(line * 70)
    (pipe,) = sent.application.pipes
    pipe.producer.pauseProducing()
    sent.application.answer(status, "Too large")
    assert pipe.aborted
    assert sent.client.replies() == []  # before the end of the data
    sent.client.send(line * 200 + b".\r\n")
    assert sent.client.replies() == [reply]
    assert b"x" not in sent.application.pipes[0].asked


def test_a_client_that_goes_away_aborts_the_request(mail):
    sent = mail()
    sent.begin()
    sent.client.send((b"x" * 998 + b"\r\n") * 70)
    (pipe,) = sent.application.pipes
    sent.client.hang_up()
    assert pipe.aborted
    assert not sent.application.request().whole


def test_a_client_that_goes_away_before_the_answer_aborts_the_request(mail):
    sent = mail()
    sent.send()
    (pipe,) = sent.application.pipes
    sent.client.hang_up()
    assert pipe.aborted


def test_a_message_that_is_too_big(mail):
    sent = mail(server={"max_message_bytes": 100_000})
    sent.begin()
    sent.client.send((b"x" * 998 + b"\r\n") * 70)
    (pipe,) = sent.application.pipes
    sent.client.send((b"x" * 998 + b"\r\n") * 40 + b".\r\n")
    (reply,) = sent.client.replies()
    assert reply[:9] == "552 5.3.4"
    assert pipe.aborted


def test_a_held_message_has_a_length(mail):
    sent = mail(hold=True)
    content = (b"x" * 998 + b"\r\n") * 300
    sent.begin()
    sent.client.send(content)
    assert sent.application.pipes == []
    sent.client.send(b".\r\n")
    request = sent.application.answer(200)
    assert (request.chunked, request.body) == (False, content)
    assert sent.client.replies()[-1][:3] == "250"


class Consumer:
    """A request that pauses its body after each piece, until the test resumes it."""

    def __init__(self):
        self.pieces = []
        self.body = None

    def write(self, piece):
        self.pieces.append(piece)
        self.body.pauseProducing()


def test_a_held_body_waits_for_its_consumer():
    held = HeldMessage()
    Outcome(Deferred.fromCoroutine(held.receive(succeeding(b"x" * 100_000, b"y" * 100_000)))).result()
    consumer = Consumer()
    consumer.body = held.body()
    done = Outcome(consumer.body.startProducing(consumer))
    sizes = []
    while not done.fired:
        sizes.append(len(consumer.pieces))
        consumer.body.resumeProducing()
    assert sizes == [1, 2, 3, 4]
    assert b"".join(consumer.pieces) == b"x" * 100_000 + b"y" * 100_000
    assert consumer.body.length == 200_000
    held.close()


def test_a_held_body_that_is_stopped():
    held = HeldMessage()
    Outcome(Deferred.fromCoroutine(held.receive(succeeding(b"x" * 100_000)))).result()
    consumer = Consumer()
    consumer.body = held.body()
    done = consumer.body.startProducing(consumer)
    done.cancel()
    assert isinstance(Outcome(done).error, CancelledError)
    consumer.body.resumeProducing()
    assert len(consumer.pieces) == 1
    held.close()


def test_two_requests_read_one_message():
    held = HeldMessage()
    Outcome(Deferred.fromCoroutine(held.receive(succeeding(b"x" * 70_000, b"y" * 70_000)))).result()
    consumers = [Consumer(), Consumer()]
    for each in consumers:
        each.body = held.body()
        each.done = Outcome(each.body.startProducing(each))
    for _ in range(3):
        for each in consumers:
            each.body.resumeProducing()
    assert [b"".join(each.pieces) for each in consumers] == [b"x" * 70_000 + b"y" * 70_000] * 2
    assert all(each.done.fired for each in consumers)
    held.close()


async def succeeding(*chunks):
    for chunk in chunks:
        yield chunk


async def test_a_stream_is_not_signed():
    with pytest.raises(TypeError, match=r"^a message is signed after it has been received$"):
        await Stream(b"", None, list).sign(None, Clock())


def test_a_long_message_is_signed_in_turns():
    held, clock = HeldMessage(), Clock()
    octets = b"x" * (AT_ONCE * 2 + 1000)
    Outcome(Deferred.fromCoroutine(held.receive(succeeding(octets)))).result()
    signature = hmac.new(b"key", digestmod="sha256")
    done = Outcome(Deferred.fromCoroutine(held.sign(signature, clock)))
    assert not done.fired
    clock.advance(0)
    assert done.result() is None
    assert signature.digest() == hmac.digest(b"key", octets, "sha256")
    held.close()
