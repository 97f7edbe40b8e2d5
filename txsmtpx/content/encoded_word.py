"""
Encoded words: text beyond ASCII in a header field (RFC 2047, RFC 2231 §5).

The reader also accepts words that the RFC forbids, since senders write them: words with spaces or question marks in
them, words of more than 75 characters, words in quotes, and characters that are cut at the end of a word.
"""

from __future__ import annotations

import base64
import binascii
import re

from txsmtpx.content.charset import MAX_LABEL, text_of

MAX_WORDS = 2000
"""Encoded words that are decoded in one text.  A field of 64 KiB with words of the usual length has 900."""

_BEGINNING = re.compile(rf"=\?([^?*\s]{{1,{MAX_LABEL}}})(?:\*[^?\s]{{0,{MAX_LABEL}}})?\?([bBqQ])\?")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_BYTES_OF_A_WORD = 33  # 56 characters with =?utf-8?b? and ?=, so that a field name of 18 fits into the line


def decode(text: str) -> str:
    """
    Decode the encoded words of a text.

    Args:
        text: The text of a field, unfolded.

    Returns:
        The text with its first 2000 encoded words decoded.  White space between two of them is dropped (RFC 2047 §6.2).

    Example:
        >>> decode("=?utf-8?q?Gr=C3=BC=C3=9Fe?= from =?iso-8859-1?q?K=F6ln?=")
        'Grüße from Köln'
    """
    if "=?" not in text:
        return text
    decoded: list[str] = []
    run: list[tuple[str, bytes]] = []  # words with nothing but white space between them
    at = 0
    for _ in range(MAX_WORDS):
        word = _next_word(text, at)
        if word is None:
            break
        start, end, charset, octets = word
        between = text[at:start]
        if not run or (between and not between.isspace()):
            decoded.append(_joined(run))
            decoded.append(between)
            run = []
        run.append((charset, octets))
        at = end
    decoded.append(_joined(run))
    decoded.append(text[at:])
    return "".join(decoded)


def _next_word(text: str, at: int) -> tuple[int, int, str, bytes] | None:
    """Return the next word that can be decoded: its start and end, its charset in lower case, its octets."""
    found = _BEGINNING.search(text, at)
    while found is not None:
        end = text.find("?=", found.end())
        if end < 0:
            return None
        # Of several beginnings before one end, the last one counts.  So no character is searched more than a few times.
        while (inner := _BEGINNING.search(text, found.end(), end + 1)) is not None:
            found = inner
        octets = _octets(found[2], text[found.end() : end])
        if octets is not None:
            return found.start(), end + 2, found[1].lower(), octets
        found = _BEGINNING.search(text, end + 2)
    return None


def _joined(run: list[tuple[str, bytes]]) -> str:
    """Return the text of some words, those in one charset decoded together, since some senders cut characters."""
    texts: list[str] = []
    at = 0
    while at < len(run):
        charset = run[at][0]
        behind = at + 1
        while behind < len(run) and run[behind][0] == charset:
            behind += 1
        texts.append(text_of(b"".join(octets for _, octets in run[at:behind]), charset))
        at = behind
    return "".join(texts)


def _octets(encoding: str, text: str) -> bytes | None:
    """Return the octets that the text of a word encodes; None if it is not base64."""
    encoded = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(encoded, header=True)
    try:
        return binascii.a2b_base64(_NOT_BASE64.sub(b"", encoded) + b"==")
    except binascii.Error:
        return None


def encode(text: str) -> list[str]:
    """
    Encode a text as encoded words; the inverse of `decode`.

    Args:
        text: Any text without lone surrogates.

    Returns:
        Words in UTF-8 and base64, each of at most 56 characters.  No character is cut.

    Raises:
        ValueError: The text holds a lone surrogate.

    Example:
        >>> encode("Grüße")
        ['=?utf-8?b?R3LDvMOfZQ==?=']
    """
    octets = text.encode("utf-8")
    words: list[str] = []
    start = 0
    while start < len(octets):
        end = start + _BYTES_OF_A_WORD
        while octets[end : end + 1] and octets[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        words.append(_word(octets[start:end]))
        start = end
    return words


def _word(octets: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(octets).decode('ascii')}?="
