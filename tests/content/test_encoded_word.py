"""Encoded words, as RFC 2047 has them and as senders write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.content.encoded_word import MAX_WORDS, decode, encode


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("", ""),
        ("plain", "plain"),
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"),
        ("=?UTF-8?B?R3LDvMOfZQ?=", "Grüße"),
        ("=?utf-8*de?q?Gr=C3=BC=C3=9Fe?= aus =?iso-8859-1?q?K=F6ln?=", "Grüße aus Köln"),
        ("=?utf-8?q?a_b?= =?utf-8?q?c?=", "a bc"),
        ("=?utf-8?q?a?==?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?cut_=E2=82?= \t=?utf-8?q?=AC?=", "cut €"),
        ("=?utf-8?q?a?= =?iso-8859-1?q?=E4?=", "aä"),
        ("=?utf-8?q?a?=b", "ab"),
        ("=?utf-8?x?what?=", "=?utf-8?x?what?="),
        ("=?nobody?q?=E4?=", "ä"),
        ("=?utf-8?b?A?=", "=?utf-8?b?A?="),
        ("=?utf-8?b?A?= =?utf-8?q?b?=", "=?utf-8?b?A?= b"),
        # What RFC 2047 §2 forbids and senders write.
        ("=?UTF-8?Q?Gr=C3=BC=C3=9Fe aus K=C3=B6ln?=", "Grüße aus Köln"),
        ("=?UTF-8?B?R3LDvMOf ZQ==?=", "Grüße"),
        ("=?UTF-8?Q??= =?UTF-8?Q?x?=", "x"),
        ("=?utf-8?q?what?_yes?=", "what? yes"),
        ('"=?utf-8?q?=C3=BC?="', '"ü"'),
        # Beginnings without an end.
        ("=?utf-8?q?broken", "=?utf-8?q?broken"),
        ("=?utf-8?q?a =?utf-8?q?b?=", "=?utf-8?q?a b"),
        ("=?" * 5 + "?q?" * 5, "=?" * 5 + "?q?" * 5),
    ],
)
def test_words(text, decoded):
    assert decode(text) == decoded


def test_words_have_an_end():
    word = "=?utf-8?q?a?="
    assert decode(word * (MAX_WORDS + 2)) == "a" * MAX_WORDS + word * 2


@given(st.lists(st.sampled_from(["=?", "?=", "?q?", "?b?", "=?a?q?", "=?utf-8?b?", "A", "=", " ", "?", "é", "=41"])))
def test_any_text_is_some_text(pieces):
    assert isinstance(decode("".join(pieces)), str)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_what_is_encoded_is_decoded(text):
    words = encode(text)
    assert all(len(word) <= 56 and word.isascii() for word in words)
    assert decode(" ".join(words)) == text.removeprefix("\ufeff")
    for word in words:
        assert "�" not in decode(word) or "�" in text


def test_a_lone_surrogate_cannot_be_encoded():
    with pytest.raises(ValueError, match="surrogates not allowed"):
        encode("\ud800")
