"""
Each module has its tests where its path says.

Those of ``txsmtpx/grammar/path.py`` are in ``tests/grammar/test_path.py``.  ``tests/without_mirror.txt`` lists the
modules without such a file, one a line.  That list may only shrink.
"""

from __future__ import annotations

from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "txsmtpx"
TESTS = Path(__file__).parent
LIST = TESTS / "without_mirror.txt"


def modules() -> set[str]:
    """The path of each module below ``txsmtpx``, but for ``__init__.py``, which holds names only."""
    return {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"}


def mirrored() -> set[str]:
    """The modules that have a file of tests where their path says."""
    return {module for module in modules() if (path := TESTS / module).with_name(f"test_{path.name}").exists()}


@pytest.fixture
def without() -> list[str]:
    """The modules of the list."""
    return LIST.read_text().split()


def test_each_module_has_its_tests_or_stands_in_the_list(without: list[str]) -> None:
    assert sorted(modules() - mirrored() - set(without)) == []


def test_the_list_has_no_module_with_tests_and_no_other_name(without: list[str]) -> None:
    assert sorted(set(without) & mirrored()) == []
    assert sorted(set(without) - modules()) == []
    assert without == sorted(set(without))
