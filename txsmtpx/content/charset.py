"""
Charsets: octets of a message as text (RFC 2046 §4.1.2, RFC 2978).

A message names the charset of its text.  The name is looked up in a closed table.  It is never looked up in Python's
registry of codecs, which keeps each name for ever.  Some charsets are read as wider ones, as in the WHATWG encoding
standard: senders declare gb2312 and write gb18030.

Any octets are decoded to some text, and the text has no lone surrogates.
"""

from __future__ import annotations

import re
from encodings.aliases import aliases
from functools import lru_cache

# Codecs of Python that are not charsets.
_NOT_TEXT = frozenset(
    ["base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "uu_codec", "zlib_codec", "rot_13", "mbcs"]
)

_WIDER = {
    "latin_1": "cp1252",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "tis_620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "utf_8": "utf_8_sig",  # a byte order mark is not part of the text
}
"""Codecs of Python, and the codecs that WHATWG and mail programs use in their place."""

_MORE_LABELS = {
    "dos874": "cp874",
    "windows874": "cp874",
    "windows949": "cp949",
    "windows936": "gb18030",
    "windows950": "big5hkscs",
    "ksc56011987": "cp949",
    "ksc56011989": "cp949",
    "ksc5601": "cp949",
    "isoir149": "cp949",
    "ansix31101983": "cp1252",  # the name is that of T.61, but senders write this charset
    "iso88598i": "iso8859_8",
    "iso88598e": "iso8859_8",
    "logical": "iso8859_8",
    "visual": "iso8859_8",
    "iso88596i": "iso8859_6",
    "iso88596e": "iso8859_6",
    "suneugreek": "iso8859_7",
    "koi": "koi8_r",
    "koi8": "koi8_r",
    "koi8u": "koi8_u",
    "koi8ru": "koi8_u",
    "mac": "mac_roman",
    "macukrainian": "mac_cyrillic",
    "unicode11utf8": "utf_8_sig",
    "unicode20utf8": "utf_8_sig",
    "unicode": "utf_16",
    "iso10646ucs2": "utf_16",
    "ucs2": "utf_16",
    "unicodefffe": "utf_16_be",
    "unicodefeff": "utf_16_le",
    "utf8mb4": "utf_8_sig",
    "cp65001": "utf_8_sig",
    "windows31j": "cp932",
    "sjis": "cp932",
    "eucpkdfmtjapanese": "euc_jp",
    "isolatin9": "iso8859_15",
    "cngb": "gb18030",
    "chinese": "gb18030",
    "gb231280": "gb18030",
    "cnbig5": "big5hkscs",
}
"""Names that are not among Python's aliases, without their punctuation."""

_LABEL = re.compile(r"[^a-z0-9]+")

MAX_LABEL = 64
"""Characters of the name of a charset.  The longest one that IANA has registered has 45."""


def _squeezed(label: str) -> str:
    return _LABEL.sub("", label.lower())


def _table() -> dict[str, str]:
    named = {alias: codec for alias, codec in aliases.items() if codec not in _NOT_TEXT}
    named |= {codec: codec for codec in named.values()}
    return {_squeezed(label): _WIDER.get(codec, codec) for label, codec in named.items()} | _MORE_LABELS


_CODECS = _table()


def codec(label: str | None) -> str | None:
    """
    Return the codec of Python for a charset.

    Args:
        label: The name of the charset, as a message declares it.  Case and punctuation are ignored.

    Returns:
        The name of the codec; None if the charset is unknown.

    Example:
        >>> codec("ISO-8859-1"), codec("x-unknown")
        ('cp1252', None)
    """
    if not label or len(label) > MAX_LABEL or not label.isascii():
        return None
    return _codec(label)


@lru_cache(maxsize=100)  # one field may have many words in one charset; a bound, since peers choose the names
def _codec(label: str) -> str | None:
    squeezed = _squeezed(label)
    plain = squeezed.lstrip("x").removeprefix("cs")  # x-sjis, x-x-big5; csISOLatin1 (RFC 1345)
    return _CODECS.get(squeezed) or _CODECS.get(plain)


def text_of(octets: bytes, label: str | None = None) -> str:
    r"""
    Decode octets.

    Args:
        octets: Any octets.
        label: The declared charset.  If it is None, unknown or ASCII, UTF-8 and then Windows-1252 are tried, since such
            octets usually are in one of them.

    Returns:
        The text.  Octets that the charset does not have become U+FFFD.

    Example:
        >>> text_of(b"Gr\xfc\xdfe", "iso-8859-1")
        'Grüße'
    """
    found = codec(label)
    if found is not None and found != "ascii":
        if found.startswith("iso2022_jp"):
            return _japanese(octets)
        if found == "euc_jp":
            return _tried(octets, "euc_jp", "euc_jis_2004")
        return _clean(octets.decode(found, "replace"))
    return _tried(octets, "utf_8_sig", "cp1252")


def _tried(octets: bytes, first: str, then: str) -> str:
    try:
        return octets.decode(first)
    except UnicodeDecodeError:
        return octets.decode(then, "replace")


def _clean(text: str) -> str:
    """Return a text without lone surrogates, which UTF-7 and UTF-16 can encode, and without a byte order mark."""
    if text.isascii():
        return text
    return text.removeprefix("\ufeff").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_ESCAPE = re.compile(rb"\x1b(\([BJI]|\$[@B])")


def _japanese(octets: bytes) -> str:
    """
    Decode ISO-2022-JP (RFC 1468) with the characters of Windows, which Python's own codec does not have.

    Python's codec is tried first, since it is faster, and has the rare sets of ISO-2022-JP-2 too.

    Returns:
        The text.
    """
    try:
        return octets.decode("iso2022_jp_2")
    except UnicodeDecodeError:
        pass
    pieces = _ESCAPE.split(octets)
    text = [pieces[0].decode("cp932", "replace")]
    for escape, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        if escape[:1] == b"$":
            piece = _shifted(piece)
        elif escape == b"(I":
            piece = bytes([octet | 0x80 for octet in piece])
        text.append(piece.decode("cp932", "replace"))
    return "".join(text)


def _shifted(pairs: bytes) -> bytes:
    """Return pairs of JIS X 0208 as those of Shift_JIS.  Octets that are not pairs are unchanged."""
    shifted = bytearray()
    at, end = 0, len(pairs)
    while at < end:
        first, second = pairs[at], pairs[at + 1] if at + 1 < end else 0
        if 0x21 <= first <= 0x7E and 0x21 <= second <= 0x7E:
            shifted.append((first + 1 >> 1) + (0x70 if first < 0x5F else 0xB0))
            shifted.append(second + (0x7E if first % 2 == 0 else 0x1F if second < 0x60 else 0x20))
            at += 2
        else:
            shifted.append(first)
            at += 1
    return bytes(shifted)
