"""docs/install.md: its extras, its versions, and the results of ``make matrix``."""

from __future__ import annotations

import datetime
import re
import runpy
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/install.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MATRIX = runpy.run_path(str(ROOT / ".ci/matrix.py"))


def rows(page: str, columns: int) -> list[list[str]]:
    """The rows of the tables with that many columns, without their headings."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line[:1] == "|"]
    return [row for row in cells if len(row) == columns and set(row) != {"---"}]


def test_the_page_has_each_extra_with_its_packages() -> None:
    described = {name.strip("`"): packages for name, packages, _use in rows(PAGE, 3) if name.startswith("`")}
    extras = PROJECT["optional-dependencies"]
    assert {*described} == {*extras}
    for name in {*extras} - {"all"}:
        assert described[name].lower().split(", ") == extras[name]
    (always,) = [packages for name, packages, _use in rows(PAGE, 3) if name == "none"]
    assert {each.lower() for each in always.split(", ")} == {each.partition(">")[0] for each in PROJECT["dependencies"]}


def test_the_versions_are_those_of_the_package() -> None:
    minors = re.findall(r"Python :: (3\.\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE)
    oldest = MATRIX["oldest_twisted"]()
    assert f"supports Python {minors[0]} to {minors[-1]}, and Twisted {oldest} and later" in PAGE


def test_how_results_are_written() -> None:
    row = MATRIX["Row"]("3.14.0", "26.10.0", "cryptography 50.0.2", 1200, 0, 3)
    text = MATRIX["table"]([row], ["tests/grammar", "tests/sasl"], datetime.date(2026, 11, 30), "Linux (x86_64)")
    assert text.splitlines()[0] == "Results of 2026-11-30 on Linux (x86_64), for `tests/grammar`, `tests/sasl`:"
    assert text.splitlines()[-1] == "| 3.14.0 | 26.10.0 | cryptography 50.0.2 | 1200 | 0 | 3 |"
    begin, end = MATRIX["BEGIN"], MATRIX["END"]
    page = f"before\n\n{begin}\n\nold\n\n{end}\n\nafter\n"
    assert MATRIX["replaced"](page, text) == f"before\n\n{begin}\n\n{text}\n\n{end}\n\nafter\n"
    with pytest.raises(ValueError, match="the page has no"):
        MATRIX["replaced"]("before\n", text)


def test_the_results_are_of_pythons_that_are_supported() -> None:
    results = [row for row in rows(PAGE, 6) if row[0] != "Python"]
    minors = set(re.findall(r"Python :: (3\.\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE))
    tested = {python.rpartition(".")[0] for python, *_ in results}
    assert {"3.11", "3.12", "3.13"} <= tested <= minors
    assert all(int(passed) > 1000 for *_, passed, _failed, _skipped in results)
    for minor in tested:
        twisteds = [twisted for python, twisted, *_ in results if python.startswith(f"{minor}.")]
        assert twisteds[0].startswith(MATRIX["oldest_twisted"]())
        assert len(set(twisteds)) == len(twisteds) == 2
