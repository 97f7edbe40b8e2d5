"""What the checks read in a message."""

from __future__ import annotations

from tests.content.hostile import MESSAGES, mixed
from txsmtpx.inbox.checked_content import MAX_LINKS, CheckedContent, Link
from txsmtpx.inbox.message_detail import parsed_content


def test_links_of_html_and_text():
    content = CheckedContent.of(parsed_content(mixed(
        b"\r\nsee https://a.example/1. and https://a.example/1",
        b"Content-Type: text/html\r\n\r\n<a href='//a.example/2'><a href='/x'><a href=mailto:x@y><img src=HTTP://a.example/3>"
        b"<link rel=stylesheet href=http://a.example/4><td background='http://a.example/5'>",
    )))  # fmt: skip
    assert list(content.links) == [
        Link("link", "https://a.example/2"), Link("image", "HTTP://a.example/3"), Link("style", "http://a.example/4"),
        Link("image", "http://a.example/5"), Link("link", "https://a.example/1"),
    ]  # fmt: skip
    assert "html-img" in content.features


def test_a_limit_on_their_number():
    html = "".join(f"<a href='http://a.example/{each}'>" for each in range(2000))
    content = CheckedContent.of(parsed_content(b"Content-Type: text/html\r\n\r\n" + html.encode()))
    assert len(content.links) == MAX_LINKS


def test_what_is_written_for_another_process_is_read():
    for message in MESSAGES.values():
        content = CheckedContent.of(parsed_content(message))
        read = CheckedContent.deserialized(content.serialized())
        assert (list(read.links), list(read.features)) == (list(content.links), list(content.features))
