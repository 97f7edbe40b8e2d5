"""
The lines on which the keys of a TOML document stand, which `tomllib` does not tell.

A statement of TOML is complete exactly when it is a document by itself, so `tomllib` finds where each ends, and
there is no second parser here that might disagree with it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

Path = tuple[str, ...]


def places(document: str) -> dict[Path, int]:
    """
    The line, from 1, of every key and of every table, by its path.

    Args:
        document: Valid TOML.
    """
    found: dict[Path, int] = {(): 1}
    table: Path = ()
    for line, statement, is_header in _statements(document):
        for path in _paths(statement):
            whole = path if is_header else table + path
            for end in range(1, len(whole) + 1):
                found.setdefault(whole[:end], line)
            if is_header:
                table = path
                found[path] = line
    return found


def _statements(document: str) -> Iterator[tuple[int, dict[str, Any], bool]]:
    """Each statement: its first line, what it says alone, whether it is the head of a table."""
    lines = document.replace("\r\n", "\n").split("\n")
    at = 0
    while at < len(lines):
        end, said = _statement(lines, at)
        if said:
            yield at + 1, said, lines[at].lstrip().startswith("[")
        at = end


def _statement(lines: list[str], at: int) -> tuple[int, dict[str, Any]]:
    for end in range(at + 1, len(lines) + 1):
        try:
            return end, tomllib.loads("\n".join(lines[at:end]))
        except tomllib.TOMLDecodeError:
            continue
    raise ValueError(f"no statement on line {at + 1}")


def _paths(said: Any) -> Iterator[Path]:
    """The paths that end in a value or in an empty table."""
    if isinstance(said, list) and said and all(isinstance(each, dict) for each in said):
        said = said[-1]  # an array of tables goes on where it was left
    if isinstance(said, dict) and said:
        for key, value in said.items():
            for path in _paths(value):
                yield (key, *path)
    else:
        yield ()
