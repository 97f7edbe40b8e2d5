"""Long messages are opened in another process, within limits; nothing waits for ever, and nothing is left."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from tests.inbox.long_messages import LONG, shown_by_header
from txsmtpx.inbox.parser_process import IDLE, MAX_WAITING


def test_the_same_question_twice_is_one(web):
    web.keep(LONG)
    lines = [web.line("GET", "/messages/1/frame", work=False) for _ in range(5)]
    assert [line.answer.status for line in lines] == [200] * 5
    assert len(web.clock.opened) == 1


def test_the_process_ends_after_a_while_without_requests(web):
    web.keep(LONG)
    web.get("/messages/1")
    (process,) = web.clock.processes
    web.clock.advance(IDLE - 1)
    web.get("/messages/1/frame")
    web.clock.advance(IDLE - 1)
    assert not process.ended
    web.clock.advance(1)
    web.clock.work()
    assert process.ended
    assert web.get("/messages/1/frame").status == 200
    assert web.clock.opened[-1] == ("html", 0, len(LONG))


@pytest.mark.parametrize("words", [b"Traceback\nMemoryError", b""])
def test_a_process_that_ends(web, words):
    web.keep(LONG)
    web.clock.hangs = True
    line = web.line("GET", "/api/messages/1")
    web.clock.processes[0].end(words)
    assert line.answer.json["whole"] is False
    assert shown_by_header(web)
    web.clock.hangs = False
    web.keep(LONG)
    assert web.json("/api/messages/2")["whole"]


def test_no_process_can_be_started(web, monkeypatch):
    def fails(*args, **more):
        raise OSError("too many processes")

    web.keep(LONG)
    with monkeypatch.context() as patched:
        patched.setattr(web.clock, "spawnProcess", fails)
        assert web.get("/api/messages/1").status == 503
    assert web.json("/api/messages/1")["whole"]


def test_the_number_of_requests_that_wait_is_limited(web):
    for _ in range(MAX_WAITING + 2):
        web.keep(LONG)
    web.clock.hangs = True
    lines = [web.line("GET", f"/messages/{n + 1}/frame") for n in range(MAX_WAITING + 1)]
    said = web.get(f"/messages/{MAX_WAITING + 2}/frame")
    assert (said.status, said.headers["Retry-After"]) == (503, "1")
    lines[1].protocol.connectionLost(Failure(ConnectionDone()))  # and so what it waits for is dropped
    lines.append(web.line("GET", f"/messages/{MAX_WAITING + 2}/frame"))
    web.clock.hangs = False
    web.clock.processes[0]._answer()
    del lines[1]
    assert [line.answer.status for line in lines] == [200] * (MAX_WAITING + 1)
    assert len(web.clock.opened) == MAX_WAITING + 1


def test_a_message_that_is_deleted_before_its_turn(web):
    """Requests that wait for it do not keep it."""
    web.keep(LONG)
    web.keep(LONG)
    web.clock.hangs = True
    web.line("GET", "/messages/1/frame")
    second = web.line("GET", "/api/messages/2")
    web.backend.delete(2)
    assert second.answer.status == 404
    assert second.answer.json["error"]


def test_a_message_that_is_deleted_in_its_turn(web):
    web.keep(LONG)
    line = web.line("GET", "/messages/1/frame", work=False)
    for _ in range(3):
        web.clock.advance(0)
    web.backend.delete(1)
    assert line.answer.status == 200
    assert web.get("/messages/1").status == 404


def test_the_end(web):
    """Requests that wait are answered, and the process is ended."""
    web.keep(LONG)
    web.keep(LONG)
    web.clock.hangs = True
    lines = [web.line("GET", f"/api/messages/{n}") for n in (1, 2)]
    web.site.inbox.parser.stop()
    ended = []
    web.site.inbox.parser.exited().addCallback(ended.append)
    assert ended == []
    assert [line.answer.status for line in lines] == [503, 503]
    assert web.clock.processes[0].ended
    assert ended == [None]
    assert web.site.inbox.parser.exited().called
