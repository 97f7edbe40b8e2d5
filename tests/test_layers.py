"""
The floors: imports go down only, and importing does nothing.

Read from the source by ast, so that an import within a function counts as well, and one under ``TYPE_CHECKING``.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import txsmtpx

ROOT = Path(txsmtpx.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

GRAMMAR = ("txsmtpx.grammar",)
CONTRACTS = (
    *GRAMMAR, "txsmtpx.arguments", "txsmtpx.errors", "txsmtpx.interfaces", "txsmtpx.setting", "txsmtpx.setting_kinds",
    "txsmtpx.settling",
)  # fmt: skip
SASL = (*CONTRACTS, "txsmtpx.sasl")
DIALOG = (*SASL, "txsmtpx.content", "txsmtpx.dialog")
MIDDLE = (*DIALOG, "txsmtpx.extensions")
TWISTED = (
    "twisted.internet.address",
    "twisted.internet.defer",
    "twisted.internet.error",
    "twisted.internet.interfaces",
    "twisted.logger",
    "twisted.python.failure",
    "twisted.cred",
    "zope.interface",
)

# Floor, what it may import of ours, what of others'.
FLOORS = [
    ("grammar", GRAMMAR, ("idna",)),  # the A-label of a domain takes tables that the standard library has not
    ("errors", (*GRAMMAR, "txsmtpx.errors"), ("twisted.internet.defer", "twisted.internet.error")),
    ("interfaces", (*CONTRACTS, "txsmtpx.content"), (*TWISTED, "twisted.plugin", "twisted.application.service")),
    ("content", (*GRAMMAR, "txsmtpx.content"), ()),
    ("setting.py", (), ()),
    ("setting_kinds.py", ("txsmtpx.setting",), ()),
    ("arguments.py", ("txsmtpx.interfaces", "txsmtpx.setting"), ("zope.interface",)),
    ("settling.py", GRAMMAR, ("twisted.internet.defer",)),
    ("sasl", SASL, TWISTED),
    ("dialog", DIALOG, TWISTED),
    ("extensions", MIDDLE, TWISTED),
    ("wire", (*MIDDLE, "txsmtpx.wire"),
     ("twisted", "zope.interface", "OpenSSL", "service_identity", "cryptography", "dkim", "joserfc", "treq")),
    ("dotted_name.py", ("txsmtpx.setting",), ("twisted.python.reflect",)),
    ("backends", (*MIDDLE, "txsmtpx.backends", "txsmtpx.dotted_name", "txsmtpx.stores", "txsmtpx.wire",
      "txsmtpx.sending"),
     ("twisted", "zope.interface", "pika")),
    ("consume", (*MIDDLE, "txsmtpx.backends", "txsmtpx.command", "txsmtpx.consume", "txsmtpx.stores", "txsmtpx.wire"),
     ("twisted", "zope.interface", "pika")),
    ("stores", (*CONTRACTS, "txsmtpx.stores", "txsmtpx.wire"),
     ("twisted", "zope.interface", "hiredis", "txredisapi")),
    ("middleware", (*MIDDLE, "txsmtpx.middleware", "txsmtpx.stores"), ("twisted", "zope.interface")),
    ("filters", (*MIDDLE, *(f"txsmtpx.{each}" for each in ("dotted_name", "filters", "middleware", "stores", "wire"))),
     ("twisted", "zope.interface")),
    ("tables", (*MIDDLE, "txsmtpx.middleware", "txsmtpx.tables", "txsmtpx.wire"), ("twisted", "zope.interface")),
    ("logins", (*MIDDLE, "txsmtpx.logins", "txsmtpx.wire"), ("twisted", "zope.interface", "argon2", "joserfc")),
    ("observers", (*MIDDLE, "txsmtpx.mx_tls", "txsmtpx.observers", "txsmtpx.queue", "txsmtpx.wire"),
     ("twisted", "zope.interface", "prometheus_client")),
    ("web", (*MIDDLE, "txsmtpx.stores", "txsmtpx.web", "txsmtpx.wire"), ("twisted", "zope.interface", "jinja2")),
    ("inbox", (*MIDDLE, "txsmtpx.backends", "txsmtpx.filters", "txsmtpx.inbox", "txsmtpx.stores", "txsmtpx.web",
      "txsmtpx.wire"),
     ("twisted", "zope.interface", "jinja2")),
    ("mx_tls", (*MIDDLE, "txsmtpx.mx_tls", "txsmtpx.wire"), ("twisted",)),
    ("queue", (*MIDDLE, "txsmtpx.backends", "txsmtpx.mx_tls", "txsmtpx.queue", "txsmtpx.stores", "txsmtpx.wire"),
     ("twisted", "zope.interface", "psycopg")),
    ("queue_web", (*MIDDLE, "txsmtpx.queue", "txsmtpx.queue_web", "txsmtpx.web", "txsmtpx.wire"),
     ("twisted", "zope.interface", "jinja2")),
    ("command", (*MIDDLE, "txsmtpx.backends", "txsmtpx.logins", "txsmtpx.wire", "txsmtpx.command", "txsmtpx.observers",
      "txsmtpx.inbox", "txsmtpx.filters", "txsmtpx.middleware", "txsmtpx.mx_tls", "txsmtpx.queue",
      "txsmtpx.queue_web", "txsmtpx.stores", "txsmtpx.tables", "txsmtpx.web"),
     ("twisted", "zope.interface")),
]

HALVES = {
    "__main__": ("consume", "queue", "the commands of two packages"),
    "client": ("dialog", "wire", "the client's dialog without a transport, and the client on the wire"),
    "client_policy": ("dialog", "interfaces", "the contract of a policy for clients, and the part that asks it"),
    "filter": ("interfaces", "middleware", "the contract of a filter, and the class that provides it"),
    "message": ("dialog", "interfaces", "the contract of a message, and the class that provides it"),
    "observer": ("dialog", "interfaces", "the contract of an observer, and the base class that provides it"),
    "server": ("dialog", "wire", "the server's dialog without a transport, and the server on the wire"),
    "session": ("backends", "interfaces", "the contract of a session, and the base class that provides it"),
}
"""The basenames of two files that are halves of one thing: their two packages, and what the halves are."""


class Import(NamedTuple):
    line: int
    name: str
    in_function: bool


def imports(path: Path) -> Iterator[Import]:
    """Every import of a file, as the dotted names of what is imported."""
    yield from _imports(ast.parse(path.read_text(encoding="utf-8")), False)


def _imports(node: ast.AST, in_function: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(node.lineno, alias.name, in_function)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        for alias in node.names:
            yield Import(node.lineno, f"{node.module}.{alias.name}", in_function)
    else:
        in_function |= isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from _imports(child, in_function)


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize(("floor", "ours", "others"), FLOORS, ids=[floor for floor, _, _ in FLOORS])
def test_imports_go_down(floor, ours, others):
    path = ROOT / floor
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    assert files
    upward = [
        f"{file.relative_to(ROOT)}:{each.line} imports {each.name}"
        for file in files
        for each in imports(file)
        if not within(each.name, ours + others) and each.name.partition(".")[0] not in sys.stdlib_module_names
        # Where a clock that is no reactor has no threads, the global one is asked, at that moment.
        and not (each.in_function and each.name == "twisted.internet.reactor")
    ]
    assert upward == []


def test_grammar_knows_nothing_of_twisted():
    """The walk sees what is there: the same rule applied to the wire is broken."""
    assert any(within(each.name, ("twisted",)) for each in imports(ROOT / "wire" / "server.py"))
    assert not any(within(each.name, ("twisted",)) for file in ROOT.glob("grammar/*.py") for each in imports(file))


def test_idna_is_imported_where_a_domain_is_not_in_ascii():
    found = [(file.relative_to(ROOT).as_posix(), each.in_function) for file in MODULES for each in imports(file)
             if each.name == "idna"]  # fmt: skip
    assert set(found) == {("grammar/domain.py", True)}


def test_nobody_imports_the_reactor_at_module_level():
    found = [
        f"{file.relative_to(ROOT)}:{each.line}"
        for file in MODULES
        for each in imports(file)
        if each.name == "twisted.internet.reactor" and not each.in_function
    ]
    assert found == []


def test_two_files_of_one_basename_are_halves_of_one_thing():
    places: dict[str, list[str]] = {}
    for file in MODULES:
        if file.name != "__init__.py":
            places.setdefault(file.stem, []).append(file.parent.relative_to(ROOT).as_posix())
    found = {name: tuple(folders) for name, folders in places.items() if len(folders) > 1}
    assert found == {name: (one, other) for name, (one, other, _) in HALVES.items()}


IMPORT_ALL = """
import importlib, socket, sys

def resolve(*args, **kwargs):
    raise AssertionError(f"a name was resolved: {args}")

socket.getaddrinfo = socket.gethostbyname = socket.gethostbyname_ex = socket.getfqdn = resolve
for name in sys.argv[1:]:
    importlib.import_module(name)
    assert "twisted.internet.reactor" not in sys.modules, f"{name} installs a reactor"
"""


def test_importing_installs_no_reactor_and_resolves_no_name():
    names = [".".join(file.relative_to(ROOT.parent).with_suffix("").parts) for file in MODULES]
    names = [name.removesuffix(".__init__") for name in names]
    assert "txsmtpx.wire.server" in names
    run = subprocess.run([sys.executable, "-c", IMPORT_ALL, *names], capture_output=True, text=True, timeout=60)
    assert run.stderr == ""
    assert run.returncode == 0
