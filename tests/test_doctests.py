"""
The examples in the docstrings of the package run, and give what they show.

A test runs for each module whose source has an example.  The test fails if an example of the source is not run, such as
one in a string that is no docstring.  No example needs a reactor.
"""

from __future__ import annotations

import doctest
import importlib
import io
import re
from pathlib import Path

import pytest

import txsmtpx

ROOT = Path(txsmtpx.__file__).parent
EXAMPLE = re.compile(r"^\s*>>> ", re.MULTILINE)
WITH_EXAMPLES = [file for file in sorted(ROOT.rglob("*.py")) if EXAMPLE.search(file.read_text(encoding="utf-8"))]


def module_name(file: Path) -> str:
    """
    Return the name by which a file of the package is imported.

    Args:
        file: The file.

    Returns:
        The dotted name, such as ``txsmtpx.grammar.reply``.
    """
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def failures(test: doctest.DocTest) -> str:
    """
    Run the examples of one docstring.

    Args:
        test: The examples.

    Returns:
        What failed, "" if nothing did.
    """
    report = io.StringIO()
    doctest.DocTestRunner(verbose=False).run(test, out=report.write)
    return report.getvalue()


@pytest.mark.parametrize("file", WITH_EXAMPLES, ids=module_name)
def test_the_examples(file: Path) -> None:
    module = importlib.import_module(module_name(file))
    found = doctest.DocTestFinder(exclude_empty=True).find(module)
    assert sum(len(test.examples) for test in found) == len(EXAMPLE.findall(file.read_text(encoding="utf-8")))
    assert [report for report in map(failures, found) if report] == []


def test_a_wrong_example_is_reported() -> None:
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, None)
    assert "Expected:\n    3\nGot:\n    2\n" in failures(wrong)
