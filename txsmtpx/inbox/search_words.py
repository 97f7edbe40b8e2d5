"""
The words of a text, in the form in which the inbox searches them.

Theory of operation: a text and a search have the same form, words in lower case with one space between them.  So a
search finds a text if it begins at the beginning of a word.  The full-text index of SQLite and the search in memory
use this form, and so find the same messages.

Scripts without spaces between words, such as Chinese and Thai, and symbols such as emoji, have one word a character.
"""

from __future__ import annotations

import re
import unicodedata

_SINGLE = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u20a0-\u20cf\u2190-\u2bff"  # signs of currencies, arrows, symbols
    "\u2e80-\u2fff\u3005-\u9fff\uac00-\ud7af\uf900-\ufaff"  # Chinese, Japanese, Korean
    "\U0001f000-\U0001faff"  # emoji
    "\U00020000-\U0003ffff"  # Chinese
)
_WORD = re.compile(rf"[{_SINGLE}]|[^\W_{_SINGLE}]+")


def words_of(text: str) -> str:
    """
    Return the words of a text.

    Args:
        text: The text.

    Returns:
        The words in lower case, with a space between two; "" if there is no letter, digit or symbol.

    Example:
        >>> words_of("Big_Invoice, from Ann <ann@example.org>!")
        'big invoice from ann ann example org'
    """
    return " ".join(_WORD.findall(folded(text)))


def folded(text: str) -> str:
    """
    Return a text in lower case and in the composed form of Unicode (NFC).

    Args:
        text: The text.

    Returns:
        The text, with all characters that are no letters.
    """
    return unicodedata.normalize("NFC", text.lower())


def has_words(text: str, words: str) -> bool:
    """
    Search words in a text that was not prepared.

    Args:
        text: The text.
        words: The words, from `words_of`.

    Returns:
        True if the words are in the text, in this order.  The last one may be the beginning of a word.

    Example:
        >>> has_words("Ann <ann@example.org>", "ann exam"), has_words("Joann", "ann")
        (True, False)
    """
    plain = folded(text)
    # Most texts do not have the longest word.  So few are cut into words, which takes longer than this look.
    return max(words.split(" "), key=len) in plain and f" {words}" in f" {' '.join(_WORD.findall(plain))}"
