"""Where a name leads that no page of ours is about: to our source, to Twisted's pages, or to Python's."""

from __future__ import annotations

import builtins
import functools
import importlib
import importlib.util
import sys
from typing import Any

from docutils import nodes
from sphinx.environment import BuildEnvironment

from press.index import by_last_name, place_of
from press.names import PACKAGE, defined, found
from press.source import page_of

TWISTED = "https://docs.twisted.org/en/stable/api/{name}.html"
ZOPE = "https://zopeinterface.readthedocs.io/en/latest/api/"
PYTHON = "https://docs.python.org/3/library/{module}.html"
OFTEN = ("twisted.internet.error", "twisted.cred.error", "twisted.internet.task", "twisted.internet.defer",
         "twisted.internet.interfaces")  # fmt: skip
"""Modules whose names stand in docstrings without them."""

SILENT = {"OpenSSL", "cryptography", "prometheus_client", "pytest", "_pytest"}
"""Packages that people know without a link."""


def _missing(app: Any, env: BuildEnvironment, node: Any, content: nodes.Element) -> nodes.Node | None:
    if node.get("refdomain") != "py":
        return None
    name = node["reftarget"]
    first = name.partition(".")[0]
    if uri := _elsewhere(name, first):
        return nodes.reference("", "", content, internal=False, refuri=uri)
    if first in SILENT:
        return content
    if public := _public(name, env):
        domain = env.get_domain("py")
        return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", public, node, content)
    if place := place_of(name):
        file, line = place
        uri = f"{app.builder.get_relative_uri(node['refdoc'], page_of(file))}#L-{line}"
        return nodes.reference("", "", content, internal=True, refuri=uri)
    return None


def _elsewhere(name: str, first: str) -> str | None:
    """The page of somebody else."""
    if first == "twisted":
        return TWISTED.format(name=name)
    for module in OFTEN:
        if hasattr(importlib.import_module(module), name):
            return TWISTED.format(name=f"{module}.{name}")
    if first == "zope":
        return ZOPE
    if hasattr(builtins, name):
        page = "exceptions" if name.endswith(("Error", "Exception", "Warning")) else "functions"
        return f"{PYTHON.format(module=page)}#{name}"
    if first in sys.stdlib_module_names:
        module = name
        while not _is_module(module) and "." in module:
            module = module.rpartition(".")[0]
        return PYTHON.format(module=module) + ("" if module == name else f"#{name}")
    return None


@functools.cache
def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False


def _public(name: str, env: BuildEnvironment) -> str | None:
    """The documented name of what is defined as C{name}, or as that in one module of ours."""
    objects = env.get_domain("py").objects  # type: ignore[attr-defined]
    aliases = _aliases(frozenset(objects))
    if "." not in name and len(full := by_last_name().get(name, ())) == 1:
        name = full[0]
    if name in aliases:
        return aliases[name]
    owner, _, member = name.rpartition(".")
    if f"{aliases.get(owner)}.{member}" in objects:
        return f"{aliases[owner]}.{member}"
    return aliases.get(owner)


@functools.lru_cache(maxsize=2)
def _aliases(documented: frozenset[str]) -> dict[str, str]:
    """The name under which a thing is defined to that under which it is documented."""
    ours = [name for name in sorted(documented) if name.partition(".")[0] == PACKAGE]
    return {defined(found(name), name): name for name in ours}


def setup(app: Any) -> dict[str, Any]:
    """For Sphinx."""
    app.connect("missing-reference", _missing)
    return {"parallel_read_safe": True}
