"""Octets as text: what is declared, what is meant, and what is neither."""

from __future__ import annotations

import pytest

from txsmtpx.web.charset import header_text, text_of


@pytest.mark.parametrize(
    ("octets", "charset", "text"),
    [
        (b"plain", None, "plain"),
        ("Grüße".encode(), None, "Grüße"),
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße".encode("latin-1"), None, "Grüße"),
        ("Grüße".encode("latin-1"), "iso-8859-1", "Grüße"),
        (b"\x93quoted\x94", "iso-8859-1", "“quoted”"),
        ("Привет".encode("koi8-r"), "KOI8-R", "Привет"),
        ("日本".encode("iso2022_jp"), "iso-2022-jp", "日本"),
        (b"\xff\xfe", "utf-8", "��"),
        (b"x\x81y", "nobody-knows-this", "x�y"),
        (b"x", "utf-8\0", "x"),
        (b"eA==", "base64", "eA=="),
        (b"rot", "rot13", "rot"),
        (b"x\\u0041", "unicode_escape", "x\\u0041"),
        (b"x" * 100_000, "punycode", "x" * 100_000),
        (b"xn--nxasmq6b", "idna", "xn--nxasmq6b"),
        (b"+2AA-", "utf-7", "�"),
        (b"x", "\udcff", "x"),
    ],
)
def test_octets(octets, charset, text):
    assert text_of(octets, charset) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("folded\r\n here", "folded here"),
        ("Gr\udcc3\udcbc\udcc3\udc9fe", "Grüße"),
        ("Gr\udcfc\udcdfe", "Grüße"),
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"),
        ("=?UTF-8?B?R3LDvMOfZQ?=", "Grüße"),
        ("=?utf-8*de?q?Gr=C3=BC=C3=9Fe?= aus =?iso-8859-1?q?K=F6ln?=", "Grüße aus Köln"),
        ("=?utf-8?q?a_b?=\r\n =?utf-8?q?c?=", "a bc"),
        ("=?utf-8?q?cut_=E2=82?= =?utf-8?q?=AC?=", "cut €"),
        ("=?utf-8?q?a?= =?iso-8859-1?q?=E4?=", "aä"),
        ("=?utf-8?x?what?=", "=?utf-8?x?what?="),
        ("=?nobody?q?=E4?=", "ä"),
        ("=?utf-8?b?A?=", "=?utf-8?b?A?="),
        ("a\0b\x1bc\x7f", "a b c"),
        ("=?utf-8?q?a=0D=0AX:_y?=", "a X: y"),
        ("=?" * 5 + "?q?" * 5, "=?" * 5 + "?q?" * 5),
        ("", ""),
    ],
)
def test_headers(value, text):
    assert header_text(value) == text


def test_a_header_made_to_be_slow():
    """These took time that grows with the square of their length, were a word of any length tried at each place."""
    for value in ("=?" * 200_000, "=?a?q?" + "x" * 400_000, "=?a?q?x?= " * 40_000, "=?a?q??=" + " " * 400_000):
        assert len(header_text(value)) <= len(value)
