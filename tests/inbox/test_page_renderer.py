"""The pages, as they are rendered from the templates."""

from __future__ import annotations

import re

import pytest

from tests.content.hostile import mixed
from txsmtpx.inbox.page_renderer import PIECE, with_links, without_links

SCRIPT = "<script>alert(1)</script>"


def test_an_empty_inbox_says_how_to_fill_it(web):
    page = web.get("/").text
    assert "No mail yet" in page
    assert "127.0.0.1:1025" in page
    assert 'smtplib.SMTP("127.0.0.1", 1025)' in page
    assert "EMAIL_PORT = 1025" in page
    assert 'MAILERS = {"default": {"OPTIONS": {"host": "127.0.0.1", "port": 1025}}}' in page
    assert "curl 'http://localhost:8025/api/messages?search=to:you@example.net&amp;wait=10'" in page


def test_a_list(web):
    web.keep(b"Subject: one\r\nFrom: Ann <ann@example.org>\r\n\r\n")
    web.keep(mixed(b"Content-Disposition: attachment\r\n\r\nx"))
    page = web.get("/").text
    assert re.findall(r'href="\.(/messages/[^"]*)"', page) == ["/messages/2", "/messages/1"]
    assert page.count("has attachments") == 1
    assert '<span class="from" title="Ann &lt;ann@example.org&gt;"><bdi>Ann</bdi></span>' in page
    assert "<title>(2) Inbox</title>" in page
    assert "2 unread" in page
    assert "No mail yet" not in page


PLACES = {
    "subject": b"Subject: %s\r\n\r\n",
    "from": b"From: %s\r\n\r\n",
    "to": b"To: %s\r\nCc: %s\r\nReply-To: %s\r\n\r\n",
    "header": b"X: %s\r\n%s: x\r\n\r\n",
    "encoded word": b"Subject: =?utf-8?q?%s?=\r\n\r\n",
    "text": b"\r\n%s http://x/%s https://%s\r\n",
    "type": b"Content-Type: %s\r\nContent-Disposition: attachment\r\n\r\n",
    "file name": b'Content-Type: x/y; name="%s"\r\n\r\n',
    "content id": b"Content-Type: image/png\r\nContent-ID: <%s>\r\n\r\n",
    "charset": b'Content-Type: text/plain; charset="%s"\r\n\r\n%s',
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
        assert page.count("<script") == page.count('<script src="')
        assert "<img/src" not in page


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("no link", []),
        ("see https://example.org/a?b=c&d=e.", ["https://example.org/a?b=c&d=e"]),
        ("(http://a/b) <https://c>", ["http://a/b", "https://c"]),
        ("https:// javascript:x ftp://y", []),
        ('http://a"onclick=x', ["http://a"]),
    ],
)
def test_links_in_text(text, links):
    pieces = list(with_links(text))
    assert "".join(piece for piece, _ in pieces) == text
    assert [piece for piece, is_link in pieces if is_link] == links


@pytest.mark.parametrize("text", ["", "x" * 3 * PIECE, "http://example.org/" + "x" * 5000])
def test_a_long_text_is_cut_into_pieces(text):
    for cut in (with_links, without_links):
        pieces = list(cut(text))
        assert "".join(piece for piece, _ in pieces) == text
        assert max((len(piece) for piece, _ in pieces), default=0) <= PIECE


def test_without_links_a_url_is_text():
    assert list(without_links("see http://a/")) == [("see http://a/", False)]


@pytest.mark.parametrize("host", ["localhost:8025", "devbox.example", "[::1]:80"])
def test_the_page_names_itself_as_the_client_does(web, host):
    assert f"http://{host}/api/messages" in web.get("/", Host=host).text


def test_messages_that_are_deleted_while_the_page_is_made_are_left_out(web):
    for _ in range(3):
        web.keep(b"")
    line = web.line("GET", "/", work=False)
    web.backend.delete(2)
    assert re.findall(r'data-id="(\d+)"', line.answer.text) == ["3", "1"]
