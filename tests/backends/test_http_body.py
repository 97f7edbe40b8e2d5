"""The body of a request: a message while it is received, at the pace of the slower side, or held."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from tests.backends.application import LATER
from txsmtpx.backends.http_body import Stream

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


async def test_a_stream_is_not_signed():
    with pytest.raises(TypeError, match=r"^a message is signed after it has been received$"):
        await Stream(b"", None, list).sign(None, Clock())
