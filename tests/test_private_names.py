"""What Twisted keeps private is used in two files of the package, and nowhere else; what pika does, in one."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import txsmtpx

ROOT = Path(txsmtpx.__file__).parent
ROOMS = {"backends/pika_internals.py", "wire/twisted_internals.py", "wire/twisted_socket_internals.py"}
FILES = {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py")}

OF_NAMED_TUPLES = {"_replace", "_asdict", "_fields", "_make"}
"""Public in spite of the underscore."""

UNDOCUMENTED = {"dataBuffer", "writeSomeData", "numberAccepts", "waker"}
"""Attributes of Twisted that have no underscore, and no interface either."""


@cache
def tree(file: str) -> ast.AST:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def imported(tree: ast.AST, package: str) -> Iterator[tuple[str, str]]:
    """Each import of a package: the name in the file, and the dotted name of what is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == package:
            yield from ((each.asname or each.name, f"{node.module}.{each.name}") for each in node.names)
        elif isinstance(node, ast.Import):
            yield from ((each.asname or package, each.name) for each in node.names if each.name.startswith(package))


def defined(tree: ast.AST) -> set[str]:
    """The private names that a file defines: functions, classes, fields, and attributes of ``self``."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ours(node):
            found.add(node.attr)
    return {name for name in found if private(name)}


def ours(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


@cache
def all_defined() -> set[str]:
    return set().union(*(defined(tree(file)) for file in FILES - ROOMS))


def uses(source: ast.AST) -> Iterator[tuple[int, str]]:
    """The line and the name of each use of what may be private in Twisted."""
    theirs = dict(imported(source, "twisted"))
    here = defined(source) | OF_NAMED_TUPLES
    for name in theirs.values():
        if any(map(private, name.split("."))):
            yield 0, name
    for node in ast.walk(source):
        if isinstance(node, ast.Attribute):
            known = all_defined() if ours(node) or isinstance(node.value, ast.Call) else here
            if (private(node.attr) and node.attr not in known) or node.attr in UNDOCUMENTED:
                yield node.lineno, node.attr
            if isinstance(node.ctx, ast.Store) and (
                node.attr == "__class__" or (isinstance(node.value, ast.Name) and node.value.id in theirs)
            ):
                yield node.lineno, f"{ast.unparse(node)} ="
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "hasattr", "setattr"):
            name = node.args[1]
            if isinstance(name, ast.Constant) and (private(name.value) or name.value in UNDOCUMENTED):
                yield node.lineno, name.value


@pytest.mark.parametrize("file", sorted(FILES - ROOMS))
def test_a_file_uses_nothing_private(file):
    if list(imported(tree(file), "twisted")):
        assert [f"{file}:{line}: {name}" for line, name in uses(tree(file))] == []


@pytest.mark.parametrize(
    "line",
    [
        "from twisted.protocols.haproxy._wrapper import HAProxyProtocolWrapper",
        "from twisted.internet import _sslverify",
        "import twisted.internet._newtls",
        "reactor._selectables",
        "self._preexistingSocket",
        "getattr(endpoint, '_hostText', '')",
        "port._shouldShutdown = False",
        "transport.__class__ = Other",
        "from twisted.web import server\nserver.version = b''",
        "connection.writeSomeData(octets)",
    ],
)
def test_a_use_is_found(line):
    assert list(uses(ast.parse(line)))


def test_both_files_use_something():
    assert all(list(uses(tree(file))) for file in ROOMS)


def subclasses() -> Iterator[tuple[type, type]]:
    """Each class of the package, with each of its bases in Twisted."""
    for file in sorted(FILES):
        name = f"txsmtpx.{file.removesuffix('.py').removesuffix('/__init__').replace('/', '.')}"
        module = importlib.import_module(name.removesuffix(".__init__"))
        for kind in vars(module).values():
            if inspect.isclass(kind) and kind.__module__ == module.__name__:
                yield from ((kind, base) for base in kind.__mro__ if base.__module__.partition(".")[0] == "twisted")


def names(kind: type) -> set[str]:
    """The private names that a class defines, or that its methods use."""
    functions = [each for each in vars(kind).values() if inspect.isfunction(each)]
    return {name for name in set(vars(kind)).union(*(each.__code__.co_names for each in functions)) if private(name)}


MEANT = {
    "AdoptedUNIXPort": {"_preexistingSocket", "_getLogPrefix", "_shouldShutdown"},
    "LoopDeferred": {"_abc_impl"},  # of each class whose base is abstract
}


def test_no_class_has_a_private_name_that_its_base_in_twisted_has():
    """Such a name would change what Twisted does, without a word in the source."""
    found = {
        f"{kind.__module__}.{kind.__name__} and {base.__name__}: {name}"
        for kind, base in subclasses()
        for name in names(kind) & names(base) - MEANT.get(kind.__name__, set())
    }
    assert found == set()
