"""The pages: what they show, and that they need no script."""

from __future__ import annotations

import html
import re

import pytest

from tests.content.hostile import mixed
from txsmtpx.inbox import message_list
from txsmtpx.inbox.content_security_policy import MESSAGE_POLICY, PAGE_POLICY
from txsmtpx.inbox.page_renderer import moment_text, size_text, with_links
from txsmtpx.inbox.parsed_message import ParsedMessage

SCRIPT = "<script>alert(1)</script>"


def test_an_empty_inbox_says_how_to_fill_it(web):
    page = web.get("/").text
    assert "No mail yet" in page
    assert "127.0.0.1:1025" in page
    assert 'smtplib.SMTP("127.0.0.1", 1025)' in page
    assert "EMAIL_PORT = 1025" in page
    assert 'MAILERS = {"default": {"OPTIONS": {"host": "127.0.0.1", "port": 1025}}}' in page
    assert "curl 'http://localhost:8025/api/messages?search=to:you@example.net&amp;wait=10'" in page


def test_a_name_with_a_comma(web):
    """A comma in an encoded word does not end the name."""
    web.keep(b"From: =?utf-8?q?M=C3=BCller=2C_Hans?= <hans@example.org>\r\n\r\n")
    assert "<bdi>Müller, Hans</bdi>" in web.get("/").text


def test_a_list(web):
    web.keep(b"Subject: one\r\nFrom: Ann <ann@example.org>\r\n\r\n")
    web.keep(mixed(b"Content-Disposition: attachment\r\n\r\nx"))
    page = web.get("/").text
    assert re.findall(r'href="(/messages/[^"]*)"', page) == ["/messages/2", "/messages/1"]
    assert page.count("has attachments") == 1
    assert '<span class="from" title="Ann &lt;ann@example.org&gt;"><bdi>Ann</bdi></span>' in page
    assert "<title>(2) Inbox</title>" in page
    assert "2 unread" in page
    assert "No mail yet" not in page


def test_what_is_opened_is_read(web):
    for n in range(3):
        web.keep(b"Subject: %d\r\n\r\n" % n)
    page = web.get("/messages/2").text
    assert page.count('class="unread"') == 2
    assert "<title>1 · (2) Inbox</title>" in page
    assert 'data-id="2" aria-current="true"' in page
    web.backend.delete(2)
    assert "2 unread" in web.get("/").text


def test_search_is_kept_in_links(web):
    web.keep(b"Subject: \xc3\xbc\r\n\r\n")
    web.keep(b"Subject: other\r\n\r\n")
    page = web.get("/?search=%C3%BC").text
    assert re.findall(r'href="(/messages/[^"]*)"', page) == ["/messages/1?search=%C3%BC"]
    assert "1 of 2 messages" in page
    assert 'value="ü"' in page
    assert "No messages match “<bdi>&lt;b&gt;</bdi>”" in web.get("/?search=%3Cb%3E").text


def test_older_ones(web):
    for _ in range(5):
        web.keep(b"")
    page = web.get("/?limit=2").text
    assert re.findall(r'href="(/messages/[^"?]*)', page) == ["/messages/5", "/messages/4"]
    assert 'href="?limit=102"' in page
    assert "Show older" not in web.get("/").text


def test_views(web):
    web.keep(mixed(b"\r\nsome text", b"Content-Type: text/html\r\n\r\n<p>some html"))
    first = web.get("/messages/1").text
    assert 'src="/messages/1/frame" sandbox="allow-popups allow-popups-to-escape-sandbox"' in first
    assert "some html" not in first
    assert "some text" in web.get("/messages/1/text").text
    assert "multipart/mixed; boundary=b" in web.get("/messages/1/headers").text
    assert "&lt;p&gt;some html" in web.get("/messages/1/source").text
    assert web.get("/messages/1/other").status == web.get("/messages/1/text/text").status == 404
    web.keep(b"\r\nsome text")
    assert web.get("/messages/2/frame").status == 404
    assert "some text" in web.get("/messages/2/html").text  # of which there is none


