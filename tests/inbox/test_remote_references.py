"""The references to images and styles of other hosts, and their placeholders."""

from __future__ import annotations

import pytest

from txsmtpx.inbox.message_detail import parsed_content, rendered_view
from txsmtpx.inbox.remote_references import MAX_REFERENCES, RemoteReferences, is_remote


def test_each_reference_has_one_placeholder():
    references = RemoteReferences()
    first, second = (
        references.placeholder("image", "//a.example/1"),
        references.placeholder("style", "http://a.example/"),
    )
    assert references.placeholder("image", "https://a.example/1") == first != second
    assert references.pattern.findall((first + second).encode()) == [b"0", b"1"]
    assert first not in RemoteReferences().placeholder("image", "//a.example/1")


def test_too_many_and_too_long():
    references = RemoteReferences()
    for each in range(MAX_REFERENCES + 5):
        references.placeholder("image", f"http://a.example/{each}")
    assert len(references.found) == MAX_REFERENCES
    assert RemoteReferences().placeholder("image", "http://a.example/" + "x" * 5000) == ""


HTML = (
    b"Content-Type: text/html\r\n\r\n<link rel=stylesheet href='http://a.example/1'><img src='http://a.example/2'>"
    b"<style>@import 'http://a.example/3'; p { background: url(http://a.example/4) }</style>"
    b"<p style='@import \"http://a.example/5\"; color: red'><img src=x><link rel=icon href='http://a.example/6'>"
)


def test_the_view_of_a_message():
    view = rendered_view(parsed_content(HTML), "remote")
    references, html = RemoteReferences.deserialized(view)
    assert list(references.found) == [
        ("style", "http://a.example/1"), ("image", "http://a.example/2"), ("style", "http://a.example/3"),
        ("image", "http://a.example/4"),
    ]  # fmt: skip
    assert references.pattern.findall(html) == [b"0", b"1", b"2", b"3"]
    assert rendered_view(parsed_content(b"\r\nx"), "remote") is None


@pytest.mark.parametrize("url", ["x", "/x", "ftp://x", "javascript://x", "data:,x", "cid:x", "http:/x", " //x"])
def test_what_is_not_remote(url):
    assert not is_remote(url)
