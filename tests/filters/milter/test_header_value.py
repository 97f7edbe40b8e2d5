"""The values of header fields, for a milter and from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.filters.milter.header_value import shown, written
from txsmtpx.filters.milter.packet import MAX_DATA


@pytest.mark.parametrize(("raw", "value", "spaced"), [
    (b" x", b"x", b" x"),
    (b"x", b"x", b"x"),
    (b"  x ", b" x ", b"  x "),
    (b"\tx", b"\tx", b"\tx"),
    (b"", b"", b""),
    (b" a\r\n\tb\n c", b"a\n\tb\n c", b" a\n\tb\n c"),
    (b" \xff\r\n x", b"\xff\n x", b" \xff\n x"),
])  # fmt: skip
def test_what_a_milter_sees(raw, value, spaced):
    assert (shown(b"A", raw, False), shown(b"A", raw, True)) == (value, spaced)


@pytest.mark.parametrize(("value", "raw", "spaced"), [
    (b"x", b" x", b"x"),
    (b" x", b"  x", b" x"),
    (b"a\n\tb\r\n c", b" a\r\n\tb\r\n c", b"a\r\n\tb\r\n c"),
    (b"a\r\r\n b\n", b" a\r\n b", b"a\r\n b"),
])  # fmt: skip
def test_what_a_milter_writes(value, raw, spaced):
    assert (written(value, False), written(value, True)) == (raw, spaced)


def test_a_value_that_no_packet_holds_is_cut():
    assert len(b"Name") + len(shown(b"Name", bytes(100_000), True)) + 2 == MAX_DATA


@given(st.lists(st.from_regex(rb"[!-~]+", fullmatch=True), min_size=1), st.booleans())
def test_there_and_back(lines, leading_space):
    raw = b" " + b"\r\n ".join(lines)
    assert written(shown(b"A", raw, leading_space), leading_space) == raw
