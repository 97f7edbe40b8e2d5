"""
Octets of a message as text: charsets as they are declared and as they are meant, encoded words of headers (RFC 2047).

Whatever comes is some text in the end, and has no lone surrogates.
"""

from __future__ import annotations

import binascii
import codecs
import re

NOT_FOR_MAIL = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})
"""Codecs of Python that are no charset of mail, and slow or surprising on octets that somebody else has chosen."""

_WORD = r"=\?[^?\s]{1,100}\?[bBqQ]\?[^?\s]*\?="
_BETWEEN = re.compile(rf"({_WORD})\s+(?={_WORD})")
_RUN = re.compile(rf"(?:{_WORD})+")
_FIELDS = re.compile(r"=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?\s]*)\?=")
_FOLD = re.compile(r"\r?\n(?=[ \t])")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")


def text_of(octets: bytes, charset: str | None = None) -> str:
    """
    C{octets} as text.

    @param charset: what they are declared to be in; where it is unknown or ASCII, UTF-8 and then Windows-1252 are
        tried, which is what such octets usually are.
    """
    codec = _codec(charset)
    if codec not in (None, "ascii"):
        return _clean(octets.decode("cp1252" if codec == "iso8859-1" else str(codec), "replace"))
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("cp1252", "replace")


def _codec(charset: str | None) -> str | None:
    try:
        name = codecs.lookup(charset or "").name
        b"x".decode(name, "replace")  # which is refused for codecs that are no charset
    except (LookupError, ValueError):
        return None
    return None if name.replace("-", "_") in NOT_FOR_MAIL else name


def _clean(text: str) -> str:
    """UTF-7 and UTF-16 can name lone surrogates."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def header_text(value: str) -> str:
    """
    The value of a header field: unfolded, its encoded words decoded, control characters made spaces.

    @param value: as L{email} has it under its policy C{compat32}, where octets that are not ASCII are surrogates.
    """
    text = text_of(_FOLD.sub("", value).encode("utf-8", "surrogateescape"))
    text = _RUN.sub(lambda run: _decoded(run.group()), _BETWEEN.sub(r"\1", text))
    return _CONTROLS.sub(" ", text).strip()


def _decoded(run: str) -> str:
    """Neighbours in one charset are decoded together: there are senders that cut within a character."""
    said: list[tuple[str, bytes]] = []
    for charset, encoding, content in _FIELDS.findall(run):
        octets = _octets(encoding, content)
        if octets is None:
            return run
        if said and said[-1][0] == charset.lower():
            octets = said.pop()[1] + octets
        said.append((charset.lower(), octets))
    return "".join(text_of(octets, charset) for charset, octets in said)


def _octets(encoding: str, content: str) -> bytes | None:
    if encoding in "qQ":
        return binascii.a2b_qp(content.encode("utf-8"), header=True)
    try:
        return binascii.a2b_base64(content.encode("utf-8") + b"==")
    except binascii.Error:
        return None
