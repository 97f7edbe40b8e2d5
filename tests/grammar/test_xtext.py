"""xtext (RFC 3461 §4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.grammar import xtext


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("", ""),
        ("me@example.com", "me@example.com"),
        ("a+b=c", "a+2Bb+3Dc"),
        ("a b", "a+20b"),
        ("\0\r\n\x7f", "+00+0D+0A+7F"),
        ("jürgen", "j+C3+BCrgen"),
        ('"!~<>', '"!~<>'),
    ],
)
def test_both_ways(text, encoded):
    assert xtext.encode(text) == encoded
    assert xtext.decode(encoded) == text


@pytest.mark.parametrize("text", ["a b", "a=b", "+", "+2", "+2b", "+2+41B", "++41", "+GG", "ü", "\0", "+FF", "+C3"])
def test_no_xtext(text):
    with pytest.raises(ValueError, match=r"not xtext|utf-8"):
        xtext.decode(text)


@given(st.text())
def test_decode_is_the_inverse_of_encode(text):
    encoded = xtext.encode(text)
    assert encoded.isascii()
    assert xtext.decode(encoded) == text
    assert not set(encoded) & set(" =\r\n\0")


@given(st.text("+0123456789ABCDEFabc=ü \r"))
def test_anything_is_xtext_or_a_value_error(text):
    try:
        decoded = xtext.decode(text)
    except ValueError:
        return
    assert xtext.decode(xtext.encode(decoded)) == decoded
