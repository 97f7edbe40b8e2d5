"""Options: what each kind takes, what an error says, and which values count."""

from __future__ import annotations

import pytest

from txsmtpx.command.given import Given
from txsmtpx.command.groups import OPTIONS
from txsmtpx.command.kind import (
    FLAG,
    NUMBER,
    TEXT,
)
from txsmtpx.command.option import OptionError, Values, option, option_of, repeated
from txsmtpx.command.quantity import TIMES
from txsmtpx.setting_kinds import Choice, Flag, Number, Seconds, Text


@pytest.mark.parametrize(
    ("setting", "text", "value", "wrong", "error"),
    [
        (Flag("lit", False, "", ""), True, True, None, None),
        (Number("most_errors", 1, "", "", "errors", 1), "2", 2, "0", "an integer of 1 or more (errors)"),
        (Number("most_errors", 1, "", "", "errors", 1), "2", 2, "x", "an integer of 1 or more (errors)"),
        (Seconds("wait", 1, "", "", zero=False), "0.5", 0.5, "0", f"a number of seconds greater than 0, {TIMES}"),
        (Choice("way", "a", "", "", ("a", "b")), "b", "b", "c", "a or b"),
        (Text("name", "", "", "", "a digit", "[0-9]"), "1", "1", "x", "a digit"),
    ],
)
def test_the_option_of_a_setting(setting, text, value, wrong, error):
    made = option_of(setting)
    assert made.name == setting.name.replace("_", "-")
    assert made.default == setting.default
    assert made.read(text) == value
    if wrong is not None:
        with pytest.raises(OptionError) as raised:
            made.read(wrong)
        assert (raised.value.option, raised.value.text) == (made.name, f"must be {error}, not {wrong!r}")


def test_a_description_has_the_default():
    assert option("port", TEXT, "Listen.", "25").description == "Listen. [default: 25]"
    assert option("port", TEXT, "Listen.", None).description == "Listen."
    assert option("lmtp", FLAG, "Serve LMTP.", False).description == "Serve LMTP."
    assert repeated("port", TEXT, "Listen.", ("a", "b")).description == "Listen. May be repeated. [default: a, b]"
    assert repeated("port", TEXT, "Listen.").description == "Listen. May be repeated."


def test_the_line_of_an_error():
    error = OptionError("require-tls", "needs", "tls-certificate", "tls-directory")
    assert error.line("--require-tls") == "--require-tls needs --tls-certificate or --tls-directory"
    assert error.line("a.toml:3: require-tls") == "a.toml:3: require-tls needs tls-certificate or tls-directory"
    assert OptionError("port", "in\ntwo lines").line("--port") == "--port in two lines"


def test_values():
    ports, count = repeated("port", TEXT, "", ("25",)), option("count", NUMBER, "", 3)
    options = {"port": ports, "count": count}
    values = Values(options, {"port": Given(["26", "27"], "--port")}, "a.toml:1: ")
    assert values[ports] == ("26", "27")
    assert values[count] == 3
    assert (values.place("port"), values.place("count")) == ("--port", None)
    assert values.complaint(OptionError("port", "is wrong")) == "--port is wrong"
    assert values.complaint(OptionError("count", "is wrong")) == "a.toml:1: count is wrong"
    wrong = Values(options, {"count": Given("x", "a.toml:2: count")})
    assert wrong.errors == ["a.toml:2: count must be a number, not 'x'"]
    assert wrong[count] == 3


def test_settings_that_were_given():
    values = Values(OPTIONS, {"max-recipients": Given("7", "--max-recipients"), "backend": Given("log", "--backend")})
    assert values.settings(OPTIONS.values()) == {"max_recipients": 7}
