"""Docstrings in Google's style, as the documentation prints them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def as_fields(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "docs"))
    return importlib.import_module("press.google").as_fields


def test_each_section(as_fields: Any) -> None:
    docstring = """Read a header.

More of it:
    indented.

Args:
    octets: All that has come,
        so far.
    limit: In octets.

Returns:
    The header;
    None where more must come.

Raises:
    ValueError: It is none.

Attributes:
    version: 1 or 2.
"""
    assert as_fields(docstring) == """Read a header.

More of it:
    indented.

@param octets: All that has come,
    so far.
@param limit: In octets.
@return: The header;
None where more must come.
@raise ValueError: It is none.
@ivar version: 1 or 2.
"""


@pytest.mark.parametrize("docstring", ["Close it.\n", "Close it.\n\n@param octets: which.\n", "Args: none.\n"])
def test_what_has_no_section_stays(as_fields: Any, docstring: str) -> None:
    assert as_fields(docstring) == docstring
