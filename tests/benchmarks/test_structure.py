"""The structure of the code, which `benchmarks.structure` measures, stays within its limits."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from benchmarks.structure import LONG, Trip, annotated, circles, documented, read_modules, trips

Modules = list[tuple[Path, ast.Module, str]]

MOST = {
    "one MAIL": Trip(calls=20, files=8, changes=14),
    "one RCPT": Trip(calls=18, files=7, changes=12),
    "the end of DATA, an application's own backend": Trip(calls=45, files=13, changes=32),
    "a client's message": Trip(calls=84, files=10, changes=61),
}
"""The longest way of each piece of work."""


@pytest.fixture(scope="module")
def modules() -> Modules:
    return read_modules()


def test_the_ways_of_the_data_are_straight() -> None:
    found = dict(trips())
    assert {name: found[name] for name in MOST} == {
        name: Trip(*(min(pair) for pair in zip(found[name], most, strict=True))) for name, most in MOST.items()
    }


def test_no_packages_import_each_other(modules: Modules) -> None:
    assert circles(modules) == []


def test_annotations_have_types(modules: Modules) -> None:
    every, loose = annotated(modules)
    assert loose < 0.03 * every


def test_public_functions_document_every_argument_and_result(modules: Modules) -> None:
    found = documented(modules)
    assert (found.told, found.returns_told) == (found.arguments, found.returns)


def test_no_file_is_too_long(modules: Modules) -> None:
    assert [str(path) for path, _, text in modules if text.count("\n") > LONG] == []
