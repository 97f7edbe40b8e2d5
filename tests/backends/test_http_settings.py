"""The settings of the backend http are its arguments, with the same defaults."""

from __future__ import annotations

import inspect

from txsmtpx.backends.http import HTTPBackend
from txsmtpx.backends.http_settings import SETTINGS
from txsmtpx.backends.plugins import settings_of


def test_each_setting_is_an_argument():
    arguments = inspect.signature(HTTPBackend).parameters
    assert {each.name: each.default for each in SETTINGS} == {
        name: each.default
        for name, each in arguments.items()
        if name not in ("url", "secret", "token", "endpoint", "reactor")
    }
    for setting in SETTINGS:
        setting.check(setting.default)
        assert f"\n        {setting.name}: " in (HTTPBackend.__doc__ or "")


def test_the_plugin_has_them():
    assert settings_of("http:http://h/") == SETTINGS
