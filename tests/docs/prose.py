"""
The sentences of a page: its text without blocks of code, one sentence at a time.

A heading, an item of a list, and a cell of a table each end a sentence, with a full stop or without.  A span of code
counts as one word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin

ROOT = Path(__file__).parents[2]

_MARKDOWN = MarkdownIt("commonmark").enable("table").use(colon_fence_plugin)

CODE = "\ue000"
"""Stands for a span of code while a text is cut into sentences: a full stop within the span ends none."""

_SPAN = re.compile(r"`[^`]*`")

_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf)\.$")

_UNNAMED = re.compile(
    r"""
      \b(?:nobody|somebody|whoever|whatever\s+one|those\s+who|these\s+who|one\s+who)\b  # names no subject
    | \b(?:he|she|his|him|her|himself|herself)\b
    | ^(?:Who|What|Which)\b(?!.*\?$)  # a clause as the subject; a question may begin so
    | \b(?:told|tells?|hears?|heard|speaks?|spoken)\b
    | \bsa(?:ys|id|ying)\b
    | \b(?:is|are|has|have)\s+(?:its|their)\s+own\s*[.;:,]
    | \bwhat\s+it\s+takes\b
    """,
    re.VERBOSE | re.IGNORECASE,
)


_MID_AIR = re.compile(r"(?:It|Its|They|Their|So|But|Otherwise|Then)\b")
"""The beginning of a sentence that only a reader of the paragraph before understands."""

_CONTENTLESS = re.compile(r"(?:Who|What|Which|It|So|This|That|How much)\b|.*\?$", re.IGNORECASE)
"""A heading that does not name its contents."""

Kind = Literal["heading", "paragraph", "item", "cell"]


@dataclass(frozen=True)
class Sentence:
    """
    One sentence.

    Attributes:
        where: The path of the page, or the name of the object with the docstring.
        line: The line of the page at which its paragraph, heading or table row begins; 0 in a docstring.
        kind: The block that it is part of; an item is of a list, a cell of a table.
        first: Whether the block begins with it.
        text: The sentence, with its spans of code.
    """

    where: str
    line: int
    kind: Kind
    first: bool
    text: str

    @property
    def words(self) -> int:
        """The number of its words; a span of code counts as one."""
        return sum(bool(re.search(r"\w|" + CODE, word)) for word in _SPAN.sub(CODE, self.text).split())

    @property
    def unnamed(self) -> str:
        """The first of its words that do not name their subject, or are not the field's; "" if there is none."""
        text = _SPAN.sub(CODE, self.text)
        found = _CONTENTLESS.match(text) if self.kind == "heading" else _UNNAMED.search(text)
        if not found and self.kind == "paragraph" and self.first:
            found = _MID_AIR.match(text)
        return found[0] if found else ""

    def __str__(self) -> str:
        return f"{self.where}:{self.line}: {self.text}"


def pages() -> list[Path]:
    """Every page of the documentation, in ``docs`` and elsewhere in the repository."""
    found = (
        *ROOT.glob("*.md"),
        *(page for name in ("docs", "benchmarks", "examples") for page in (ROOT / name).rglob("*.md")),
    )
    return sorted(page for page in found if "_build" not in page.parts)


def sentences(page: Path) -> Iterator[Sentence]:
    """The sentences of a page, in its order."""
    before, where = "", str(page.relative_to(ROOT)) if page.is_relative_to(ROOT) else str(page)
    for token in _MARKDOWN.parse(page.read_text(encoding="utf-8")):
        if token.type == "inline":
            line = (token.map or [0])[0] + 1
            for number, text in enumerate(cut(*_text(token))):
                yield Sentence(where, line, _kind(before, token.level), number == 0, text)
        before = token.type


def begins_with_text(page: Path) -> bool:
    """Whether a paragraph stands between the title of a page and everything else."""
    types = [token.type for token in _MARKDOWN.parse(page.read_text(encoding="utf-8"))]
    return types[:4] == ["heading_open", "inline", "heading_close", "paragraph_open"]


def _kind(before: str, level: int) -> Kind:
    """The kind of a block, by the token before its text and the depth of the text."""
    if before == "heading_open":
        return "heading"
    if before in ("th_open", "td_open"):
        return "cell"
    return "paragraph" if level == 1 else "item"


def cut(text: str, spans: list[str]) -> Iterator[str]:
    """Cut a text, in which ``CODE`` stands for each of the spans of code, into its sentences."""
    rest = iter(spans)
    begin = 0
    for end in [*_END.finditer(text), None]:
        if end and _ABBREVIATION.search(text[: end.start()]):
            continue
        sentence = text[begin : end.end() if end else len(text)].strip()
        if sentence:
            yield re.sub(CODE, lambda _: f"`{next(rest)}`", sentence)
        begin = end.end() if end else begin


def _text(token: Token) -> tuple[str, list[str]]:
    """The text of a paragraph without its marks, and its spans of code."""
    words: list[str] = []
    spans: list[str] = []
    for child in token.children or []:
        if child.type == "code_inline":
            words.append(CODE)
            spans.append(child.content.replace("`", "'"))
        elif child.type in ("softbreak", "hardbreak"):
            words.append(" ")
        elif child.type == "text":
            words.append(child.content)
    return "".join(words), spans
