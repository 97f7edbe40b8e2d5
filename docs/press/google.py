"""
Sections of docstrings in Google's style, such as C{Args:}, as fields of epytext, which L{press.epytext} reads.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

FIELDS = {"Args": "param", "Attributes": "ivar", "Raises": "raise", "Returns": "return"}
"""What a section is called, and the field for each of its entries."""

_SECTION = re.compile(rf"^({'|'.join(FIELDS)}):\n((?:    .*\n|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^(?=\S)", re.MULTILINE)


def as_fields(docstring: str) -> str:
    """
    Return a docstring whose sections are fields.

    Args:
        docstring: Without its indentation.  What is in no section stays as it is.
    """
    return _SECTION.sub(lambda section: "".join(_fields(section[1], section[2])), docstring.rstrip("\n") + "\n")


def _fields(section: str, block: str) -> Iterator[str]:
    text = textwrap.dedent(block).strip("\n")
    kind = FIELDS[section]
    if kind == "return":
        yield f"@return: {text}\n"
        return
    for entry in _ENTRY.split(text)[1:]:
        yield f"@{kind} {entry.rstrip()}\n"
