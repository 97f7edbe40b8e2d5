"""Long messages are opened in another process, within limits; nothing waits for ever, and nothing is left."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from tests.content.hostile import MESSAGES, mixed
from txsmtpx.inbox import parser_process_main, parser_protocol
from txsmtpx.inbox.message_detail import MessageDetail, parsed_content, rendered_view
from txsmtpx.inbox.message_parser import MAX_IN_SERVER
from txsmtpx.inbox.parser_process import IDLE, MAX_WAITING, REQUEST_SECONDS

LONG = b"Subject: long\r\nContent-Type: text/html\r\n\r\n<p>" + b"word " * MAX_IN_SERVER


def test_a_short_message_needs_no_process(web):
    web.keep(b"Subject: x\r\n\r\n" + b"x" * 1000)
    assert web.json("/api/messages/1")["whole"]
    assert web.clock.processes == []


def test_one_process_for_all_views(web):
    """It gets the message once, however many parts of it a page asks for."""
    web.keep(mixed(b"\r\n" + b"x" * MAX_IN_SERVER, b"Content-Type: text/html\r\n\r\n<p>y"))
    one = web.json("/api/messages/1")
    assert (len(one["text"]), one["html"], one["whole"]) == (MAX_IN_SERVER, "<p>y", True)
    assert "<p>y" in web.get("/messages/1/frame").text
    assert web.get("/api/messages/1/parts/1").body == b"x" * MAX_IN_SERVER
    assert web.get("/api/messages/1/parts/2").body == b"<p>y"
    assert web.get("/api/messages/1/parts/3").status == 404
    size = len(web.backend.get(1).content)
    assert web.clock.opened == [("detail", 0, size), ("html", 0, 0), ("part", 1, 0), ("part", 2, 0)]
    web.keep(LONG)
    web.json("/api/messages/2")
    assert web.clock.opened[-1] == ("detail", 0, len(LONG))
    assert len(web.clock.processes) == 1


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


def shown_by_header(web, number=1):
    one = web.json(f"/api/messages/{number}")
    assert (one["whole"], one["headers"][0], one["html"], one["parts"]) == (False, ["Subject", "long"], None, [])
    page = web.get(f"/messages/{number}")
    assert page.status == 200
    assert "Not all of this message is shown" in page.text
    assert web.get(f"/messages/{number}/frame").status == 404
    assert web.get(f"/api/messages/{number}/parts/1").status == 404
    assert web.get(f"/api/messages/{number}/source").body == web.backend.get(number).content
    return True


def test_a_message_that_takes_too_long(web):
    """Its process is killed, what waited is opened by another one, and it is not tried again."""
    web.keep(LONG)
    web.keep(LONG)
    web.clock.hangs = True
    first = web.line("GET", "/api/messages/1")
    second = web.line("GET", "/messages/2/frame")
    web.clock.advance(REQUEST_SECONDS - 1)
    assert first.answer is None
    web.clock.hangs = False
    web.clock.advance(1)
    assert first.answer.json["whole"] is False
    assert second.answer.status == 200
    assert [process.ended for process in web.clock.processes] == [True, False]
    assert shown_by_header(web)
    assert len(web.clock.opened) == 1
    web.backend.delete(1)
    assert web.site.inbox.parser._too_expensive == set()


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


@pytest.mark.parametrize("content", MESSAGES.values(), ids=MESSAGES)
def test_what_is_written_for_another_process_is_read(content):
    opened = MessageDetail.of(parsed_content(content))
    read = MessageDetail.deserialized(opened.serialized())
    assert [tuple(field) for field in read.headers] == opened.headers
    assert (read.parts, read.text, read.html) == (opened.parts, opened.text, opened.html)
    assert read.readable_text == opened.readable_text
    assert (read.whole, read.remote, read.held) == (opened.whole, opened.remote, opened.held)


HEADERS = {
    "all fit": (b"X: y\r\n" * 999 + b"Subject: x\r\n", True),
    "one too many": (b"X: y\r\n" * 999 + b"Subject: x\r\nX: y\r\n", False),
    "one is long": (b"X: " + b"y" * 100_000 + b"\r\nSubject: x\r\n", False),
    "many are long": (b"X: %b\r\n" % (b"=?a?q?b?= " * 2000) * 500 + b"Subject: x\r\n", False),
}


@pytest.mark.parametrize(("header", "whole"), HEADERS.values(), ids=HEADERS)
def test_fields_beyond_the_limits_are_left_out(header, whole):
    """Those that fit are shown, wherever they stand."""
    opened = MessageDetail.of(parsed_content(header + b"\r\nx"))
    assert opened.whole is whole
    assert opened.header("subject") == "x"
    assert len(opened.headers) <= 1000
    assert sum(len(name) + len(value) for name, value in opened.headers) <= 256 * 1024
    assert max(len(value) for _, value in opened.headers) <= 64 * 1024


def run(requests: bytes, memory: int = 256 * 1024 * 1024, seconds: int = 10) -> subprocess.CompletedProcess[bytes]:
    """What the program says, run as the server runs it."""
    command = [sys.executable, "-P", parser_process_main.__file__, json.dumps([sys.path, memory, seconds])]
    return subprocess.run(command, input=requests, capture_output=True, timeout=60, check=False)


def asked(content: bytes, view: str = "detail", number: int = 0) -> bytes:
    return json.dumps({"view": view, "number": number, "size": len(content)}).encode() + b"\n" + content


def test_the_program():
    done = run(asked(LONG) + asked(b"", "html") + asked(b"", "part", 1) + asked(b"", "part", 2) + asked(b"x", "html"))
    assert (done.returncode, done.stderr) == (0, b"")
    message = parsed_content(LONG)
    for view, number in (("detail", 0), ("html", 0), ("part", 1)):
        answer = rendered_view(message, view, number)
        said = b"%d\n%b" % (len(answer), answer)
        assert done.stdout.startswith(said)
        done.stdout = done.stdout[len(said) :]
    assert done.stdout == b"-1\n-1\n"


def test_the_program_has_so_much_memory():
    content = b"Subject: x\r\n\r\n" + b"x" * 20_000_000
    assert run(asked(content)).returncode == 0
    done = run(asked(content), memory=16 * 1024 * 1024)
    assert done.returncode == 1
    assert done.stderr.strip().endswith(b"MemoryError")


def test_the_program_has_so_much_time():
    """Of the processor: for the case that the server is gone."""
    content = b"Content-Type: text/html\r\n\r\n" + b"<b>" * 1_000_000
    done = run(asked(content, "html") * 1000, seconds=0)
    assert done.returncode == -signal.SIGXCPU
