"""The structure of the code, which `benchmarks.structure` measures, stays within its limits."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from benchmarks.structure import LONG, Trip, annotated, circles, documented, read_modules, trips
from txsmtpx.dialog import exchange

Modules = list[tuple[Path, ast.Module, str]]

MOST = {
    "one MAIL": Trip(calls=19, files=7, changes=13),
    "one RCPT": Trip(calls=17, files=6, changes=11),
    "the end of DATA": Trip(calls=54, files=18, changes=39),
    "the end of DATA, an application's own backend": Trip(calls=39, files=12, changes=30),
    "a client's message": Trip(calls=84, files=10, changes=60),
}
"""The longest way of each piece of work."""

ANY_KEYWORDS = {
    "note": "a backend names its own facts, as the fields of a logger",
    "encode": "the signature of email.header.Header",
    "get_content": "the signature of email.contentmanager.ContentManager",
    "set_content": "likewise",
    "callLater": "the signature of IReactorTime",
    "callWhenRunning": "the signature of IReactorCore",
    "callFromThread": "the signature of IReactorFromThreads",
    "parseStreamClient": "the signature of IStreamClientEndpointStringParserWithReactor",
    "check": "the wrappers of txsmtpx.arguments, which pass on what they have checked",
}
"""Functions that take any keyword, and why.  All others name their arguments, or those of a `ParamSpec` or `Unpack`."""


@pytest.fixture(scope="module")
def modules() -> Modules:
    return read_modules()


def test_the_ways_of_the_data_are_straight(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are those of a program of Twisted, which does not import `txsmtpx.aio` as other tests do."""
    monkeypatch.setattr(exchange, "elsewhere", ())
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
    assert found.untold_errors == ["chosen"]  # which handles the error that it raises


def test_no_docstring_begins_with_whether(modules: Modules) -> None:
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    nodes = (node for _, tree, _ in modules for node in ast.walk(tree) if isinstance(node, kinds))
    texts = [ast.get_docstring(node) or "" for node in nodes]
    assert [text for text in texts if text.startswith("Whether")] == []
    assert [text for text in texts if ": Whether " in text] == []


def test_arguments_have_names(modules: Modules) -> None:
    found = set()
    for _, tree, _ in modules:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.args.kwarg is not None:
                annotation = ast.unparse(node.args.kwarg.annotation) if node.args.kwarg.annotation else ""
                if not annotation.startswith("Unpack[") and annotation != "P.kwargs":
                    found.add(node.name)
    assert found == set(ANY_KEYWORDS)


def test_no_file_is_too_long(modules: Modules) -> None:
    assert [str(path) for path, _, text in modules if text.count("\n") > LONG] == []
