"""Requests to web servers: connections, time and settings."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from tests.filters.daemon import NEVER
from tests.wire.web_server import OK, failure
from txsmtpx.wire.web_request import WebClient


def test_a_request_and_its_answer(serve):
    server = serve()
    asked = server.get("http://ann:pass%20word@app.example.org/keys?a=%2F%25b", headers=[("Accept", "text/plain")])
    head = server.pipe.asked.split(b"\r\n")
    assert head[0] == b"GET /keys?a=%2F%25b HTTP/1.1"
    assert sorted(each for each in head[1:] if each) == [
        b"Accept-Encoding: identity", b"Accept: text/plain", b"Authorization: Basic YW5uOnBhc3Mgd29yZA==",
        b"Host: app.example.org",
    ]  # fmt: skip
    server.pipe.say(OK)
    answer = asked.result()
    assert (answer.status, answer.reason, answer.body, answer.early) == (200, "OK", b"Thanks", False)
    assert answer.headers == {"content-type": "text/plain"}


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", OK[:-1]])
def test_an_answer_that_does_not_come(serve, said):
    server = serve(timeout=10)
    asked = server.get()
    (pipe,) = server.pipes
    if said:
        pipe.say(said)
    server.clock.advance(9.9)
    assert not asked.fired
    server.clock.advance(0.1)
    assert failure(asked) == "no answer within 10 seconds"
    assert pipe.aborted


def test_a_connection_that_does_not_come(serve):
    server = serve(NEVER, timeout=10)
    asked = server.get()
    server.clock.advance(10)
    assert failure(asked) == "no answer within 10 seconds"


def test_more_requests_than_connections_wait(serve):
    server = serve(connections=2, timeout=10)
    asked = [server.get() for _ in range(3)]
    first, second = server.pipes
    server.clock.advance(5)
    first.say(OK)
    assert asked[0].fired
    assert len(server.pipes) == 2
    second.say(OK)
    server.clock.advance(4.9)
    assert not asked[2].fired
    server.clock.advance(0.1)
    assert failure(asked[2]) == "no answer within 10 seconds"


def test_a_request_that_waits_for_a_connection_has_its_time(serve):
    server = serve(connections=1, timeout=10)
    first, second = server.get(), server.get()
    server.clock.advance(10)
    assert (failure(first), failure(second)) == ("no answer within 10 seconds",) * 2


def test_a_kept_connection_is_closed_after_a_while(serve):
    server = serve()
    asked = server.get()
    server.pipe.say(OK)
    assert asked.result().status == 200
    server.clock.advance(3.9)
    assert not server.pipes[0].disconnecting
    server.clock.advance(0.1)
    assert server.pipes[0].disconnecting


@pytest.mark.parametrize(("method", "again"), [("get", True), ("post", False)])
def test_a_kept_connection_that_the_server_closes(serve, method, again):
    server = serve()
    asked = server.get()
    server.pipe.say(OK)
    assert asked.result().status == 200
    asked = getattr(server, method)()
    server.pipe.hang_up()
    if again:
        server.pipe.say(OK)
        assert asked.result().status == 200
    else:
        assert failure(asked) == "the connection was closed before the end of the answer"


def test_a_new_connection_is_not_tried_twice(serve):
    server = serve()
    asked = server.get()
    server.pipe.hang_up()
    assert failure(asked) == "the connection was closed before the end of the answer"
    assert len(server.pipes) == 1


@pytest.mark.parametrize("value", ["a\r\nB: c", "ü", "\x00"])
def test_a_header_that_cannot_be_sent(serve, value):
    with pytest.raises(ValueError, match=r"^the header A can have printable characters of ASCII only$"):
        serve().client.request("GET", "http://app.example.org/", [("A", value)])


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({"timeout": 0}, "timeout is a number of seconds above 0, not 0"),
        ({"timeout": float("nan")}, "timeout is a number of seconds above 0, not nan"),
        ({"connections": 0}, "connections is a number from 1, not 0"),
        ({"trust_roots": "/missing"}, "trust_roots '/missing' cannot be used: No such file or directory"),
    ],
)
def test_a_setting_that_cannot_be_used(how, error):
    with pytest.raises(ValueError, match="^" + error):
        WebClient(Clock(), **how)


def test_treq_is_missing(monkeypatch):
    monkeypatch.setattr("txsmtpx.wire.web_request.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"^treq is not installed: pip install treq; the extras http"):
        WebClient(Clock())
