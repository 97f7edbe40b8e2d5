"""The tags of a message: of its field, and of its recipients."""

from __future__ import annotations

import pytest

from txsmtpx.inbox.message_tags import MAX_TAG, MAX_TAGS, plain_tags, tags_of


@pytest.mark.parametrize(("recipients", "fields", "tags"), [
    ([], [], []), (["ann@x", "+@x", "postmaster", "a+@x"], ["", " , "], []),
    (["ann+One@x", "b+one@y", '"c+t w"@x', "d+a+b@x"], [], ["one", "t w", "a+b"]),
    (["a+x@x"], ["X, New User ,y", "z"], ["x", "new user", "y", "z"]),
    ([], ["x" * (MAX_TAG + 1), "x" * MAX_TAG], ["x" * MAX_TAG]),
    ([f"a+{n}@x" for n in range(100)], [], [str(n) for n in range(MAX_TAGS)]),
])  # fmt: skip
def test_tags(recipients, fields, tags):
    assert tags_of(recipients, fields) == tags


def test_they_are_shown_and_found(both):
    both.keep(b"X-Tags: shop, <b>\r\n\r\n", "ann+signup@example.net")
    assert both.json("/api/messages/1")["tags"] == ["signup", "shop", "<b>"]
    assert both.json("/api/messages?search=tag:%22%3Cb%3E%22")["total"] == 1
    page = both.get("/").text
    assert '<bdi class="tag">signup</bdi>' in page
    assert "&lt;b&gt;" in page


def test_tags_as_they_are_stored():
    assert plain_tags(["B ", "a", "b", "", "  ", "Über"]) == ["b", "a", "über"]
