"""docs/guarantees.md: each guarantee has a number and tests, and each number that is cited stands there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guarantees.md"

CITATION = re.compile(r"\bguarantees?\s+(\d+(?:(?:,| and| to|, and)\s+\d+)*)", re.IGNORECASE)
"""Such as "guarantee 3", "Guarantees 1 and 2", "guarantees 1 to 5"."""


def sections() -> dict[int, str]:
    """The text of each guarantee by its number."""
    parts = re.split(r"^### (\d+)\. ", PAGE.read_text(), flags=re.MULTILINE)
    return {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}


def named(file: Path) -> str:
    """The path of ``file`` from the root of the repository."""
    return str(file.relative_to(ROOT))


def sources() -> Iterator[Path]:
    """The files that may cite a guarantee."""
    for folder in ("tests", "txsmtpx", "docs", "benchmarks", "examples"):
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix in (".py", ".md", ".txt") and "_build" not in file.parts:
                yield file
    yield from ROOT.glob("*.md")


def numbers_in(text: str) -> Iterator[int]:
    """The numbers that ``text`` cites."""
    for citation in CITATION.findall(text):
        for first, last in re.findall(r"(\d+)(?:\s+to\s+(\d+))?", citation):
            yield from range(int(first), int(last or first) + 1)


def test_numbers_are_consecutive() -> None:
    assert list(sections()) == list(range(1, len(sections()) + 1))


@pytest.mark.parametrize("number", sections())
def test_each_has_a_rule_a_meaning_and_tests(number: int) -> None:
    heading, _, text = sections()[number].partition("\n")
    rule, _, rest = text.partition("\n\n**In practice:** ")
    meaning, _, tests = rest.partition("\n\n**Tests:** ")
    assert heading
    assert rule.strip()
    assert meaning.strip()
    paths = re.findall(r"`(tests/[\w./]+)`", tests)
    assert paths
    assert len(paths) == len(set(paths))
    assert [path for path in paths if not (ROOT / path).is_file()] == []


def test_each_number_that_is_cited_is_defined() -> None:
    defined = sections()
    cited = [(named(file), number) for file in sources() for number in numbers_in(file.read_text())]
    assert [each for each in cited if each[1] not in defined] == []


def test_each_test_module_that_cites_a_guarantee_stands_below_it() -> None:
    """The docstring of a test module names what the module proves."""
    defined = sections()
    modules = sorted((ROOT / "tests").rglob("test_*.py"))
    cited = [(file, number) for file in modules for number in numbers_in(_docstring(file))]
    assert [(named(file), number) for file, number in cited if f"`{named(file)}`" not in defined[number]] == []


def test_they_are_called_guarantees() -> None:
    """One word for one thing: "guarantee 3", not "law 3"."""
    other = re.compile(r"\blaws? +\d", re.IGNORECASE)
    here = Path(__file__)
    assert [named(file) for file in sources() if file != here and other.search(file.read_text())] == []


def _docstring(file: Path) -> str:
    return ast.get_docstring(ast.parse(file.read_text())) or ""
