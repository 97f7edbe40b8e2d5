"""The words of a text, as they are searched."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.inbox.search_words import has_words, words_of


@pytest.mark.parametrize(("text", "words"), [
    ("", ""), ("...", ""), ("One, TWO_three", "one two three"), ("ann@example.org", "ann example org"),
    ("Gru\u0308\u00dfe", "gr\u00fc\u00dfe"), ("\u0130", "i"), ("a\u0000b", "a b"), ("\ud800x", "x"),
    ("\u65e5\u672c\u8a9e text", "\u65e5 \u672c \u8a9e text"), ("\u0e44\u0e17\u0e22", "\u0e44 \u0e17 \u0e22"),
    ("\ud55c\uae00", "\ud55c \uae00"), ("5\u20ac\U0001f389", "5 \u20ac \U0001f389"),
    ("\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd"),
])  # fmt: skip
def test_words(text, words):
    assert words_of(text) == words


@given(st.text(), st.text())
def test_a_text_has_the_beginnings_of_its_words(before, text):
    """As the index of SQLite finds them: what is searched is cut as what is found."""
    words = words_of(text)
    assert words == " ".join(words.split()) == words_of(words)
    if words:
        assert has_words(f"{before} {text}", words)
        assert has_words(text, words[0])


@pytest.mark.parametrize(("words", "has"), [
    ("ann", True), ("an", True), ("nn", False), ("ann exa", True), ("exa ann", False), ("ann org", False),
])  # fmt: skip
def test_in_a_text(words, has):
    assert has_words("<Ann@Example.org>", words) is has


@pytest.mark.parametrize("text", ["a" * 10**6, "a " * 10**6, "\u0301" * 10**6, "." * 10**6, "\u65e5" * 10**6])
def test_in_linear_time(text):
    began = time.process_time()
    words_of(text)
    assert time.process_time() - began < 5
