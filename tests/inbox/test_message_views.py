"""The views of a message, and their texts."""

from __future__ import annotations

import pytest

from txsmtpx.inbox.message_detail import MAX_HEADER, MessageDetail, parsed_content
from txsmtpx.inbox.message_views import VIEWS, raw_header, shown_text, views_of

FOLDED = b"Subject: a\r\n b\r\nX: c\n\td\r\n\r\ntext\r\n more"


@pytest.mark.parametrize(
    ("content", "folded", "unfolded"),
    [
        (FOLDED, "Subject: a\r\n b\r\nX: c\n\td", "Subject: a b\r\nX: c\td"),
        (b"\r\ntext", "", ""),
        (b"", "", ""),
        (b"Subject: a\n b\n\ntext", "Subject: a\n b", "Subject: a b"),
        (b"Subject: \xff", "Subject: \xff", "Subject: \xff"),
    ],
)
def test_the_raw_header(content, folded, unfolded):
    assert (raw_header(content, True), raw_header(content, False)) == (folded, unfolded)


def test_a_long_header_is_cut():
    assert len(raw_header(b"X: " + b"y" * 1_000_000, True)) == MAX_HEADER


def test_views_of_html_need_html():
    text = MessageDetail.of(parsed_content(FOLDED))
    assert [each for each in VIEWS if each not in views_of(text)] == ["html", "markup"]
    html = MessageDetail.of(parsed_content(b"Content-Type: text/html\r\n\r\n<b>x</b>"))
    assert views_of(html) == VIEWS
    assert shown_text("markup", b"", html) == "<b>x</b>"
    assert shown_text("parts", b"", html) == ""
