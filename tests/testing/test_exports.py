"""The test kit's public face: sorted, documented, and what stands there is all there is."""

from __future__ import annotations

import inspect

import pytest

from tests.test_exports import order
from txsmtpx import testing


def test_sorted_and_without_doubles():
    assert testing.__all__ == sorted(set(testing.__all__), key=order)


MADE = [name for name in testing.__all__ if inspect.isclass(getattr(testing, name)) or not name[0].isupper()]


@pytest.mark.parametrize("name", MADE)
def test_documented(name):
    documentation = inspect.getdoc(getattr(testing, name))
    assert documentation
    assert documentation.strip()


def test_nothing_is_missing():
    public = {name for name, value in vars(testing).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert public == set(testing.__all__)
