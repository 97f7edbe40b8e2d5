"""The settings of AMQP: each is an argument of the backend, and those of the consumer of its source."""

from __future__ import annotations

import inspect

import pytest

from txsmtpx.backends import amqp_settings
from txsmtpx.backends.amqp import AMQPBackend
from txsmtpx.consume.amqp_source import AMQPSource


@pytest.mark.parametrize(
    ("of", "settings"), [(AMQPBackend, amqp_settings.SETTINGS), (AMQPSource, amqp_settings.COMMON)]
)
def test_settings_are_arguments(of, settings) -> None:
    parameters = inspect.signature(of).parameters
    defaults = {each.name: each.default for each in settings}
    assert {name: parameters[name].default or "" for name in defaults} == defaults
    for each in settings:
        each.check(each.default)
