"""Octets as text: the charset that is declared, the charset that is meant, and octets in neither."""

from __future__ import annotations

import encodings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.content.charset import _codec, codec, text_of


@pytest.mark.parametrize(
    ("octets", "charset", "text"),
    [
        (b"plain", None, "plain"),
        ("Grüße".encode(), None, "Grüße"),
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße".encode("latin-1"), None, "Grüße"),
        ("Grüße".encode("latin-1"), "iso-8859-1", "Grüße"),
        (b"\x93quoted\x94", "iso-8859-1", "“quoted”"),
        (b"\x93quoted\x94", "us-ascii", "“quoted”"),
        ("Привет".encode("koi8-r"), "KOI8-R", "Привет"),
        ("日本".encode("iso2022_jp"), "iso-2022-jp", "日本"),
        (b"\xef\xbb\xbfx", "utf-8", "x"),
        (b"\xff\xfex\0", "utf-16", "x"),
        (b"\xff\xfe", "utf-8", "��"),
        (b"x\x81y", "nobody-knows-this", "x�y"),
        (b"x", "utf-8\0", "x"),
        (b"eA==", "base64", "eA=="),
        (b"rot", "rot13", "rot"),
        (b"x\\u0041", "unicode_escape", "x\\u0041"),
        (b"\\ud800", "raw_unicode_escape", "\\ud800"),
        (b"x" * 100_000, "punycode", "x" * 100_000),
        (b"xn--nxasmq6b", "idna", "xn--nxasmq6b"),
        (b"+2AA-", "utf-7", "�"),
        (b"x", "\udcff", "x"),
        (b"x", "u" * 10_000, "x"),
    ],
)
def test_octets(octets, charset, text):
    assert text_of(octets, charset) == text


@pytest.mark.parametrize(
    ("declared", "meant", "text"),
    [
        ("gb2312", "gb18030", "朱镕基 €"),
        ("csGB2312", "gb18030", "朱镕基 €"),
        ("GBK", "gb18030", "朱镕基"),
        ("x-gbk", "gbk", "中文"),
        ("big5", "cp950", "碁銹裏"),
        ("Big5-HKSCS", "big5hkscs", "中文"),
        ("Shift_JIS", "cp932", "①㈱髙﨑"),
        ("x-sjis", "cp932", "日本語"),
        ("windows-31j", "cp932", "①"),
        ("euc-jp", "euc_jis_2004", "①"),
        ("ks_c_5601-1987", "cp949", "똠방각하 펲시콜라"),
        ("euc-kr", "cp949", "펲시콜라"),
        ("iso-8859-9", "cp1254", "“ş” €"),
        ("latin5", "cp1254", "“ş” €"),
        ("tis-620", "cp874", "สวัสดี …"),
        ("windows-874", "cp874", "สวัสดี …"),
        ("iso-8859-8-i", "iso-8859-8", "שלום"),
        ("iso-8859-1", "cp1252", "“x” €"),
        ("ansi_x3.110-1983", "iso-8859-1", "ü"),
        ("unicode-1-1-utf-7", "utf-7", "ü"),
        ("utf8", "utf-8", "ü"),
        ("cp-850", "cp850", "ü"),
        ("x-mac-cyrillic", "mac_cyrillic", "Ж"),
        ("koi8-u", "koi8_u", "ї"),
    ],
)
def test_senders_mean_the_wider_charset(declared, meant, text):
    assert text_of(text.encode(meant), declared) == text


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"\x1b$B-!-j\x1b(B", "①㈱"),
        (b"x \x1b$B|b\x1b(B y", "x 髙 y"),
        (b"\x1b(I1\x1b(B\x1b$B-!\x1b(J~", "ｱ①~"),
        (b"\x1b$B-!-", "①-"),
    ],
)
def test_iso_2022_jp_with_the_characters_of_windows(octets, text):
    assert text_of(octets, "iso-2022-jp") == text


def test_no_name_is_kept():
    """Python's registry keeps each name that it was asked for."""
    before = len(encodings._cache)
    for number in range(1000):
        assert codec(f"nobody-{number}") is None
        assert text_of(b"x", f"x-nobody-{number}") == "x"
        assert codec("x" * 1000 + str(number)) is None
    assert len(encodings._cache) == before
    assert _codec.cache_info().currsize <= 100


LABELS = st.sampled_from(["utf-7", "utf-16", "iso-2022-jp", "hz", "big5", "euc-jp", "gb2312", "johab", "cp037", None])


@given(st.binary(max_size=200), LABELS | st.text(max_size=20))
def test_anything_is_some_text(octets, charset):
    text_of(octets, charset).encode("utf-8")
