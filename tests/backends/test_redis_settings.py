"""The settings of a stream of Redis: values that can be used, and errors that name them."""

from __future__ import annotations

import inspect

import pytest

from txsmtpx.backends.redis import RedisBackend
from txsmtpx.backends.redis_settings import COMMON, OF_BACKEND
from txsmtpx.consume.redis_source import SETTINGS, RedisSource

BY_NAME = {each.name: each for each in OF_BACKEND}


@pytest.mark.parametrize("settings", [OF_BACKEND, SETTINGS], ids=["backend", "source"])
def test_a_default_can_be_used(settings):
    for each in settings:
        each.check(each.default)


@pytest.mark.parametrize(("of", "settings"), [(RedisBackend, OF_BACKEND), (RedisSource, SETTINGS)])
def test_the_arguments_have_the_same_defaults(of, settings):
    parameters = inspect.signature(of).parameters
    assert {each.name: each.default for each in settings}.items() <= {
        name: parameter.default for name, parameter in parameters.items()
    }.items()


def test_what_both_have():
    assert {each.name for each in COMMON} == {each.name for each in OF_BACKEND} & {each.name for each in SETTINGS}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stream", ""), ("stream", "x" * 201), ("fsync", "always"), ("replicas", -1), ("replicas", 1001),
        ("inline", 0), ("inline", 2**30), ("timeout", 0), ("timeout", -1),
    ],
)  # fmt: skip
def test_what_cannot_be_used(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be "):
        BY_NAME[name].check(value)
