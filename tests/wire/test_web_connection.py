"""What a web server does to a connection within a request."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionLost

from tests.wire.web_server import OK, Body, failure


def test_the_connection_is_lost_within_the_body(serve):
    server, body = serve(), Body()
    asked = server.post(body)
    server.pipe.hang_up(ConnectionLost())
    assert failure(asked) == "the connection was lost before the end of the answer"
    assert body.calls == ["stop"]


@pytest.mark.parametrize("whole", [False, True])
def test_an_answer_before_the_end_of_the_body(serve, whole):
    server, body = serve(), Body()
    asked = server.post(body)
    (pipe,) = server.pipes
    pipe.producer.pauseProducing()
    assert pipe.asked
    pipe.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 6\r\n\r\nNo")
    assert body.calls == ["pause", "resume"]
    body.consumer.write(b"abc")
    if whole:
        body.done.callback(None)
    pipe.say(b", no")
    answer = asked.result()
    assert (answer.status, answer.body, answer.early) == (413, b"No, no", True)
    assert body.calls == ["pause", "resume", *([] if whole else ["stop"])]
    assert (pipe.asked, pipe.aborted) == (b"", True)


@pytest.mark.parametrize("size", [1, 200])
def test_a_provisional_answer_is_none(serve, size):
    server, body = serve(), Body()
    asked = server.post(body)
    said = b"HTTP/1.1 100 Continue\r\n\r\n"
    for start in range(0, len(said), size):
        server.pipe.say(said[start : start + size])
    body.consumer.write(b"abc")
    assert server.pipe.asked.endswith(b"abc\r\n")
    body.done.callback(None)
    server.pipe.say(OK)
    assert not asked.result().early
