"""Sizes and times as operators write them."""

from __future__ import annotations

import pytest

from txsmtpx.command.groups import OPTIONS
from txsmtpx.command.kind import SIZE, TIME
from txsmtpx.command.quantity import shown_size, shown_time, size, time
from txsmtpx.command.usage import Options

K, M, G = 1024, 1024**2, 1024**3


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("0", 0), ("007", 7), ("1000000", 1000000),
        ("512k", 512 * K), ("512K", 512 * K), ("512kB", 512 * K), ("512KiB", 512 * K), ("1kb", K),
        ("10M", 10 * M), ("10m", 10 * M), ("10MB", 10 * M), ("10MiB", 10 * M), ("10mib", 10 * M),
        ("2G", 2 * G), ("2GB", 2 * G), ("2gib", 2 * G), ("0M", 0),
    ],
)  # fmt: skip
def test_a_size(text, octets):
    assert size(text) == octets


@pytest.mark.parametrize(
    "text",
    ["", "M", "10X", "-1", "-5M", "+5", "1.5M", "10 M", "10MM", "10Mi", "10B", "10iB", "nan", "inf", "1e6", "1_000",
     "0x10", " 5", "5 ", "5\n", "9" * 31, "\N{ARABIC-INDIC DIGIT ONE}", "5\N{KELVIN SIGN}", "10T"],
)  # fmt: skip
def test_no_size(text):
    with pytest.raises(ValueError, match="must be a number of octets, such as 10M, 512k or 1000000, not ") as raised:
        size(text)
    assert str(raised.value).endswith(repr(text))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0), ("30", 30), ("1.5", 1.5), (".5", 0.5), ("5.", 5), ("1e3", 1000), ("1e-07", 1e-07),
        ("250ms", 0.25), ("30s", 30), ("1.5s", 1.5),
        ("5m", 300), ("2h", 7200), ("1d", 86400), ("0.5h", 1800), ("0d", 0),
        ("36500d", 36500 * 86400),
    ],
)  # fmt: skip
def test_a_time(text, seconds):
    assert time(text) == seconds


FAULT = r"must be a number of seconds, such as 30s, 5m or 1\.5 \(up to 36500d\), not "


@pytest.mark.parametrize(
    "text",
    ["", "s", "10X", "-1", "-5s", "-0", "+5", "nan", "NaN", "inf", "infinity", "1e400", "1e300", "36501d",
     "9" * 400 + "d",
     "1_0", "5 m", " 5", "5\n", "5M", "5min", "1h30m", "1e3s", "1.2.3", ".", "e3", "\N{ARABIC-INDIC DIGIT ONE}", "0x1"],
)  # fmt: skip
def test_no_time(text):
    with pytest.raises(ValueError, match=FAULT):
        time(text)


@pytest.mark.parametrize("value", [0, 1, 1023, 1024, 1025, 10 * M, 10 * M + 1, 32 * M, G, 3 * G, 1536 * M])
def test_a_size_that_is_shown_can_be_read(value):
    assert size(shown_size(value)) == value


@pytest.mark.parametrize("value", [0, 0.3, 1, 1.5, 30, 59, 60, 90, 300, 3600, 5400, 86400, 7 * 86400])
def test_a_time_that_is_shown_can_be_read(value):
    assert time(shown_time(value)) == value


@pytest.mark.parametrize(
    ("option", "shown"),
    [("max-message-bytes", "32M"), ("read-timeout", "5m"), ("message-timeout", "1h"), ("shutdown-timeout", "30s"),
     ("greeting-delay", "0"), ("relay-wait", "5s"), ("relay-hold", "1m")],
)  # fmt: skip
def test_the_help_shows_the_default_in_that_manner(option, shown):
    assert OPTIONS[option].description.endswith(f"[default: {shown}]")


def test_each_option_of_octets_and_of_seconds():
    assert {each.name for each in OPTIONS.values() if each.kind is SIZE} == {"max-message-bytes"}
    times = {each.name for each in OPTIONS.values() if each.kind is TIME}
    assert times == {
        "read-timeout", "write-timeout", "message-timeout", "delivery-timeout", "greeting-delay", "shutdown-timeout",
        "relay-wait", "relay-hold", "queue-retry", "queue-retry-most", "queue-expire", "queue-delay-report",
        "queue-lease",
    }  # fmt: skip


@pytest.mark.parametrize("where", ["command line", "file"])
def test_in_both_places(tmp_path, where):
    given = {"max-message-bytes": "10M", "read-timeout": "5m", "write-timeout": "1.5", "shutdown-timeout": "250ms"}
    options = Options()
    if where == "file":
        (tmp_path / "mail.toml").write_text("".join(f'{name} = "{value}"\n' for name, value in given.items()))
        options.parseOptions(["--config", str(tmp_path / "mail.toml")])
    else:
        options.parseOptions([word for name, value in given.items() for word in (f"--{name}", value)])
    (listener,) = options.process.listeners
    assert listener.factory.settings.max_message_bytes == 10 * M
    assert (listener.factory.read_timeout, listener.factory.write_timeout) == (300, 1.5)
    assert listener.shutdown_timeout == 0.25


def test_plain_numbers_of_a_file(tmp_path):
    text = "max-message-bytes = 52_428_800\nread-timeout = 1e3\nwrite-timeout = 0.0000001\n"
    (tmp_path / "mail.toml").write_text(text)
    options = Options()
    options.parseOptions(["--config", str(tmp_path / "mail.toml")])
    (listener,) = options.process.listeners
    assert listener.factory.settings.max_message_bytes == 52428800
    assert (listener.factory.read_timeout, listener.factory.write_timeout) == (1000, 1e-07)
