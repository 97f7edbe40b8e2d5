"""Each package that txsmtpx imports is a dependency, one of an extra, or of the program that the user tests."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SOURCES = [*ROOT.glob("txsmtpx/**/*.py"), *ROOT.glob("twisted/**/*.py"), ROOT / "pytest_txsmtpx.py"]

USED_IF_INSTALLED = {
    "django": "`MailServer` makes settings for the Django that the user tests",
    "pytest": "pytest loads the plugin",
    "pytest_twisted": "the plugin adapts to it if it is installed",
}
"""Packages that are no dependency: only a program that has them already reaches the import."""


def normalized(requirement: str) -> str:
    """The name of the distribution in a requirement, as PyPI compares names."""
    name = re.match(r"[\w.-]+", requirement)
    assert name is not None, requirement
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def imported(path: Path) -> dict[str, bool]:
    """The packages that a file imports, each with True if it is imported as soon as the file is."""
    found: dict[str, bool] = {}

    def visit(statements: Iterable[ast.AST], at_once: bool) -> None:
        for node in statements:
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                names = []
            for name in names:
                package = name.partition(".")[0] if not name.startswith("zope.") else ".".join(name.split(".")[:2])
                found[package] = found.get(package, False) or at_once
            inner = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for block in ("body", "handlers", "orelse", "finalbody", "cases"):
                visit(getattr(node, block, ()), at_once and not inner)

    visit(ast.parse(path.read_text()).body, True)
    return {name: at_once for name, at_once in found.items() if name not in {*sys.stdlib_module_names, "txsmtpx"}}


DECLARED = {normalized(each) for each in PROJECT["dependencies"]}
EXTRAS = {normalized(each) for extra in PROJECT["optional-dependencies"].values() for each in extra} - {"txsmtpx"}

installed = cache(packages_distributions)


@cache
def imports() -> dict[Path, dict[str, bool]]:
    """What each file imports."""
    return {path: imported(path) for path in SOURCES}


def packages() -> set[str]:
    """What has to be declared."""
    return {name for names in imports().values() for name in names} - {*USED_IF_INSTALLED}


def distributions(package: str) -> set[str]:
    """The distributions that have files in an importable package; plugins of Twisted have some in "twisted"."""
    return {normalized(each) for each in installed().get(package, [package])}


def test_each_imported_package_is_declared() -> None:
    assert packages() >= {"twisted", "OpenSSL", "jinja2"}
    assert {package for package in packages() if not distributions(package) & (DECLARED | EXTRAS)} == set()


@pytest.mark.parametrize("requirement", sorted(DECLARED | EXTRAS))
def test_a_declared_package_is_imported(requirement: str) -> None:
    assert any(requirement in distributions(package) for package in packages())


@pytest.mark.parametrize("package", USED_IF_INSTALLED)
def test_a_package_of_the_users_program_is_imported_only_where_it_is_used(package: str) -> None:
    at_once = [path.name for path, names in imports().items() if names.get(package)]
    assert at_once == (["pytest_txsmtpx.py"] if package == "pytest" else [])


def test_the_public_extras_are_few_and_all_has_each() -> None:
    extras = PROJECT["optional-dependencies"]
    assert sorted(extras) == ["all", "amqp", "argon2", "dkim", "http", "metrics", "oauth", "queue", "redis", "web"]
    assert extras["all"] == ["txsmtpx[amqp,argon2,dkim,http,metrics,oauth,queue,redis,web]"]
