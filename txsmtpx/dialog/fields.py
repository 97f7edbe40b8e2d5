"""
Fields of a log line, ``name=value name=value``: what a client has sent stays within its quotes, and within the line.

A value that could be taken for more than itself is a JSON string, as in logfmt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence

MAX_FIELD = 1000
"""
Octets of a field, as it is written in text or JSON.

A client fills a field as it likes.  A line of Exim's log has 8,192 octets at most, rsyslog cuts a line at 8,192.
"""

MAX_FACTS = 2000
"""Octets of all facts that a backend notes about a message (`txsmtpx.IDataContext.note`), with their names."""

plain: Callable[[str], re.Match[str] | None] = re.compile(r"[!#-<>-\[\]-~]*").fullmatch
"""Match a text that needs no quotes: printable ASCII but the space, the quote, the backslash, and "="."""


def quoted(value: object) -> str:
    """
    Return a value as it stands behind the "=".

    Args:
        value: The value, which is converted by ``str``.

    Returns:
        The text, in quotes if it needs them.

    Example:
        >>> quoted("250 Ok"), quoted(250)
        ('"250 Ok"', '250')
    """
    text = value if isinstance(value, str) else str(value)
    if plain(text):
        return text
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return json.dumps(text, ensure_ascii=not text.isprintable())


def fields(of: Mapping[str, object]) -> str:
    """
    Return fields as text.

    Args:
        of: Their values, by name.

    Returns:
        All fields, in their order, with a space between.

    Example:
        >>> fields({"code": 250, "reply": "250 Ok"})
        'code=250 reply="250 Ok"'
    """
    return " ".join([f"{name}={quoted(value)}" for name, value in of.items()])


def clipped(text: str) -> str:
    """
    Return a text that takes `MAX_FIELD` octets at most.

    Args:
        text: Of any length.

    Returns:
        The text, or its beginning and how many characters are cut, such as ``...[+63488]``.
    """
    if _is_short(text) or _octets(text[: MAX_FIELD + 1]) <= MAX_FIELD:
        return text
    room = MAX_FIELD - len(f"...[+{len(text)}]")
    kept = 0
    for letter in text[:room]:
        room -= _octets(letter)
        if room < 0:
            break
        kept += 1
    return f"{text[:kept]}...[+{len(text) - kept}]"


def _is_short(text: str) -> bool:
    """
    Return whether a text is surely short enough for a field.

    JSON writes a character in 12 octets at most, one of ASCII in 6, a printable one of those in 2.

    Returns:
        True if it is; False if it has to be measured.
    """
    if not text.isascii():
        return len(text) <= MAX_FIELD // 12
    return len(text) <= MAX_FIELD // 6 or (len(text) <= MAX_FIELD // 2 and text.isprintable())


def _octets(text: str) -> int:
    """Return how many octets a text takes in JSON, where it takes most."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return len(text)
    return len(json.dumps(text)) - 2


def limited(facts: Mapping[str, object]) -> Mapping[str, object]:
    """
    Return the first facts that take `MAX_FACTS` octets together, each `clipped`.

    Args:
        facts: By name.

    Returns:
        The facts.  The field ``cut`` is the number of the others.
    """
    found: dict[str, object] = {}
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


def addresses(paths: Sequence[str], named: int = 10) -> str:
    """
    Return addresses as one value.

    Args:
        paths: The addresses.
        named: How many of them are named.

    Returns:
        The addresses in angle brackets, with a comma between.

    Example:
        >>> addresses(["a@example.org", "b@example.org"])
        '<a@example.org>,<b@example.org>'
    """
    return f"<{'>,<'.join(paths[:named])}>" if paths else ""


def printable(text: str) -> str:
    """
    Return a text as one line.

    Args:
        text: Any.

    Returns:
        The text, with control characters as Python escapes them.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)
