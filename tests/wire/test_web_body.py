"""Bodies of requests: octets, and producers that are not hurried."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost

from tests.wire.web_server import OK, Body, failure
from txsmtpx.wire.web_request import WebAnswer


def test_a_body(serve):
    server = serve()
    asked = server.post(b"a=1")
    head, _, body = server.pipe.asked.partition(b"\r\n\r\n")
    assert (b"Content-Length: 3" in head, body) == (True, b"a=1")
    server.pipe.say(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert asked.result() == WebAnswer(204, "No Content", {}, b"")
    again = server.post(b"")
    assert b"Content-Length: 0" in server.pipe.asked
    server.pipe.say(OK)
    assert again.result().media_type == "text/plain"
    assert len(server.pipes) == 1


def test_a_body_that_is_written_piece_by_piece(serve):
    server, body = serve(), Body()
    asked = server.post(body)
    assert b"Transfer-Encoding: chunked" in server.pipe.asked
    body.consumer.write(b"abc")
    assert server.pipe.asked == b"3\r\nabc\r\n"
    body.done.callback(None)
    assert server.pipe.asked == b"0\r\n\r\n"
    server.pipe.say(OK)
    assert asked.result().body == b"Thanks"


def test_the_time_of_the_producer_does_not_count(serve):
    server, body = serve(timeout=10), Body()
    asked = server.post(body)
    server.clock.advance(1000)
    server.pipe.producer.pauseProducing()
    assert body.calls == ["pause"]
    server.clock.advance(6)
    server.pipe.producer.resumeProducing()
    assert body.calls == ["pause", "resume"]
    server.clock.advance(1000)
    body.done.callback(None)
    server.clock.advance(3.9)
    assert not asked.fired
    server.clock.advance(0.1)
    assert failure(asked) == "no answer within 10 seconds"


def test_a_server_that_does_not_read(serve):
    server, body = serve(timeout=10), Body()
    asked = server.post(body)
    (pipe,) = server.pipes
    pipe.producer.pauseProducing()
    body.done = Deferred()
    server.clock.advance(10)
    assert failure(asked) == "no answer within 10 seconds"
    assert pipe.aborted


def test_a_producer_that_fails(serve):
    server, body = serve(), Body()
    asked = server.post(body)
    (pipe,) = server.pipes
    body.consumer.write(b"abc")
    body.done.errback(KeyError("gone"))
    assert isinstance(asked.error, KeyError)
    assert pipe.aborted
    assert not pipe.asked.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("early", [False, True])
def test_a_body_that_is_stopped_has_no_result(serve, early, logged_failures):
    """Twisted would log a failure of a request that has ended, and a whole body would end the request."""

    class Stopped(Body):
        def stopProducing(self) -> None:
            self.done.cancel()

    server = serve()
    asked = server.post(Stopped())
    (pipe,) = server.pipes
    assert pipe.asked
    if early:
        pipe.say(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n")
        assert asked.result().early
    else:
        pipe.hang_up(ConnectionLost())
        assert failure(asked) == "the connection was lost before the end of the answer"
    assert pipe.asked == b""
    assert logged_failures.flush() == []
