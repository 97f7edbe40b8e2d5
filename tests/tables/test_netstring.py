"""Netstrings: whole, cut at each position, and with further octets behind them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.tables.netstring import NetstringReader, encoded


def read(octets: bytes, limit: int = 100) -> bytes | None:
    return NetstringReader(limit).feed(octets)


@given(st.binary(max_size=120), st.binary(max_size=5))
def test_the_content_comes_back(content, behind):
    whole = encoded(content) + behind
    reader = NetstringReader(200)
    assert reader.feed(whole) == content
    assert reader.rest == behind


@pytest.mark.parametrize("content", [b"", b"hello", b"1:a,", b"x" * 100])
def test_cut_anywhere(content):
    whole = encoded(content)
    for at in range(len(whole)):
        reader = NetstringReader(100)
        assert reader.feed(whole[:at]) is None
        assert reader.feed(whole[at:]) == content
    reader = NetstringReader(100)
    assert [reader.feed(whole[at : at + 1]) for at in range(len(whole))] == [None] * (len(whole) - 1) + [content]


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b":", "no length of a netstring: b''"),
        (b"x", "no length of a netstring: b'x'"),
        (b"-1:", "no length of a netstring: b'-1'"),
        (b"05:hello,", "no length of a netstring: b'05'"),
        (b"00", "no length of a netstring: b'00'"),
        (b"1234567890", "no length of a netstring: b'1234567890'"),
        (b"101:", "a netstring of 101 octets, of which 100 are allowed"),
        (b"5:hello;", "a netstring without a comma at its end"),
    ],
)
def test_what_is_no_netstring(octets, why):
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        read(octets)


def test_the_limit_is_exact():
    assert read(encoded(b"x" * 100)) == b"x" * 100
    assert read(b"100:") is None
