"""The settings of a queue: their defaults and their limits."""

from dataclasses import fields

import pytest

from txsmtpx.queue.delivery_settings import SETTINGS, QueueSettings
from txsmtpx.setting import SettingError


def test_each_field_has_its_setting_in_order():
    assert [f"queue_{each.name}" for each in fields(QueueSettings)] == [each.name for each in SETTINGS]
    assert [each.default for each in fields(QueueSettings)] == [each.default for each in SETTINGS]


def test_the_defaults():
    settings = QueueSettings()
    assert (settings.retry, settings.expire, settings.unsure) == (300, 5 * 86_400, "retry")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"retry": 0}, "queue_retry must be a number of seconds greater than 0, not 0"),
        ({"retry": 7200.0}, r"queue_retry_most must be at least queue_retry \(7200\), not 3600"),
        ({"deliveries": 0}, "queue_deliveries must be an integer from 1 to 20000"),
        ({"unsure": "drop"}, "queue_unsure must be retry or return, not 'drop'"),
    ],
)
def test_a_value_that_cannot_be_used(given, error):
    with pytest.raises(SettingError, match=error):
        QueueSettings(**given)


def test_a_wrong_type():
    with pytest.raises(TypeError, match="queue_retry must be a number of seconds"):
        QueueSettings(retry="5m")
