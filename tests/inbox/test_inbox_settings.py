"""The settings of the backend are its arguments."""

from __future__ import annotations

import inspect

from txsmtpx.inbox.inbox_backend import InboxBackend
from txsmtpx.inbox.inbox_settings import SETTINGS


def test_they_have_the_defaults_of_the_backend():
    arguments = inspect.signature(InboxBackend).parameters
    assert [(each.name, arguments[each.name].default) for each in SETTINGS] == [
        (each.name, each.default) for each in SETTINGS
    ]
