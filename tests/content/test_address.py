"""Addresses in header fields, well formed and not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.content.address import MAX_ADDRESSES, parse


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("a@b.example", [("", "a@b.example")]),
        ("<a@b.example>", [("", "a@b.example")]),
        ("Ann <a@b.example>", [("Ann", "a@b.example")]),
        ('"Example, Ann" <a@b.example>', [("Example, Ann", "a@b.example")]),
        (r'"Ann \"A\" Example" <a@b.example>', [('Ann "A" Example', "a@b.example")]),
        ("a@b.example (Ann (née B))", [("Ann née B", "a@b.example")]),
        ("Ann <a@b.example>, bob@b.example", [("Ann", "a@b.example"), ("", "bob@b.example")]),
        ("friends: a@b.example, c@d.example;, e@f", [("", "a@b.example"), ("", "c@d.example"), ("", "e@f")]),
        ("undisclosed recipients:;", []),
        ("<<a@b.example>>", [("", "a@b.example")]),
        ("Ann", [("Ann", "")]),
        ('"Ann <a@b.example>', [("Ann", "a@b.example")]),
        ("Ann <a@b.example", [("Ann", "a@b.example")]),
        ("<>", [("", "")]),
        ("=?utf-8?q?M=C3=BCller=2C_Hans?= <h@b.example>", [("Müller, Hans", "h@b.example")]),
        ("=?utf-8?q?boss=40b_=3Cboss=40b=3E?= <a@b.example>", [("boss@b <boss@b>", "a@b.example")]),
        ('"=?utf-8?q?a=22b?=" <a@b.example>', [('a"b', "a@b.example")]),
        ("=?utf-8?q?Ann?=\r\n =?utf-8?q?B?= <a@b.example>", [("AnnB", "a@b.example")]),
        ("a@b.example (=?utf-8?q?=C3=BC=29?=)", [("ü)", "a@b.example")]),
        ("a@b.example)", [("", "a@b.example")]),
    ],
)
def test_addresses(text, found):
    assert parse(text.encode()) == found


def test_addresses_have_an_end():
    assert len(parse(b"a@b," * (MAX_ADDRESSES + 10))) == MAX_ADDRESSES


@given(st.lists(st.sampled_from(["a", "@", "<", ">", "(", ")", '"', "\\", ",", ";", ":", " ", "é"])).map("".join))
def test_anything_is_some_list(text):
    for name, address in parse(text.encode()):
        assert isinstance(name, str)
        assert isinstance(address, str)
