"""The types of the fixtures are where a type checker finds them: in the package, which has ``py.typed``."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest_txsmtpx
from txsmtpx import testing
from txsmtpx.testing import MailServer
from txsmtpx.testing.fixture_types import MailServerOptions, MarkedOptions

PLUGIN = ast.parse(Path(pytest_txsmtpx.__file__).read_text())


def results() -> dict[str, str]:
    """The type of each public fixture."""
    found = {}
    for node in PLUGIN.body:
        if isinstance(node, ast.FunctionDef) and any("fixture" in ast.unparse(each) for each in node.decorator_list):
            assert node.returns is not None
            found[node.name] = re.sub(r"Iterator\[(.*)\]", r"\1", ast.unparse(node.returns))
    return {name: result for name, result in found.items() if not name.startswith("_")}


def test_the_type_of_each_fixture_is_exported() -> None:
    assert results()["make_smtp_server"] == "MakeServer"
    assert {name: result for name, result in results().items() if result not in testing.__all__} == {}


def test_the_options_are_those_of_the_server() -> None:
    parameters = inspect.signature(MailServer.__init__).parameters
    named = {name for name in parameters if name not in ("self", "settings", "backend")}
    assert named <= MailServerOptions.__optional_keys__
    assert MarkedOptions.__optional_keys__ - MailServerOptions.__optional_keys__ == {"backend"}


def test_the_plugin_defines_no_class() -> None:
    assert [node.name for node in PLUGIN.body if isinstance(node, ast.ClassDef)] == []
