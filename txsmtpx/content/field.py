"""A header field: a name, and the octets behind its colon (RFC 5322 §2.2, §4.5)."""

from __future__ import annotations

import re
from typing import NamedTuple

from txsmtpx.content import encoded_word
from txsmtpx.content.charset import text_of

MAX_TEXT = 256 * 1024
"""Octets that are decoded of one field.  Postfix cuts a field at 102,400 octets (header_size_limit)."""

MAX_LINE = 76
"""Characters of a line that `encode` writes, if it can be folded (RFC 2047 §2; RFC 5322 §2.1.1 has 78)."""

MAX_WORD = 900
"""Characters of a word that `encode` writes unchanged.  A line has at most 998 (RFC 5322 §2.1.1)."""

_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]")  # controls but the tab, and lone surrogates
_FORBIDDEN_OCTET = re.compile(rb"\x00|\r(?!\n[ \t])|(?<!\r)\n")
_NAME = re.compile(r"[!-9;-~]{1,200}")
_FOLD_IN_TEXT = re.compile(r"\r\n(?=[ \t])")
_WORD = re.compile(r"[ \t]*[^ \t]+")


class Field(NamedTuple):
    """
    One header field of a message, unchanged.

    Attributes:
        name: The name as the message spells it.
        raw: The octets between the colon and the line end, folds included.

    Example:
        >>> Field("Subject", b" =?utf-8?q?Gr=C3=BC=C3=9Fe?=").text
        'Grüße'
    """

    name: str
    raw: bytes

    @property
    def text(self) -> str:
        """The value as text; see `value_text`."""
        return value_text(self.raw)


def value_text(raw: bytes) -> str:
    r"""
    Decode the value of a field.

    Args:
        raw: The octets behind the colon.  Those after the first 256 KiB are replaced by "…".

    Returns:
        The text in one line: unfolded, with encoded words decoded, and with spaces for control characters.

    Example:
        >>> value_text(b" =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n from afar")
        'Grüße from afar'
    """
    cut = unfolded(raw[:MAX_TEXT])
    text = cut.decode("ascii") if cut.isascii() else text_of(cut)
    if "=?" in text:
        text = encoded_word.decode(text)
    if not text.isprintable():
        text = _CONTROLS.sub(" ", text)
    return text.strip() if len(raw) <= MAX_TEXT else f"{text.strip()}…"


def unfolded(raw: bytes) -> bytes:
    r"""
    Unfold the value of a field (RFC 5322 §2.2).

    Args:
        raw: The octets behind the colon.

    Returns:
        The octets without the line ends of the folds.

    Example:
        >>> unfolded(b" one\r\n two")
        b' one two'
    """
    return _FOLD.sub(b"", raw) if raw.find(b"\n") >= 0 else raw


def encode(name: str, value: str) -> bytes:
    r"""
    Encode a field; the inverse of `value_text`.

    Args:
        name: The name of the field.
        value: The text.  If it is folded already, the CRLFs of the folds are removed first.  Text beyond ASCII becomes
            encoded words.  Encoded words in the value are unchanged.

    Returns:
        The field in ASCII, folded, with its CRLF.

    Raises:
        ValueError: The name is not that of a field, or the value holds a control character, such as a CR or LF outside
            of a fold.

    Example:
        >>> encode("X-Greeting", "Grüße")
        b'X-Greeting: =?utf-8?b?R3LDvMOfZQ==?=\r\n'
    """
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"not the name of a header field: {name[:200]!r}")
    value = _FOLD_IN_TEXT.sub("", value).strip(" \t")
    wrong = _FORBIDDEN.search(value)
    if wrong is not None:
        raise ValueError(f"the header field {name} cannot hold the character U+{ord(wrong.group()):04X}")
    lines, line = [], f"{name}:"
    for word in _words(value):
        if len(line) + len(word) > MAX_LINE and len(line) > len(name) + 1:
            lines.append(line)
            line = ""
        line += word
    return "\r\n".join([*lines, line, ""]).encode("ascii")


def octets_of(name: str, value: str | bytes) -> bytes:
    r"""
    Return a field with its CRLF.

    Args:
        name: The name of the field.
        value: A text, which `encode` encodes; or the octets between the colon and the line end, folds included, which
            are not changed.

    Returns:
        The field.

    Raises:
        ValueError: The name is not that of a field; or the value would end the field before its end.

    Example:
        >>> octets_of("X-Signed", b" a=rsa;\r\n\tb=c")
        b'X-Signed: a=rsa;\r\n\tb=c\r\n'
    """
    if isinstance(value, str):
        return encode(name, value)
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"not the name of a header field: {name[:200]!r}")
    wrong = _FORBIDDEN_OCTET.search(value)
    if wrong is not None:
        raise ValueError(f"the header field {name} cannot hold a {wrong[0]!r} at octet {wrong.start()} of its value")
    return b"%s:%s\r\n" % (name.encode("ascii"), value)


def _words(value: str) -> list[str]:
    """Return the words of a value, each with the white space before it, in ASCII."""
    words: list[str] = []
    foreign = ""  # words beyond ASCII are encoded together, since the space between two encoded words is not read
    for word in _WORD.findall(f" {value}") if value else []:
        if word.isascii() and len(word) <= MAX_WORD:
            if foreign:
                words += [f" {each}" for each in encoded_word.encode(foreign)]
                foreign = ""
            words.append(word)
        else:
            foreign += word if foreign else word.lstrip(" \t")
    return words + [f" {each}" for each in encoded_word.encode(foreign)]
