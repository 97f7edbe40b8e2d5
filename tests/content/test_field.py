"""The value of a field as text, and a field that is written: nothing but folding may stand in it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.content.field import MAX_TEXT, encode, value_text
from txsmtpx.content.header import read


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", ""),
        (b" plain ", "plain"),
        (b" folded\r\n here", "folded here"),
        (b" folded\n\there", "folded\there".replace("\t", " ")),
        (b" Gr\xc3\xbc\xc3\x9fe", "Grüße"),
        (b" Gr\xfc\xdfe", "Grüße"),
        (b" =?utf-8?q?a_b?=\r\n =?utf-8?q?c?=", "a bc"),
        (b" a\0b\x1bc\x7f", "a b c"),
        (b" a\xc2\x85b\xc2\x9bc", "a b c"),
        (b" =?gb18030?b?YYEwgTBi?=", "a b"),
        (b" =?iso-8859-1?q?a=81b?=", "a\ufffdb"),
        (b" =?utf-8?q?a=0D=0AX:_y?=", "a X: y"),
        (b" " + b"x" * MAX_TEXT, "x" * (MAX_TEXT - 1) + "…"),
    ],
)
def test_value_text(raw, text):
    assert value_text(raw) == text


@pytest.mark.parametrize(
    ("name", "value", "octets"),
    [
        ("X", "y", b"X: y\r\n"),
        ("X", "", b"X:\r\n"),
        ("X", "  y\tz ", b"X: y\tz\r\n"),
        ("X", "folded\r\n already\r\n\there", b"X: folded already\there\r\n"),
        ("X", "Grüße", b"X: =?utf-8?b?R3LDvMOfZQ==?=\r\n"),
        ("X", "ü <a@b.example>", b"X: =?utf-8?b?w7w=?= <a@b.example>\r\n"),
        ("X", "=?utf-8?q?a=0D=0AX-Injected:_yes?=", b"X: =?utf-8?q?a=0D=0AX-Injected:_yes?=\r\n"),
        ("X", "x" * 80, b"X: " + b"x" * 80 + b"\r\n"),
        ("X", "y " + "x" * 80, b"X: y\r\n " + b"x" * 80 + b"\r\n"),
    ],
)
def test_a_field_is_written(name, value, octets):
    assert encode(name, value) == octets


@pytest.mark.parametrize("name", ["", "X:", "X Y", "X\r\nY", "Ü", "X\0", "x" * 1000])
def test_a_name_that_is_none(name):
    with pytest.raises(ValueError, match="not the name of a header field"):
        encode(name, "y")


@pytest.mark.parametrize(
    "value",
    ["a\r\nb", "a\nb", "a\n b", "a\rb", "a\r b", "a\r\n", "a\r\n\r\nb", "a\r\n\r\n b", "a\0b", "a\x0bb", "a\x0cb",
     "a\x1cb", "a\x7fb", "a\x85b", "a\ud800b"],
)  # fmt: skip
def test_a_value_that_would_be_more_than_one(value):
    with pytest.raises(ValueError, match=r"the header field X cannot hold the character U\+"):
        encode("X", value)


VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from(" \t="), max_size=2000)


@given(VALUES | st.lists(st.sampled_from(["x" * 950, " ", "ü", "=?utf-8?q?x?=", "\r\n ", "a"])).map("".join))
def test_any_value_is_one_field(value):
    octets = encode("X-Any", value)
    assert octets.isascii()
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    (field,) = read(octets + b"\r\n").fields
    assert field.name == "X-Any"
    assert read(octets).size == len(octets)
    assert all(line.strip() for line in octets.removesuffix(b"\r\n").split(b"\r\n"))


CHARSETS = st.sampled_from(["utf-8", "utf-7", "utf-16", "gb18030", "iso-8859-1", "iso-2022-jp", "big5", "koi8-r"])


@given(CHARSETS, st.binary(max_size=40), st.binary(max_size=40))
def test_what_is_read_can_be_written(charset, word, raw):
    """A filter may copy a field, whatever a client has sent in it."""
    encoded = f"=?{charset}?b?{base64.b64encode(word).decode()}?=".encode()
    for value in (encoded, raw, encoded + raw):
        encode("X-Copy", value_text(value))


LETTERS = st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp", "Cf"], exclude_characters="=?")


@given(st.text(LETTERS, min_size=1))
def test_what_is_written_is_read(value):
    assert value_text(encode("X", value).partition(b":")[2]) == value
