"""What a name in a docstring means, by the module in which it stands; and the page that tells of it."""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import inspect
import sys
from types import ModuleType
from typing import Any

PACKAGE = "txsmtpx"


def named_from(where: Any, name: str) -> str:
    """
    The full name of what C{name} means in a docstring of C{where}.

    @param where: a module, class, function, interface, or property; or a full name.
    @return: the name under which it is defined, C{name} itself where nothing is found.
    """
    if isinstance(where, str):
        where = found(where.rpartition(".")[0])
    if isinstance(where, property):
        where = where.fget
    first, _, rest = name.partition(".")
    module = sys.modules.get(getattr(where, "__module__", "") or "")
    if isinstance(where, ModuleType):
        module = where
    for place in (_owner(where), module):
        here = _attribute(place, first)
        if here is not None and place is not module:
            return f"{place.__module__}.{_qualified(place)}.{name}"
        if here is not None:
            return ".".join(filter(None, [defined(here, f"{module.__name__}.{first}"), rest]))
    imported = _imports(module.__name__).get(first) if module else None
    if imported:
        return ".".join(filter(None, [_canonical(imported), rest]))
    return _canonical(name)


def defined(thing: Any, otherwise: str) -> str:
    """The full name under which a thing is defined."""
    if isinstance(thing, ModuleType):
        return thing.__name__
    module, name = getattr(thing, "__module__", None), _qualified(thing)
    return f"{module}.{name}" if isinstance(module, str) and name else otherwise


def _qualified(thing: Any) -> str:
    name = getattr(thing, "__qualname__", None) or getattr(thing, "__name__", "")
    return name if isinstance(name, str) else ""


def _canonical(name: str) -> str:
    thing = found(name)
    return name if thing is None else defined(thing, name)


def found(name: str) -> Any:
    """What has a full name, None if nothing has."""
    parts = name.split(".")
    if len(parts) == 1 and hasattr(builtins, name):
        return None
    for end in range(len(parts), 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        return functools.reduce(_attribute, parts[end:], module)
    return None


def _attribute(thing: Any, name: str) -> Any:
    if thing is None:
        return None
    if hasattr(thing, "namesAndDescriptions"):  # an interface
        return thing.get(name)
    return getattr(thing, name, None)


def _owner(where: Any) -> Any:
    """The class or interface in which something stands, if any."""
    if inspect.isclass(where) or hasattr(where, "namesAndDescriptions"):
        return where
    if hasattr(where, "interface"):
        return where.interface
    outer = getattr(where, "__qualname__", "").rpartition(".")[0]
    module = sys.modules.get(getattr(where, "__module__", "") or "")
    return functools.reduce(_attribute, outer.split("."), module) if outer and "<locals>" not in outer else None


@functools.cache
def _imports(module: str) -> dict[str, str]:
    """Local name to full name, of all imports of a module, those for type checkers too."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
