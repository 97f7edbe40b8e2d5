"""Letters, words and digits of ASCII (RFC 5321 §2.4): no others are taken for them, whatever script they are of."""

from __future__ import annotations

import sys

import pytest

from txsmtpx.grammar import asciitext


@pytest.fixture(scope="module")
def every() -> str:
    """All characters, in their order."""
    return "".join(map(chr, range(sys.maxunicode + 1)))


def test_every_character_beyond_ascii_keeps_its_case(every):
    """By str.upper and str.lower more than 2,800 change, and some of those become ASCII."""
    beyond = every[0x80:]
    assert asciitext.upper(beyond) == beyond
    assert asciitext.lower(beyond) == beyond
    become = {letter for letter in beyond if letter.upper().isascii() or letter.lower().isascii()}
    assert become >= set("\u017f\u0131\u212a")


@pytest.mark.parametrize("tail", ["", "\u017f"])
def test_ascii_changes_beside_others_too(tail, every):
    text = every[:0x80]
    assert asciitext.upper(text + tail) == text.upper() + tail
    assert asciitext.lower(text + tail) == text.lower() + tail


def test_words_stand_between_spaces_and_tabs_only(every):
    assert asciitext.words("  a \t b ") == ["a", "b"]
    assert asciitext.words("") == []
    others = [letter for letter in every if letter.isspace() and letter not in " \t"]
    assert len(others) > 20
    for letter in others:
        assert asciitext.words(f"a{letter}b") == [f"a{letter}b"]


def test_numbers_are_of_ten_digits(every):
    digits = [letter for letter in every if asciitext.is_number(letter)]
    assert digits == list("0123456789")
    assert asciitext.is_number("0123456789")
    for text in ("", "1 ", "+1", "-1", "1_0", "1.0", "1\u0661"):
        assert not asciitext.is_number(text)
