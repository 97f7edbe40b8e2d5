"""JSON in pieces is the JSON of the standard library."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.web.json_text import PIECE, json_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_any_value(value):
    assert "".join(json_text(value)) == json.dumps(value, indent=2)


TEXTS = ["", "x" * (3 * PIECE + 1), "ü\U0001f600\"\\\0" * PIECE, "\U0001f600" * (PIECE + 1)]


@pytest.mark.parametrize("text", TEXTS, ids=["empty", "long", "escaped", "cut within a character"])
def test_a_long_text_comes_in_pieces(text):
    for value in (text, text.encode()):
        pieces = list(json_text({"text": value}))
        assert json.loads("".join(pieces)) == {"text": text}
        assert max(map(len, pieces)) <= 12 * PIECE


def test_octets_that_are_cut_within_a_character():
    assert json.loads("".join(json_text("xü".encode()[:-1]))) == "x"


def test_an_iterator_is_an_array_in_which_others_have_their_turn():
    pieces = list(json_text(iter([None, 1, None, {"a": [None]}])))
    assert pieces.count(None) == 2
    assert json.loads("".join(filter(None, pieces))) == [1, {"a": [None]}]
    assert "".join(json_text(iter([]))) == "[]"
