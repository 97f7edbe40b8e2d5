"""What is compiled, by hatch_build.py, is what is said to be; and nothing is where nobody has asked for it."""

from __future__ import annotations

import ast
import os
import tomllib
from importlib.machinery import ExtensionFileLoader
from importlib.util import find_spec
from pathlib import Path

import pytest

import txsmtpx
from hatch_build import chosen

ROOT = Path(__file__).parents[1]
WHEEL = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
HOOK = WHEEL["hooks"]["custom"]


def _name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


CHOSEN = {_name(path) for path in chosen(ROOT, HOOK)}
MODULES = {_name(path.relative_to(ROOT).as_posix()) for path in ROOT.glob("txsmtpx/**/*.py")}


def test_the_choice_is_of_what_there_is():
    assert CHOSEN
    assert CHOSEN < MODULES
    assert all((ROOT / path).exists() for path in HOOK["exclude"])


@pytest.mark.parametrize("path", chosen(ROOT, HOOK))
def test_nothing_asynchronous_is_chosen(path):
    found = [node for node in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(node, ast.AsyncFunctionDef)]
    assert found == []


@pytest.mark.parametrize("path", chosen(ROOT, HOOK))
def test_each_logger_is_told_its_name(path):
    calls = [node for node in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(node, ast.Call)]
    loggers = [ast.unparse(call) for call in calls if ast.unparse(call.func) == "Logger"]
    assert loggers in ([], ["Logger(__name__)"])


def test_what_others_get_into_their_hands_is_not_chosen():
    public = [getattr(txsmtpx, name) for name in txsmtpx.__all__]
    assert [each for each in public if isinstance(each, type) and each.__module__ in CHOSEN] == [txsmtpx.Reply]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_compiled_or_not(module):
    spec = find_spec(module)
    assert spec is not None
    compiled = module in CHOSEN and "TXSMTPX_COMPILED" in os.environ
    assert isinstance(spec.loader, ExtensionFileLoader) is compiled
