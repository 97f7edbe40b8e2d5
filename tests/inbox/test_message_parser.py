"""Messages that are opened: short ones in the server, long ones in another process."""

from __future__ import annotations

from tests.content.hostile import mixed
from tests.inbox.long_messages import LONG, shown_by_header
from txsmtpx.inbox import message_parser
from txsmtpx.inbox.message_detail import parsed_content
from txsmtpx.inbox.message_parser import MAX_IN_SERVER
from txsmtpx.inbox.parsed_message import ParsedMessage
from txsmtpx.inbox.parser_process import REQUEST_SECONDS


def test_one_bad_message_is_shown_by_its_source(web, monkeypatch, logged_failures):
    monkeypatch.setattr(ParsedMessage, "readable_text", property(lambda message: 1 / 0))
    web.keep(b"Subject: bad\r\n\r\nx")
    page = web.get("/messages/1").text
    assert "Not all of this message is shown" in page
    assert "Subject: bad" in web.get("/messages/1/source").text
    assert web.json("/api/messages/1")["headers"] == [["Subject", "bad"]]
    assert len(logged_failures.flush(ZeroDivisionError)) == 2  # in the list, and opened


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


def test_the_details_of_the_message_that_was_opened_last_are_kept(web, monkeypatch):
    parsed = []
    monkeypatch.setattr(
        message_parser, "parsed_content", lambda content: parsed.append(content) or parsed_content(content)
    )
    for subject in (b"one", b"two"):
        web.keep(b"Subject: %b\r\n\r\n" % subject)
    for number in (1, 1, 2, 2, 1):
        web.json(f"/api/messages/{number}")
    assert [content[9:12] for content in parsed] == [b"one", b"two", b"one"]


def test_the_memory_of_the_details_counts_while_they_are_kept(web):
    held = {1: 0, 2: 0}

    def hold(number, octets):
        held[number] += octets

    web.keep(b"\r\n" + b"x" * 5000)
    web.keep(b"\r\n" + b"x" * 6000)
    web.json("/api/messages")  # whose summaries count for themselves
    web.backend.hold = hold
    web.json("/api/messages/1")
    assert (held[1] > 5000, held[2]) == (True, 0)
    web.json("/api/messages/2")
    assert (held[1], held[2] > 6000) == (0, True)


def test_what_is_kept_of_a_message_ends_with_it(web):
    web.keep(b"\r\nx")
    web.json("/api/messages/1")
    parser = web.site.inbox.parser
    assert parser._opened[0] == 1
    web.backend.delete(1)
    assert parser._opened is None


def test_a_header_that_cannot_be_parsed_leaves_the_source(web, monkeypatch, logged_failures):
    def fails(*args):
        raise RecursionError

    web.keep(b"Subject: x\r\n\r\n")
    monkeypatch.setattr(message_parser, "rendered_view", fails)
    monkeypatch.setattr(message_parser.MessageDetail, "header_of", fails)
    shown = web.json("/api/messages/1")
    assert (shown["whole"], shown["headers"]) == (False, [])
    assert web.get("/api/messages/1/source").body == b"Subject: x\r\n\r\n"
    assert len(logged_failures.flush(RecursionError)) == 2


def test_a_message_that_takes_too_long_has_no_checksums(web):
    file = b"Content-Disposition: attachment; filename=a\r\n\r\nx"
    web.keep(mixed(b"\r\n" + b"x" * MAX_IN_SERVER, file))
    assert web.json("/api/v1/message/1")["Attachments"][0]["Checksums"]["MD5"] == "9dd4e461268c8034f5c8564e155c67a6"
    web.clock.hangs = True
    line = web.line("GET", "/api/v2/messages")
    web.clock.advance(REQUEST_SECONDS)
    assert line.answer.json["items"][0]["Raw"]["Data"] == ""
    web.clock.hangs = False
    assert web.json("/api/v1/message/1")["Attachments"][0]["Checksums"]["MD5"] == ""
