"""One request: what it does not do, and each way in which there is no answer."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError

from tests.filters.daemon import REFUSED
from tests.wire.web_server import OK, Body, failure
from txsmtpx.testing import Outcome


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"307 Temporary", b"308 Permanent"])
def test_no_redirect_is_followed(serve, status):
    server = serve()
    asked = server.get()
    server.pipe.say(b"HTTP/1.1 " + status + b"\r\nLocation: http://other.example.org/\r\nContent-Length: 0\r\n\r\n")
    assert asked.result().status == int(status[:3])
    assert len(server.pipes) == 1


def test_no_cookie_is_kept(serve):
    server = serve()
    asked = server.get()
    server.pipe.say(OK.replace(b"Content-Type", b"Set-Cookie: a=b\r\nContent-Type"))
    assert asked.result().status == 200
    server.get()
    assert b"Cookie" not in server.pipe.asked
    server.pipe.say(OK)


def test_nothing_listens(serve):
    server = serve(REFUSED)
    assert failure(server.get()).startswith("cannot connect: Connection was refused by other side")


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", "the connection was closed before the end of the answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "the connection was closed before the end of the answer"),
        (OK[:-1], "the connection was closed before the end of the answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nThanks\r\n",
         "the connection was closed before the end of the answer"),
        (b"220 mail.example.org ESMTP\r\n\r\n", "the answer is malformed"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "the answer is malformed"),
        (b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", "the answer is malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "the answer is malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "the answer is malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "the answer is malformed"),
        (b"HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n", "the answer has the status 999, which is none of HTTP"),
        (b"HTTP/1.1 -1 OK\r\nContent-Length: 0\r\n\r\n", "the answer has the status -1, which is none of HTTP"),
        (OK.replace(b"Content-Type", b"Content-Encoding: gzip\r\nContent-Type"),
         "the answer is compressed ('gzip'), which the request has not asked for"),
    ],
)  # fmt: skip
def test_no_answer(serve, said, error):
    for method in ("get", "post"):
        server = serve()
        asked = getattr(server, method)()
        (pipe,) = server.pipes
        if said:
            pipe.say(said)
        pipe.hang_up()
        assert failure(asked) == error


def test_cancelling_aborts_the_connection(serve):
    for body in (b"body", Body()):
        server = serve()
        running = server.client.request("POST", "http://app.example.org/", (), body)
        (pipe,) = server.pipes
        running.cancel()
        assert isinstance(Outcome(running).error, CancelledError)
        assert pipe.aborted
