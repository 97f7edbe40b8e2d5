"""The pages: what they show, and that they need no script."""

from __future__ import annotations

import re

from tests.content.hostile import mixed
from tests.inbox.site import Score
from txsmtpx.filters.greylist import PassedGreylist
from txsmtpx.web.content_security_policy import MESSAGE_POLICY, PAGE_POLICY

SCRIPT = "<script>alert(1)</script>"


def test_a_name_with_a_comma(web):
    """A comma in an encoded word does not end the name."""
    web.keep(b"From: =?utf-8?q?M=C3=BCller=2C_Hans?= <hans@example.org>\r\n\r\n")
    assert "<bdi>Müller, Hans</bdi>" in web.get("/").text


def test_views(web):
    web.keep(mixed(b"\r\nsome text", b"Content-Type: text/html\r\n\r\n<p>some html"))
    first = web.get("/messages/1").text
    assert 'src="../messages/1/frame" sandbox="allow-popups allow-popups-to-escape-sandbox"' in first
    assert "some html" not in first
    assert "some text" in web.get("/messages/1/text").text
    assert "multipart/mixed; boundary=b" in web.get("/messages/1/headers").text
    assert "&lt;p&gt;some html" in web.get("/messages/1/source").text
    assert web.get("/messages/1/other").status == web.get("/messages/1/text/text").status == 404
    web.keep(b"\r\nsome text")
    assert web.get("/messages/2/frame").status == 404
    assert "some text" in web.get("/messages/2/html").text  # of which there is none


def test_what_filters_have_found(web):
    web.keep(b"", results=[PassedGreylist(312.7), Score(SCRIPT, 4.5)])
    web.keep(b"")
    found = "greylisted: <bdi>312</bdi>, virus: <bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>, score: <bdi>4.5</bdi>"
    assert f"<dt>Filters</dt><dd>{found}</dd>" in web.get("/messages/1").text
    assert "<dt>Filters</dt>" not in web.get("/messages/2").text


def test_the_frame(web):
    octets = f"<h1>Привет</h1>{SCRIPT}".encode("koi8-r")
    web.keep(b"Content-Type: text/html; charset=koi8-r\r\n\r\n" + octets)
    said = web.get("/messages/1/frame")
    assert said.headers["Content-Security-Policy"] == MESSAGE_POLICY
    assert said.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<h1>Привет</h1>" in said.text
    assert "<script" not in said.text


def test_there_is_nothing_inline(web):
    """The policy would not let it run; so nothing of ours may need it."""
    web.keep(mixed(b"\r\nx", b"Content-Type: text/html\r\n\r\nx", b"Content-Type: image/png\r\n\r\nx"))
    for path in ("/", "/messages/1", "/messages/1/text", "/messages/1/headers", "/messages/1/source"):
        said = web.get(path)
        assert said.headers["Content-Security-Policy"] == PAGE_POLICY
        root = "../" * (path.count("/") - 1) or "./"
        page = re.sub(rf'<script src="{re.escape(root)}static/[a-z]+\.js" defer></script>', "", said.text)
        assert re.findall(r"<script|<style|\sstyle=|\son\w+=|javascript:", page) == []
        assert re.findall(r"(?:src|href|action)=\"(?!\.\.?/|\?|#)", said.text) == []


def test_delete_without_a_script(web):
    for _ in range(3):
        web.keep(b"")
    page = web.get("/messages/2?search=x%20y").text
    assert 'action="../messages/2?search=x+y&amp;delete=this" method="post"' in page
    said = web.ask("POST", "/messages/2?search=x+y&delete=this")
    assert (said.status, said.headers["Location"]) == (303, "../?search=x+y&undo=1")
    assert [each.id for each in web.backend.messages] == [1, 3]
    assert 'action="../messages/1?delete=this" method="post"' in web.get("/messages/1").text
    for path in ("/messages/1", "/messages/1?delete=x", "/messages/1/text?delete=this", "/", "/?delete=this"):
        assert web.ask("POST", path).status == 400
    assert len(web.backend.messages) == 2
    said = web.ask("POST", "/?delete=all")
    assert (said.status, said.headers["Location"]) == (303, "./?undo=2")
    assert web.backend.messages == []


def test_delete_and_mark_what_is_found_without_a_script(both):
    for n in range(4):
        both.keep(b"Subject: %b\r\n\r\n" % (b"odd" if n % 2 else b"even"))
    page = both.get("/?search=odd").text
    assert 'action="./?search=odd&amp;delete=found" method="post"' in page
    assert 'action="./?search=odd&amp;mark=read" method="post"' in page
    assert both.ask("POST", "/?search=odd&mark=read").headers["Location"] == "./?search=odd"
    assert both.get("/").text.count('class="unread"') == 2
    both.ask("POST", "/?mark=read")
    both.ask("POST", "/?search=odd&mark=unread")
    assert both.get("/").text.count('class="unread"') == 2
    assert both.ask("POST", "/messages/1?mark=unread&search=x").headers["Location"] == "../?search=x"
    assert both.json("/api/messages/1")["read"] is False
    said = both.ask("POST", "/?search=odd&delete=found")
    assert said.headers["Location"] == "./?search=odd&undo=1"
    assert both.json("/api/messages")["total"] == 2
    for wrong in ("/?delete=found", "/?search=is:x&delete=all", "/?mark=x", "/?search=odd", "/messages/1?mark=read",
                  "/messages/1?delete=this&mark=unread"):  # fmt: skip
        assert both.ask("POST", wrong).status == 400
    assert both.json("/api/messages")["total"] == 2


def test_undo_without_a_script(both):
    both.keep(b"Subject: x\r\n\r\n")
    location = both.ask("POST", "/messages/1?delete=this").headers["Location"]
    page = both.get(location.removeprefix("..")).text
    assert '<span role="status">1 message deleted.</span> <button>Undo</button>' in page
    assert '<form id="undo" class="undo" action="./?restore=1" method="post">' in page
    assert both.ask("POST", "/?restore=1").headers["Location"] == "./"
    assert both.json("/api/messages")["total"] == 1
    assert 'restore=1" method="post" hidden>' in both.get("/?undo=1").text
    assert both.ask("POST", "/messages/1?delete=this").headers["Location"] == "../?undo=2"
    both.clock.advance(10)
    both.clock.work()
    assert 'restore=2" method="post" hidden>' in both.get("/?undo=2").text
    assert both.ask("POST", "/messages/1?delete=this").status == 404
