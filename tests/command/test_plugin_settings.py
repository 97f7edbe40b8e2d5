"""The settings of a plugin: each kind, as a text and in a table, and what is wrong with others."""

from __future__ import annotations

import pytest

from txsmtpx.command.chosen import Chosen
from txsmtpx.command.given import GivenTable
from txsmtpx.command.option import OptionError
from txsmtpx.command.plugin_settings import described_settings, parsed_settings, print_table
from txsmtpx.setting_kinds import Choice, Flag, Number, Seconds, Several, Text

SETTINGS = (
    Flag("is_on", True, "", "Be on."),
    Number("max_octets", 1024, "", "Take N octets.", "octets"),
    Seconds("timeout", 30, "", "Wait this long."),
    Choice("format", "raw", "", "Write so.", ("raw", "json")),
    Several("names", (), "", "Know these."),
    Text("secret_file", "", "", "Read this."),
)


def parsed(**given):
    return parsed_settings(Chosen("backend", "x", given), "the backend x", SETTINGS)


def in_table(**given):
    table = GivenTable({"use": "x", **given}, "f:1: backend", {each: f"f:2: {each}" for each in given})
    return parsed_settings(Chosen.from_table("backend", table), "the backend x", SETTINGS)


@pytest.mark.parametrize(
    ("name", "text", "value", "result"),
    [
        ("is-on", "false", False, False),
        ("max-octets", "1M", 1048576, 1048576),
        ("timeout", "1.5", 1.5, 1.5),
        ("timeout", "2m", "2m", 120),
        ("format", "json", "json", "json"),
        ("names", "a,b", ["a", "b"], ("a", "b")),
        ("secret-file", "/etc/x", "/etc/x", "/etc/x"),
    ],
)
def test_a_value(name, text, value, result):
    expected = {name.replace("-", "_"): result}
    assert parsed(**{name: text}) == in_table(**{name: value}) == expected


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("is-on", "yes", "x is-on=yes: is-on must be true or false, not 'yes'"),
        ("format", "xml", "x format=xml: format must be raw or json, not 'xml'"),
        ("timeout", "-1", "x timeout=-1: timeout must be a number of seconds, 0 or more"),
        ("formt", "raw", "x formt=raw: formt is not a setting of the backend x; did you mean format?"),
        ("is_on", "true", "x is_on=true: is_on is not a setting of the backend x; did you mean is-on?"),
        ("zzz", "1", "x zzz=1: zzz is not a setting of the backend x; its settings are is-on, max-octets, timeout"),
    ],
)
def test_what_cannot_be_used(name, text, error):
    with pytest.raises(OptionError) as raised:
        parsed(**{name: text})
    assert raised.value.line("--backend").startswith(f"--backend {error}")


def test_a_wrong_type_in_a_table():
    with pytest.raises(OptionError) as raised:
        in_table(timeout=True)
    line = "f:2: timeout must be a number, a fraction or a string, not true or false"
    assert raised.value.line(raised.value.place) == line


def test_a_backend_without_settings():
    with pytest.raises(OptionError) as raised:
        parsed_settings(Chosen("backend", "log", {"a": "1"}), "the backend log", ())
    assert raised.value.line("--backend") == "--backend log a=1: a is not a setting of the backend log; it has none"


def test_the_list(capsys):
    rows = described_settings(SETTINGS)
    assert rows[0] == ("is-on=true|false", "Be on. [default: true]")
    assert rows[4] == ("names=TEXT,TEXT...", "Know these.")
    print_table("Settings:", rows)
    assert capsys.readouterr().out.startswith("Settings:\n  is-on=true|false    Be on. [default: true]\n")
