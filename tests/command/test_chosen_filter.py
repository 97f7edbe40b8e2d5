"""A filter as the operator chose it: words, quotation marks, and the place of an error."""

from __future__ import annotations

import pytest

from txsmtpx.command.chosen import Chosen
from txsmtpx.command.chosen_filter import FILTER
from txsmtpx.command.given import GivenTable
from txsmtpx.command.option import OptionError


def chosen(text: str) -> Chosen:
    (found,) = FILTER.read([text])
    return found


@pytest.mark.parametrize(
    ("text", "use", "settings"),
    [
        ("a", "a", {}),
        ("a:b:c", "a:b:c", {}),
        ("  a:b  x=1  y=2 ", "a:b", {"x": "1", "y": "2"}),
        (r"a:tcp:\:\:1:25", r"a:tcp:\:\:1:25", {}),
        ('"a:/with a space" x="1 2" y=\'"\'', "a:/with a space", {"x": "1 2", "y": '"'}),
        ("a x=1=2 y=", "a", {"x": "1=2", "y": ""}),
        ("a x=#1", "a", {"x": "#1"}),
        ("", "", {}),
    ],
)
def test_a_text(text, use, settings):
    found = chosen(text)
    assert (found.use, found.settings) == (use, settings)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a b", "a b: 'b' is no setting; write NAME:ARGUMENT SETTING=VALUE"),
        ('a x="1', 'a x="1: a quotation mark is missing'),
        ("a x=1 x=2", "a x=1 x=2: x is given twice; leave one out"),
    ],
)
def test_what_is_no_filter(text, why):
    with pytest.raises(OptionError) as raised:
        chosen(text)
    assert raised.value.line("--filter") == f"--filter {why}"


@pytest.mark.parametrize("text", ["a:b x=1", 'a x="1 2"', "a", '"a:/b c" x=1'])
def test_it_is_shown_as_it_is_written(text):
    assert FILTER.shown((chosen(text),)) == text


def test_a_table():
    table = GivenTable({"use": "a:b", "x": True, "y": 1.5}, "f:1: filter", {"use": "f:2: use", "x": "f:3: x"})
    (found,) = FILTER.read([table])
    assert (found.use, found.settings, found.text) == ("a:b", {"x": True, "y": 1.5}, "a:b x=true y=1.5")
    for error, line in [(found.fault("x", "is wrong"), "f:3: x is wrong"), (found.unusable("no"), "f:2: use a:b: no")]:
        assert error.line(error.place) == line


def test_a_setting_behind_the_name_in_a_table():
    table = GivenTable({"use": "greylist delay=1m"}, "f:1: filter", {"use": "f:2: use"})
    (found,) = FILTER.read([table])
    line = found.unusable("no").line("f:2: use")
    assert line == "f:2: use greylist delay=1m: no; in a table, each setting is a line of its own"
