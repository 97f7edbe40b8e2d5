"""The beginning of a message, cut where it may be."""

from __future__ import annotations

import pytest

from txsmtpx.inbox.pop3_top import TopOfMessage

MESSAGE = b"Subject: x\r\nTo: y\r\n\r\none\r\n\r\nthree\r\n"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    ("lines", "end"),
    [(0, b"To: y\r\n\r\n"), (1, b"one\r\n"), (2, b"one\r\n\r\n"), (3, b"three\r\n"), (9, b"three\r\n")],
)
def test_lines(size, lines, end):
    top, found = TopOfMessage(lines), b""
    for at in range(0, len(MESSAGE), size):
        found += top.feed(MESSAGE[at : at + size])
    assert found == MESSAGE[: MESSAGE.index(end) + len(end)]
    assert top.done == (lines <= 3)


@pytest.mark.parametrize("message", [b"\r\none\r\n", b"\r\n"])
def test_no_header(message):
    assert TopOfMessage(0).feed(message) == b"\r\n"
