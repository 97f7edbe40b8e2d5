"""The details of a message, within limits."""

from __future__ import annotations

import pytest

from tests.content.hostile import MESSAGES, mixed
from txsmtpx.inbox.message_detail import MAX_HTML, MAX_TEXT, MessageDetail, parsed_content, rendered_view


@pytest.mark.parametrize("content", MESSAGES.values(), ids=MESSAGES)
def test_what_is_written_for_another_process_is_read(content):
    opened = MessageDetail.of(parsed_content(content))
    read = MessageDetail.deserialized(opened.serialized())
    assert [tuple(field) for field in read.headers] == opened.headers
    assert (read.parts, read.structure, read.text) == (opened.parts, opened.structure, opened.text)
    assert read.html == opened.html
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


ONE = (
    b"Subject: x\r\nContent-Type: text/html\r\n\r\n<p>one <img src='http://a.example/x'><img src='http://b.example/y'>"
)


def test_a_message_of_html_has_a_text_too():
    detail = MessageDetail.of(parsed_content(ONE))
    assert detail.text is None
    assert detail.html.startswith(b"<p>one")
    assert detail.readable_text == b"one"
    assert detail.remote == 2
    assert detail.whole


def test_the_value_of_a_header_field_is_that_of_the_first():
    detail = MessageDetail.of(parsed_content(b"X: one\r\nx: two\r\n\r\n"))
    assert (detail.header("x"), detail.header("y")) == ("one", "")


def test_attachments_are_the_parts_that_are_no_body():
    content = mixed(b"\r\nHey", b"Content-Type: image/png; name=a.png\r\nContent-ID: <a>\r\n\r\n\x89")
    detail = MessageDetail.of(parsed_content(content))
    (attachment,) = detail.attachments
    assert (attachment.number, attachment.content_type, attachment.filename) == (2, "image/png", "a.png")
    assert (attachment.download_name, attachment.content_id, attachment.size) == ("a.png", "a", 1)
    assert [part.is_body for part in detail.parts] == [True, False]


@pytest.mark.parametrize(("kind", "most"), [("plain", MAX_TEXT), ("html", MAX_HTML)])
def test_a_body_beyond_the_limit_is_cut(kind, most):
    for octets, whole in ((most, True), (most + 1, False)):
        body = b"x" * octets
        detail = MessageDetail.of(parsed_content(b"Content-Type: text/" + kind.encode() + b"\r\n\r\n" + body))
        assert len((detail.text if kind == "plain" else detail.html) or b"") == most
        assert detail.whole is (whole and kind == "plain")  # the text of that HTML is too long as well


def test_a_header_alone():
    detail = MessageDetail.header_of(parsed_content(ONE))
    assert detail.headers == [("Subject", "x"), ("Content-Type", "text/html")]
    assert (detail.whole, detail.parts, detail.text, detail.html) == (False, (), None, None)


@pytest.mark.parametrize(("view", "number", "octets"), [
    ("part", 1, b"<p>one <img src='http://a.example/x'><img src='http://b.example/y'>"), ("part", 2, None),
    ("part", 0, None), ("html", 0, b"<p>one <img><img>"),
])  # fmt: skip
def test_a_view(view, number, octets):
    assert rendered_view(parsed_content(ONE), view, number) == octets


def test_a_message_without_html_has_no_such_view():
    assert rendered_view(parsed_content(b"\r\nx"), "html") is None
    detail = MessageDetail.deserialized(rendered_view(parsed_content(b"\r\nx"), "detail"))
    assert (detail.text, detail.html, detail.readable_text) == (b"x", None, b"x")
