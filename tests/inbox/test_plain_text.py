"""The text in HTML: what is in it, and that no HTML takes long."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inbox.test_character_references import NUMBERS
from tests.inbox.test_sanitized_html import PIECES, SLOW
from txsmtpx.inbox.plain_text import BEGINNING, plain_text

TEXTS = [
    ("", ""),
    ("x", "x"),
    ("<style>p {}</style><p>One <b>two</b>&nbsp;three</p><ul><li>four<li>five</ul><script>six</script>",
     "One two\xa0three\nfour\nfive"),
    ("<p>a<p>b</p>", "a\nb"),
    ("an<!-- x -->other <i>w</i>ord", "another word"),
    ("<!-- x", ""),
    ("<SCRIPT >x</ScRiPt\n>y", "y"),
    ("<script>x", ""),
    ("<scripty>x</scripty>", "x"),
    ("<title>x</title >y", "y"),
    ("<style", ""),
    ("<b", ""),
    ("1 < 2 &lt; 3", "1 < 2 < 3"),
    ("&lt;b&gt;", "<b>"),
    ("<?php x ?><!DOCTYPE html>y", "y"),
    ("<abbr>a</abbr><address>b</address>", "a\nb"),
    ("  a  \n\n  b", "a\nb"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "text"), [*TEXTS, *NUMBERS.items()], ids=str)
def test_text(source, text):
    assert plain_text(source) == plain_text(source, beginning=True) == text.strip()


def test_a_beginning_is_enough_for_a_list():
    assert plain_text("x" * BEGINNING, beginning=True) == "x" * (BEGINNING // 4)
    assert plain_text("<style>" + "x" * 100_000 + "</style>y", beginning=True) == "y"


@pytest.mark.parametrize("source", SLOW.values(), ids=SLOW)
def test_it_is_not_slow(source):
    """At whole length it does not take minutes; a list, which is made where others wait, takes milliseconds."""
    plain_text(source)
    began = time.thread_time()
    plain_text(source, beginning=True)
    assert time.thread_time() - began < 0.25


@given(st.lists(PIECES | st.text(max_size=3)).map("".join))
def test_anything(source):
    assert isinstance(plain_text(source), str)
