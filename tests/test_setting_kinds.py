"""The kinds of settings: the values that each accepts, and what is said of the others."""

from __future__ import annotations

import math

import pytest

from txsmtpx.setting import SettingError, shown
from txsmtpx.setting_kinds import Choice, Flag, Function, Number, Seconds, Several, Text, takes

WRONG = [
    (Flag("lit", False, "", ""), [None, 0, 1, "yes", []], [], "True or False"),
    (Number("count", 1, "", ""), [None, True, "10", 1.0, [1], b"1"], [-1], "an integer of 0 or more"),
    (Number("count", 1, "", "", "octets", 2, 4), [None, True], [1, 5], "an integer from 2 to 4 (octets)"),
    (Seconds("wait", 1, "", ""), [None, False, "10", [1]], [-1, math.nan, math.inf, -0.1, -math.inf],
     "a number of seconds, 0 or more"),
    (Seconds("wait", 1, "", "", zero=False), ["1"], [0, 0.0, -1], "a number of seconds greater than 0"),
    (Choice("way", "a", "", "", ("a", "b", "c")), [None, 1, b"a", ["a"]], ["", "A", "d"], "a, b or c"),
    (Text("name", "", "", "", "a digit", "[0-9]"), [None, 1, b"1"], ["", "a", "1\n", "12"], "a digit"),
    (Several("names", (), "", "", "a set"), [None, 1, "a", b"a", [1], {"a", None}], [], "a set"),
    (Function("call", len, "", "", "a function", 1), [None, 1, "len", lambda: 1, lambda a, b: 1], [], "a function"),
]  # fmt: skip


@pytest.mark.parametrize(("setting", "types", "values", "accepted"), WRONG)
def test_what_is_wrong_is_named_with_its_value(setting, types, values, accepted):
    for value in types:
        with pytest.raises(TypeError) as raised:
            setting.check(value)
        assert str(raised.value) == f"{setting.name} must be {accepted}, not {shown(value)}"
    for value in values:
        with pytest.raises(SettingError) as refused:
            setting.check(value)
        assert (refused.value.name, refused.value.text) == (setting.name, f"must be {accepted}, not {shown(value)}")
        assert str(refused.value) == f"{setting.name} must be {accepted}, not {shown(value)}"


def test_what_is_right():
    Number("count", 1, "", "", most=3).check(3)
    Seconds("wait", 1, "", "").check(0)
    Seconds("wait", 1, "", "").check(1.5)
    Several("names", (), "", "").check({"a", "b"})
    Several("names", (), "", "").check(())
    assert Several("names", (), "", "").items(iter("ab")) == ("a", "b")
    Function("call", len, "", "", arguments=2).check(max)  # whose signature Python does not know
    Function("call", len, "", "", arguments=2).check(lambda *args: None)


def test_takes():
    assert takes(int, 1)
    assert not takes(lambda a, b: None, 1)
    assert not takes("text", 0)
