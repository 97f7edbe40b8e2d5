"""Answers of web servers: their bodies, and their limits."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionLost

from tests.wire.web_server import OK, failure


@pytest.mark.parametrize("size", [1, 2, 7])
def test_an_answer_in_pieces(serve, size):
    server = serve()
    answer = OK.replace(b"Content-Length: 6", b"Transfer-Encoding: chunked").removesuffix(b"Thanks")
    answer += b"2\r\nTh\r\n4\r\nanks\r\n0\r\n\r\n"
    asked = server.get()
    for start in range(0, len(answer), size):
        server.pipe.say(answer[start : start + size])
    assert asked.result().body == b"Thanks"


def test_an_answer_that_ends_with_the_connection(serve):
    server = serve()
    asked = server.get()
    server.pipe.say(b"HTTP/1.0 200 OK\r\n\r\nThanks")
    assert not asked.fired
    server.pipe.hang_up()
    assert asked.result().body == b"Thanks"
    lost = server.get()
    server.pipe.say(b"HTTP/1.0 200 OK\r\n\r\nThan")
    server.pipe.hang_up(ConnectionLost())
    assert failure(lost) == "the connection was lost before the end of the answer"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n" + b"x" * 65, "the answer has more than 64 octets"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 65, "the answer has more than 64 octets"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20_000, "the answer is too long"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 5_000, "the answer is too long"),
    ],
)
def test_an_answer_that_is_too_long(serve, said, error):
    server = serve(max_answer_bytes=64)
    asked = server.get()
    (pipe,) = server.pipes
    for start in range(0, len(said), 16_384):
        if not pipe.lost:
            pipe.say(said[start : start + 16_384])
    assert failure(asked) == error
    assert pipe.aborted


def test_a_long_answer_is_counted_anew_for_each_request(serve):
    server = serve(max_answer_bytes=65536)
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60_000
    for _ in range(8):
        asked = server.get()
        server.pipe.say(body)
        assert len(asked.result().body) == 60_000
    assert len(server.pipes) == 1
