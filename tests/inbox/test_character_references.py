"""Character references of HTML: each that there is, in linear time, without an exception."""

from __future__ import annotations

import html
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.inbox.character_references import unescape

NUMBERS = {
    "&#" + "9" * 5000 + ";": "\ufffd",
    "&#x" + "f" * 5000: "\ufffd",
    "&#" + "0" * 5000 + "65;": "A",
    "&#X" + "0" * 5000 + "41": "A",
    "&#" + "0" * 5000 + ";": "\ufffd",
    "&#1114111;": "",
    "&#1114112;": "\ufffd",
    "&#xD800;": "\ufffd",
    "&amp;#65;": "&#65;",
}


@pytest.mark.parametrize(("reference", "text"), NUMBERS.items(), ids=[each[:12] for each in NUMBERS])
def test_a_number_of_any_length(reference, text):
    """`html.unescape` raises ValueError for one of more than 4,300 digits."""
    assert unescape(reference) == text
    assert unescape(f"a{reference} b") in (f"a{text} b", f"a{text}b")


@pytest.mark.parametrize(("source", "text"), [
    ("", ""), ("1 &lt; 2 &amp;&amp; 3", "1 < 2 && 3"), ("&nosuch;", "&nosuch;"), ("&", "&"), ("&#;", "&#;"),
    ("&#x;", "&#x;"), ("&#65", "A"), ("&#0000000065;B", "AB"), ("&#00000000000;", "\ufffd"), ("&auml", "ä"),
    ("&#12345678", "\ufffd"), ("&#x1F4E7;", "\U0001f4e7"), ("&#x0001F4E7", "\U0001f4e7"),
])  # fmt: skip
def test_what_a_reference_stands_for(source, text):
    assert unescape(source) == text


@given(st.text("&#xX;0129aAfF gl", max_size=30))
def test_short_numbers_are_read_as_python_reads_them(source):
    assert unescape(source) == html.unescape(source)


@pytest.mark.parametrize("digits", ["9", "0", "f"])
def test_a_megabyte_of_digits_takes_no_time(digits):
    """With `html.unescape` alone the time grows with the square of the digits."""
    sign = "x" if digits == "f" else ""
    began = time.thread_time()
    unescape(f"&#{sign}{digits * 1_000_000};")
    assert time.thread_time() - began < 0.5