def test_the_frame(web):
    octets = f"<h1>Привет</h1>{SCRIPT}".encode("koi8-r")
    web.keep(b"Content-Type: text/html; charset=koi8-r\r\n\r\n" + octets)
    said = web.get("/messages/1/frame")
    assert said.headers["Content-Security-Policy"] == MESSAGE_POLICY
    assert said.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<h1>Привет</h1>" in said.text
    assert "<script" not in said.text


def test_policies():
    """What they allow, to the word: a page only files of its own, a message no source that is on a network."""
    assert [each.partition(" ") for each in PAGE_POLICY.split("; ")] == [
        (name, " ", "'none'" if name in ("default-src", "base-uri", "frame-ancestors") else "'self'")
        for name in ("default-src", "script-src", "style-src", "img-src", "connect-src", "frame-src", "form-action",
                     "base-uri", "frame-ancestors")
    ]  # fmt: skip
    allowed = {each.partition(" ")[0]: each.partition(" ")[2] for each in MESSAGE_POLICY.split("; ")}
    assert allowed == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
        "sandbox": "allow-popups allow-popups-to-escape-sandbox",
    }


def test_there_is_nothing_inline(web):
    """The policy would not let it run; so nothing of ours may need it."""
    web.keep(mixed(b"\r\nx", b"Content-Type: text/html\r\n\r\nx", b"Content-Type: image/png\r\n\r\nx"))
    for path in ("/", "/messages/1", "/messages/1/text", "/messages/1/headers", "/messages/1/source"):
        said = web.get(path)
        assert said.headers["Content-Security-Policy"] == PAGE_POLICY
        page = said.text.replace('<script src="/static/inbox.js" defer></script>', "")
        assert re.findall(r"<script|<style|\sstyle=|\son\w+=|javascript:", page) == []
        assert re.findall(r"(?:src|href|action)=\"(?!/|\?|#)", said.text) == []


PLACES = {
    "subject": b"Subject: %s\r\n\r\n",
    "from": b"From: %s\r\n\r\n",
    "to": b"To: %s\r\nCc: %s\r\nReply-To: %s\r\n\r\n",
    "header": b"X: %s\r\n%s: x\r\n\r\n",
    "encoded word": b"Subject: =?utf-8?q?%s?=\r\n\r\n",
    "text": b"\r\n%s http://x/%s https://%s\r\n",
    "type": b"Content-Type: %s\r\nContent-Disposition: attachment\r\n\r\n",
    "file name": b"Content-Type: x/y; name=\"%s\"\r\n\r\n",
    "content id": b"Content-Type: image/png\r\nContent-ID: <%s>\r\n\r\n",
    "charset": b"Content-Type: text/plain; charset=\"%s\"\r\n\r\n%s",
}
MARKS = [SCRIPT, f'">{SCRIPT}', "'><img/src=x>", "{{7*7}}{% raw %}", f"</pre></title></textarea>{SCRIPT}"]
SHOWN = ["/", "/messages/1", "/messages/1/text", "/messages/1/headers", "/messages/1/source", "/?search=%3Cscript>%22'"]


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_everything_is_escaped(web, place, mark):
    octets = mark.replace(" ", "_").encode()
    web.keep(place.replace(b"%s", octets), "you@example.net", f"{mark}@x", sender=mark)
    for path in SHOWN:
        page = web.get(path).text
        assert page.count("<script") == 1
        assert "<img/src" not in page


def test_delete_without_a_script(web):
    for _ in range(3):
        web.keep(b"")
    page = web.get("/messages/2?search=x%20y").text
    assert 'action="/messages/2?search=x+y&amp;delete=this" method="post"' in page
    said = web.ask("POST", "/messages/2?search=x+y&delete=this")
    assert (said.status, said.headers["Location"]) == (303, "/?search=x+y")
    assert [each.id for each in web.backend.messages] == [1, 3]
    assert 'action="/messages/1?delete=this" method="post"' in web.get("/messages/1").text
    for path in ("/messages/1", "/messages/1?delete=x", "/messages/1/text?delete=this", "/", "/?delete=this"):
        assert web.ask("POST", path).status == 400
    assert len(web.backend.messages) == 2
    said = web.ask("POST", "/?delete=all")
    assert (said.status, said.headers["Location"]) == (303, "/")
    assert web.backend.messages == []


