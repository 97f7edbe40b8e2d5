"""The options of limits and time-outs."""

from __future__ import annotations

import pytest

from tests.command.parsing import factory, parsed
from txsmtpx.tap import SMTPXService, makeService


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        (["--read-timeout", "10"], "read_timeout", 10),
        (["--write-timeout", "0.5"], "write_timeout", 0.5),
        (["--greeting-delay", "5"], "greeting_delay", 5),
        (["--message-timeout", "0"], "message_timeout", 0),
    ],
)
def test_settings_of_the_factory(options, name, value):
    assert getattr(factory(*options), name) == value


def test_limits_on_connections():
    admission = factory("--max-connections", "3", "--max-connections-per-host", "2").admission
    assert (admission.max_connections, admission.max_connections_per_host) == (3, 2)


def test_shutdown_timeout():
    service = makeService(parsed("--shutdown-timeout", "2.5"))
    assert isinstance(service, SMTPXService)
    assert [each._shutdown_timeout for each in service] == [2.5]
