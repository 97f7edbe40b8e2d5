"""
Fields of a log line, C{name=value name=value}: what a peer has sent stays within its quotes, and within the line.

A value that could be taken for more than itself is a JSON string, which is what logfmt calls it too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_PLAIN = re.compile(r"[!#-<>-\[\]-~]*")


def plain(text: str) -> bool:
    """Whether C{text} needs no quotes: printable ASCII but the space, the quote, the backslash, and "="."""
    return _PLAIN.fullmatch(text) is not None


def quoted(value: Any) -> str:
    """C{value} as it stands behind the "=": as it is, or in quotes."""
    text = value if isinstance(value, str) else str(value)
    if plain(text):
        return text
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return json.dumps(text, ensure_ascii=not text.isprintable())


def fields(of: Mapping[str, Any]) -> str:
    """All of them, in their order, with a space between."""
    return " ".join([f"{name}={quoted(value)}" for name, value in of.items()])


def addresses(paths: Any, named: int = 10) -> str:
    """Addresses as one value: so many of them, in angle brackets."""
    return ",".join([f"<{path}>" for path in paths[:named]])


def printable(text: str) -> str:
    """Any text as one line without control characters, which are written as Python does."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)
