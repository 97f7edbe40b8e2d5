"""
Values with parameters: Content-Type and Content-Disposition (RFC 2045 §5.1, RFC 2183, RFC 2231).

The reader also accepts values that the RFCs forbid, since senders write them: values with spaces but without quotes,
quotes without an end, file names in UTF-8 or encoded words (RFC 2047 §5), and sections of a value in any order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from txsmtpx.content import encoded_word
from txsmtpx.content.charset import text_of

MAX_PARAMETERS = 200
"""Parameters that are read of one field.  Each section of RFC 2231 counts as one."""

MAX_VALUE = 64 * 1024
"""Octets that are read of one field."""

_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_VALUE = re.compile(r"[^;]*+")
_SEPARATOR = re.compile(r";[\s;]*+")
_PARAMETER = re.compile(
    r"([^\s=;\"*]{1,100}+)"  # the name
    r"(?:\*([0-9]{1,3}+))?+(\*)?+"  # a section of it, and a mark if it is percent-encoded (RFC 2231 §3, §4)
    r"\s*+(?:=\s*+(?:\"((?:[^\"\\]|\\.)*+)\"[^;]*+|([^;]*+)))?+(?=;|\Z)",
    re.DOTALL,
)
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_FREE_TEXTS = ("filename", "name")


def parse(raw: bytes) -> tuple[str, Mapping[str, str]]:
    """
    Parse a value and its parameters.

    Args:
        raw: The octets behind the colon of the field.

    Returns:
        The value before the first semicolon, without white space around it, and the parameters by their names in lower
        case.  If a parameter is given in the form of RFC 2231 and in the plain form, the former counts.

    Example:
        >>> value, parameters = parse(b" attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf; size=7")
        >>> value, parameters["filename"], parameters["size"]
        ('attachment', 'Grüße.pdf', '7')
    """
    text = text_of(_FOLD.sub(b"", raw[:MAX_VALUE]))
    found = _VALUE.match(text)
    assert found is not None
    value, at = found.group().strip(), found.end()
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for _ in range(MAX_PARAMETERS):
        separator = _SEPARATOR.search(text, at)
        if separator is None:
            break
        at = separator.end()
        parameter = _PARAMETER.match(text, at)
        if parameter is None:
            continue
        at = parameter.end()
        name, section, encoded, quoted, unquoted = parameter.groups()
        name = name.lower() if name.isascii() else name
        content = _unquoted(name, unquoted) if quoted is None else _PAIR.sub(r"\1", quoted)
        if section is None and not encoded:
            plain.setdefault(name, encoded_word.decode(content) if name in _FREE_TEXTS else content)
        else:
            sections.setdefault(name, {}).setdefault(int(section or 0), (content, bool(encoded)))
    return value, plain | {name: _joined(pieces) for name, pieces in sections.items()}


def _unquoted(name: str, content: str | None) -> str:
    """Return a value without quotes: a file name up to the semicolon, any other value up to white space."""
    content = (content or "").strip().strip('"')
    return content if name in _FREE_TEXTS else (content.split(None, 1) or [""])[0]


def _joined(pieces: Mapping[int, tuple[str, bool]]) -> str:
    """Return the value that some sections make.  The first one may name a charset (RFC 2231 §4.1)."""
    charset = ""
    octets: list[bytes] = []
    for number in sorted(pieces):
        content, encoded = pieces[number]
        if encoded:
            if not octets and content.count("'") >= 2:
                charset, _, content = content.split("'", 2)
            octets.append(unquote_to_bytes(content.encode("utf-8", "replace")))
        else:
            octets.append(content.encode("utf-8", "replace"))
    return text_of(b"".join(octets), charset)
