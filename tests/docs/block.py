"""
The blocks of code on a page, and what each of them is.

Whatever stands between fences has a language.  A block whose paragraph before it ends in ```NAME`:`` is the file NAME.
A block that cannot be run says why, in a comment just before it: ``<!-- not run: why -->``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"`([\w.@/-]+\.\w+)`:\n\n$")
_NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\n+$")


@dataclass(frozen=True)
class Block:
    """
    One block.

    Attributes:
        line: Of the page, where its text begins.
        name: The file that it is, "" for none.
        not_run: Why it is not run, "" if it is.
    """

    page: Path
    line: int
    language: str
    text: str
    name: str
    not_run: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, in its order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        if match[1].startswith("{"):  # a directive of Sphinx
            continue
        before = text[: match.start()]
        reason, named = _NOT_RUN.search(before), _NAME.search(before)
        line = before.count("\n") + 2
        found.append(Block(page, line, match[1], match[2], named[1] if named else "", reason[1] if reason else ""))
    return found


def texts(page: Path, language: str) -> list[str]:
    """The texts of those of one language."""
    return [block.text for block in blocks(page) if block.language == language]
