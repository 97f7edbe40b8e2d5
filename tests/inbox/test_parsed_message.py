"""A message as the inbox shows it: ordinary ones, and those made to break whoever takes them apart."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.content.hostile import MESSAGES, mixed
from tests.inbox.site import Web
from txsmtpx.content.part import MAX_PARTS
from txsmtpx.inbox.parsed_message import ParsedMessage

VIEWS = ("", "/html", "/text", "/headers", "/source", "/frame")


def parsed(content: bytes, beginning_only: bool = False) -> ParsedMessage:
    made = Web()
    received = made.keep(content)
    made.site.stopFactory()
    return ParsedMessage(received, beginning_only)


def ordinary() -> bytes:
    message = EmailMessage()
    message["From"] = "Ann Example <ann@example.org>"
    message["To"] = "you@example.net"
    message["Subject"] = "Grüße"
    message.set_content("Hey <3\n")
    message.add_alternative("<p>Hey &lt;3</p><img src='cid:pixel@x'>", subtype="html")
    message.get_payload()[1].add_related(b"\x89PNG", "image", "png", cid="<pixel@x>")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Rechnung ü.pdf")
    message.add_attachment("a,b\n", subtype="csv", filename="table.csv")
    return message.as_bytes()


def test_an_ordinary_one():
    made = parsed(ordinary())
    assert (made.subject, made.sender, made.recipients) == ("Grüße", "Ann Example <ann@example.org>", "you@example.net")
    assert made.text == "Hey <3\n"
    assert made.html == "<p>Hey &lt;3</p><img src='cid:pixel@x'>\n"
    assert made.sanitized_html.html == '<p>Hey &lt;3</p><img src="data:image/png;base64,iVBORw==">\n'
    assert [(each.number, each.content_type, each.filename, each.octets) for each in made.attachments] == [
        (3, "image/png", "", b"\x89PNG"),
        (4, "application/pdf", "Rechnung ü.pdf", b"%PDF"),
        (5, "text/csv", "table.csv", b"a,b\n"),
    ]
    assert made.attachments[0].download_name == "part-3.png"
    assert made.whole


def test_a_message_in_it_is_a_file():
    inner = b"Subject: inner\r\n\r\ninside\r\n"
    made = parsed(mixed(b"\r\nsee below", b"Content-Type: message/rfc822\r\n\r\n" + inner))
    assert made.text == "see below"
    assert [each.octets for each in made.attachments] == [inner]


def test_html_alone_has_words_too():
    made = parsed(b"Content-Type: text/html\r\n\r\n<h1>One</h1><p>two &amp; three")
    assert (made.text, made.readable_text) == (None, "One\ntwo & three")


def test_without_header_fields_the_envelope_speaks():
    made = parsed(b"\r\nx")
    assert (made.subject, made.sender, made.recipients) == ("", "sender@client.example", "you@example.net")


def test_only_the_beginning_is_read_for_lists(monkeypatch):
    monkeypatch.setattr("txsmtpx.inbox.parsed_message.BEGINNING", 30)
    content = b"Subject: x\r\n\r\n" + b"y" * 100
    assert (parsed(content, beginning_only=True).text, parsed(content, beginning_only=True).whole) == ("y" * 16, False)
    assert (parsed(content).text, parsed(content).whole) == ("y" * 100, True)


@pytest.mark.parametrize("content", MESSAGES.values(), ids=MESSAGES)
def test_a_hostile_one_is_shown(web, content):
    """In every view and by the API, without a failure in the log."""
    web.keep(content)
    for view in VIEWS[:-1]:
        assert web.get(f"/messages/1{view}").status == 200
    assert web.get("/messages/1/frame").status in (200, 404)
    described = web.json("/api/messages/1")
    for part in described["parts"][:20]:
        assert len(web.get(part["url"]).body) == part["size"]
    assert web.get("/api/messages/1/source").body == content
    assert web.json("/api/messages?search=x")["total"] in (0, 1)


def test_parts_have_an_end():
    assert len(parsed(MESSAGES["many parts"]).parts) == MAX_PARTS


PIECES = st.sampled_from(
    [b"\r\n", b"\r\n\r\n", b"--b", b"--b--", b"Content-Type: ", b"multipart/mixed; boundary=b", b"text/html",
     b"text/plain", b"message/rfc822", b"; charset=", b"utf-16", b"; name*=utf-8''%", b"Content-Transfer-Encoding: ",
     b"base64", b"quoted-printable", b"x-uuencode", b"begin 666 x", b"Subject: ", b"=?utf-8?q?", b"?=",
     b"Content-Disposition: ", b"attachment; filename=", b'"', b"\xff", b"\0", b"<img src=cid:x>", b"Content-ID: <x>"]
)  # fmt: skip


@given(st.lists(PIECES | st.binary(max_size=4)).map(b"".join))
def test_anything_is_shown(content):
    made = Web()
    made.keep(content)
    for view in VIEWS[:-1]:
        assert made.get(f"/messages/1{view}").status == 200
    assert made.get("/messages/1/frame").status in (200, 404)
    assert made.get("/api/messages/1").status == 200
    made.site.stopFactory()
