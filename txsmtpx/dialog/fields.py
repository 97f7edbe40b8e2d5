"""
Fields of a log line, ``name=value name=value``: what a peer has sent stays within its quotes, and within the line.

A value that could be taken for more than itself is a JSON string, which is what logfmt calls it too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

MAX_FIELD = 1000
"""
Octets of a field, as it is written in text or JSON.

A client fills a field as it likes.  A line of Exim's log has 8,192 octets at most, rsyslog cuts a line at 8,192.
"""

MAX_FACTS = 2000
"""Octets of all that a backend says of a message (`txsmtpx.IDataContext.note`), with its names."""

_PLAIN = re.compile(r"[!#-<>-\[\]-~]*")


def plain(text: str) -> bool:
    """Whether ``text`` needs no quotes: printable ASCII but the space, the quote, the backslash, and "="."""
    return _PLAIN.fullmatch(text) is not None


def quoted(value: Any) -> str:
    """``value`` as it stands behind the "=": as it is, or in quotes."""
    text = value if isinstance(value, str) else str(value)
    if plain(text):
        return text
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return json.dumps(text, ensure_ascii=not text.isprintable())


def fields(of: Mapping[str, Any]) -> str:
    """All of them, in their order, with a space between."""
    return " ".join([f"{name}={quoted(value)}" for name, value in of.items()])


def fits(line: str) -> bool:
    """Whether each field in the text ``line`` takes `MAX_FIELD` octets at most, in JSON too; nearly always so."""
    return len(line) <= MAX_FIELD and line.isascii()


def short(text: str) -> bool:
    """
    Whether ``text`` is surely short enough for a field.

    JSON writes a character in 12 octets at most, one of ASCII in 6, a printable one of those in 2.
    """
    if not text.isascii():
        return len(text) <= MAX_FIELD // 12
    return len(text) <= MAX_FIELD // 6 or (len(text) <= MAX_FIELD // 2 and text.isprintable())


def clipped(text: str) -> str:
    """
    Return ``text`` if it takes `MAX_FIELD` octets at most, else its beginning.

    Behind a beginning stands how many characters are cut, such as ``...[+63488]``.
    """
    if short(text) or _octets(text[: MAX_FIELD + 1]) <= MAX_FIELD:
        return text
    room = MAX_FIELD - len(f"...[+{len(text)}]")
    kept = 0
    for letter in text[:room]:
        room -= _octets(letter)
        if room < 0:
            break
        kept += 1
    return f"{text[:kept]}...[+{len(text) - kept}]"


def _octets(text: str) -> int:
    """How many octets ``text`` takes in JSON, where it takes most."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return len(text)
    return len(json.dumps(text)) - 2


def limited(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    Return the first of ``facts`` that take `MAX_FACTS` octets together, each `clipped`.

    The field ``cut`` is how many others there were.
    """
    found: dict[str, Any] = {}
    room = MAX_FACTS
    for name, value in facts.items():
        text = value if isinstance(value, str) else str(value)
        beginning = clipped(text)
        if beginning is not text:
            value = beginning
        room -= len(name) + _octets(beginning) + len('"":"",')
        if room < 0:
            return {**found, "cut": len(facts) - len(found)}
        found[name] = value
    return found


def addresses(paths: Any, named: int = 10) -> str:
    """Addresses as one value: so many of them, in angle brackets."""
    return ",".join([f"<{path}>" for path in paths[:named]])


def printable(text: str) -> str:
    """Any text as one line without control characters, which are written as Python does."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)
