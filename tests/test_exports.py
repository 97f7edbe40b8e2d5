"""The public face: what txsmtpx exports is sorted, documented and complete."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from zope.interface.interface import InterfaceClass

import txsmtpx
from txsmtpx import errors, interfaces
from txsmtpx.grammar import option_value


def order(name: str) -> tuple[int, str]:
    """Constants, classes, functions, as ruff sorts them."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def test_sorted_and_without_doubles():
    assert txsmtpx.__all__ == sorted(set(txsmtpx.__all__), key=order)


@pytest.mark.parametrize("name", txsmtpx.__all__)
def test_importable_and_documented(name):
    documentation = inspect.getdoc(getattr(txsmtpx, name))
    assert documentation
    assert documentation.strip()


def test_a_type_checker_finds_each_name_where_it_is_found_at_run_time():
    tree = ast.parse(Path(txsmtpx.__file__).read_text())
    (imports,) = [each.body for each in tree.body if isinstance(each, ast.If) and isinstance(each.test, ast.Name)]
    modules = {alias.name: each.module for each in imports for alias in each.names}
    assert modules == txsmtpx._MODULES
    assert set(modules) == set(txsmtpx.__all__)


def test_a_name_is_imported_when_it_is_used():
    program = """
import sys, txsmtpx
assert [name for name in sys.modules if name.startswith("txsmtpx")] == ["txsmtpx"]
txsmtpx.Reply
assert "txsmtpx.grammar.reply" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_another_name_is_none():
    with pytest.raises(AttributeError, match="module 'txsmtpx' has no attribute 'Repply'"):
        txsmtpx.Repply  # noqa: B018
    assert {"Reply", "connect", "__version__"} <= set(dir(txsmtpx))


def test_each_name_can_be_the_first_that_is_imported():
    """No order of imports is needed."""
    program = """
import importlib, os, sys, txsmtpx
from twisted.internet import endpoints, ssl  # once for all
from twisted.cred import checkers, portal
from twisted.names import client
for name in sorted(set(txsmtpx._MODULES.values())):
    child = os.fork()
    if not child:
        importlib.import_module(name)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, name
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_interface_and_every_error_is_there():
    public = {name for name, value in vars(interfaces).items()
              if isinstance(value, InterfaceClass) and value.__module__ == interfaces.__name__}  # fmt: skip
    public |= {name for name, value in vars(errors).items()
               if inspect.isclass(value) and issubclass(value, Exception)}  # fmt: skip
    assert public
    assert public - set(txsmtpx.__all__) == set()


def test_every_value_that_options_need_is_there():
    classes = [value for value in vars(option_value).values() if inspect.isclass(value)]
    needed = {each.__name__ for each in classes if issubclass(each, tuple) and each.__module__ == option_value.__name__}
    assert needed == {"DeliverBy", "OriginalRecipient", "ValidSince"}
    assert needed - set(txsmtpx.__all__) == set()


def test_version():
    from importlib.metadata import version

    assert txsmtpx.__version__ == version("txsmtpx")
