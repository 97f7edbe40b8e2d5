"""The options of limits and time-outs."""

from __future__ import annotations

import pytest

from tests.command.parsing import complaints, factory, parsed
from txsmtpx.command.groups.resource_limits import LIMITS, TIMEOUTS
from txsmtpx.tap import SMTPXService, makeService
from txsmtpx.wire.server_settings import BY_NAME


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


@pytest.mark.parametrize("group", [LIMITS, TIMEOUTS], ids=lambda group: group.title)
def test_each_option_is_one_of_a_setting_with_its_default(group):
    for option in group.options:
        assert option.setting is BY_NAME[option.name.replace("-", "_")]
        assert option.default == option.setting.default


@pytest.mark.parametrize(("options", "line"), [
    (["--max-recipients", "-1"], "--max-recipients must be an integer of 0 or more"),
    (["--read-timeout", "soon"], "--read-timeout must be a number of seconds"),
    (["--delivery-timeout", "0"], "--delivery-timeout must be a number of seconds"),
    (["--shutdown-timeout", "inf"], "--shutdown-timeout must be a number of seconds"),
])  # fmt: skip
def test_what_is_wrong_is_told_with_its_option(options, line):
    (told,) = complaints(*options)
    assert told.startswith(line)
    assert options[1] in told


def test_each_listener_has_a_time_of_its_own_to_stop(tmp_path):
    file = tmp_path / "smtpx.toml"
    file.write_text("[listener.a]\nport = [2525]\nshutdown-timeout = 5\n[listener.b]\nport = [2526]\n")
    assert [each.shutdown_timeout for each in parsed("--config", str(file)).process.listeners] == [5, 30]