def test_a_message_that_is_gone_while_it_is_opened(web):
    """Opening it does not bring it back."""
    received = web.keep(b"x" * 300_000)
    line = web.line("GET", "/messages/1", work=False)
    for _ in range(3):
        web.clock.advance(0)
    web.backend.clear()
    assert line.answer.status == 200
    assert web.site.inbox.unread == 0
    assert web.get("/messages/1").status == 404
    assert received.id not in web.backend


def test_a_long_list_has_pages(web, monkeypatch):
    monkeypatch.setattr(message_list, "MAX_LIST", 3)
    monkeypatch.setattr(message_list, "LIST", 2)
    for _ in range(8):
        web.keep(b"")
    followed, query = [], "?search=you"
    while query:
        page = web.get(f"/{query}").text
        followed.append(re.findall(r'data-id="(\d+)"', page))
        (query,) = re.findall(r'class="more"><a href="([^"]*)"', page) or [""]
        query = html.unescape(query)
    assert followed == [["8", "7"], ["8", "7", "6"], ["5", "4", "3"], ["2", "1"]]
    page = web.get("/messages/4?search=you&start=3&limit=3").text
    assert re.findall(r'data-id="(\d+)"', page) == ["5", "4", "3", "4"]
    assert 'href="/messages/5?search=you&amp;start=3&amp;limit=3"' in page
    assert web.get("/?limit=4").status == 400


def test_one_bad_message_does_not_spoil_the_list(web, monkeypatch, logged_failures):
    """Whatever is wrong with the code that reads it: a list shows what can be shown."""

    def fails(message):
        if b"bad" in message.received.content:
            raise RecursionError
        return message.header["subject"] or ""

    monkeypatch.setattr(ParsedMessage, "subject", property(fails))
    web.keep(b"Subject: good\r\n\r\n")
    web.keep(b"Subject: bad\r\n\r\n")
    assert "(no subject)" in web.get("/").text
    assert [each["subject"] for each in web.json("/api/messages")["messages"]] == ["", "good"]
    assert web.json("/api/messages?search=subject:good")["total"] == 1
    assert web.json("/api/messages?search=sender@client")["total"] == 2
    assert len(logged_failures.flush(RecursionError)) == 1


def test_one_bad_message_is_shown_by_its_source(web, monkeypatch, logged_failures):
    monkeypatch.setattr(ParsedMessage, "readable_text", property(lambda message: 1 / 0))
    web.keep(b"Subject: bad\r\n\r\nx")
    page = web.get("/messages/1").text
    assert "Not all of this message is shown" in page
    assert "Subject: bad" in web.get("/messages/1/source").text
    assert web.json("/api/messages/1")["headers"] == [["Subject", "bad"]]
    assert len(logged_failures.flush(ZeroDivisionError)) == 2  # in the list, and opened


NESTED = ["(" * 5000, "<" * 5000, '"' * 5001, "a@b," * 5000]


@pytest.mark.parametrize("address", NESTED, ids=[each[0] for each in NESTED])
def test_an_address_of_brackets(web, address):
    web.keep(b"From: " + address.encode() + b"\r\n\r\nx", sender=address)
    assert web.get("/").status == web.get("/messages/1").status == 200
    assert web.json("/api/messages")["messages"][0]["from"] == address[:1000]


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("no link", []),
        ("see https://example.org/a?b=c&d=e.", ["https://example.org/a?b=c&d=e"]),
        ("(http://a/b) <https://c>", ["http://a/b", "https://c"]),
        ("https:// javascript:x ftp://y", []),
        ("http://a\"onclick=x", ["http://a"]),
    ],
)
def test_links_in_text(text, links):
    pieces = list(with_links(text))
    assert "".join(piece for piece, _ in pieces) == text
    assert [piece for piece, is_link in pieces if is_link] == links


def test_for_people():
    sizes = {0: "0 B", 999: "999 B", 1000: "1.0 KB", 9_949: "9.9 KB", 9_950: "10 KB", 999_499: "999 KB",
             999_500: "1.0 MB", 32_000_000: "32 MB"}  # fmt: skip
    assert {octets: size_text(octets) for octets in sizes} == sizes
    assert moment_text("2025-06-15T15:06:40.250+00:00") == "2025-06-15 15:06 UTC"
