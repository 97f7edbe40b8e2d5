"""JSON texts (RFC 8259 §2) in pieces, so that a response to a slow client does not stay in memory as a whole."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

PIECE = 8 * 1024
"""Characters of a string in one piece, before they are escaped."""

_INDENT = "  "

JsonValue: TypeAlias = (
    "str | bytes | int | float | Mapping[str, JsonValue] | Sequence[JsonValue] | Iterator[JsonValue] | None"
)
"""A value that `json_text` can write."""


def json_text(value: JsonValue, indent: str = "") -> Iterator[str | None]:
    r"""
    Write a value as JSON, in ASCII and indented.

    Args:
        value: A value as for `json.dumps`.  Bytes become a string and need to be UTF-8.  An iterator becomes an array.
            If an iterator yields None, this adds no element and yields None.
        indent: The indentation of all lines but the first.

    Yields:
        The pieces, each up to 12 times as long as `PIECE`, or None to let other work go on.

    Example:
        >>> "".join(json_text({"id": 1, "text": "Grüße".encode()}))
        '{\n  "id": 1,\n  "text": "Gr\\u00fc\\u00dfe"\n}'
    """
    if isinstance(value, Mapping):
        members = ((f"{json.dumps(name)}: ", each) for name, each in value.items())
        yield from _enclosed("{}", members, indent)
    elif isinstance(value, Iterator):
        yield from _enclosed("[]", (None if each is None else ("", each) for each in value), indent)
    elif isinstance(value, list | tuple):
        yield from _enclosed("[]", (("", each) for each in value), indent)
    elif isinstance(value, str) and len(value) > PIECE:
        yield from _string(value[at : at + PIECE] for at in range(0, len(value), PIECE))
    elif isinstance(value, bytes):
        yield from _string(_decoded(value))
    else:
        yield json.dumps(value)


def _enclosed(
    brackets: str, members: Iterator[tuple[str, JsonValue] | None], indent: str
) -> Iterator[str | None]:
    """Yield an array or an object.  Each member comes with the text before its value."""
    separator, inner = brackets[0], indent + _INDENT
    for member in members:
        if member is None:
            yield None
        else:
            yield f"{separator}\n{inner}{member[0]}"
            yield from json_text(member[1], inner)
            separator = ","
    yield brackets if separator == brackets[0] else f"\n{indent}{brackets[1]}"


def _string(pieces: Iterator[str]) -> Iterator[str]:
    yield '"'
    for piece in pieces:
        yield json.dumps(piece)[1:-1]
    yield '"'


def _decoded(octets: bytes) -> Iterator[str]:
    # A limit may have cut the octets within a character, whose rest is dropped.
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")
    for at in range(0, len(octets), PIECE):
        yield decoder.decode(octets[at : at + PIECE])
