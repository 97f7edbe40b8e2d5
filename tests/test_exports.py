"""The public face: what txsmtpx exports is sorted, documented and complete."""

from __future__ import annotations

import inspect

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


def test_nothing_that_stands_there_is_missing():
    public = {name: value for name, value in vars(txsmtpx).items() if not name.startswith("_")}
    standing = {name for name, value in public.items() if not inspect.ismodule(value)}
    assert standing == set(txsmtpx.__all__)


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
