"""Where in the package each name is defined: file and line, by its full name."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

from press.names import PACKAGE

ROOT = Path(__file__).parents[2]

Place = tuple[Path, int]


@functools.cache
def places() -> dict[str, Place]:
    """Full name to place, for modules, classes, functions, methods, and what is assigned to at their top."""
    found: dict[str, Place] = {}
    for file in [*sorted((ROOT / PACKAGE).rglob("*.py")), ROOT / f"pytest_{PACKAGE}.py"]:
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found[module] = (file, 1)
        found |= {name: (file, line) for name, line in _names(ast.parse(file.read_text(encoding="utf-8")), module)}
    return found


def _names(tree: ast.Module | ast.ClassDef, owner: str) -> Iterator[tuple[str, int]]:
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name):
                yield f"{owner}.{name}", node.lineno
                yield from _names(node, f"{owner}.{name}")
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield f"{owner}.{name}", node.lineno
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield f"{owner}.{name}", node.lineno


@functools.cache
def by_last_name() -> dict[str, list[str]]:
    """The name alone to the full names that end in it."""
    found: dict[str, list[str]] = {}
    for name in places():
        found.setdefault(name.rpartition(".")[2], []).append(name)
    return found


def place_of(name: str) -> Place | None:
    """
    Where a thing is defined.

    @param name: its full name; the last one alone, where there is only one such; or a member of either, for which the
        place of its class will do.
    """
    if name in places():
        return places()[name]
    if len(full := by_last_name().get(name, ())) == 1:
        return places()[full[0]]
    owner = name.rpartition(".")[0]
    return place_of(owner) if owner else None
