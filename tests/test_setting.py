"""Settings: each is declared once; signature, docstring, options and the type of the keywords agree with that."""

from __future__ import annotations

import inspect
import math
import re
from typing import get_type_hints

import pytest

from txsmtpx import SMTPServerFactory, SMTPService
from txsmtpx.command.groups import GROUPS, OPTIONS
from txsmtpx.command.option import Option
from txsmtpx.dialog.settings import DECLARED, Settings
from txsmtpx.setting import Setting, SettingError, shown
from txsmtpx.setting_kinds import Choice, Flag, Function, Number, Seconds, Several, Text, takes
from txsmtpx.wire import server_settings
from txsmtpx.wire.server_settings import BY_NAME, ServerKeywords

UNDECLARED = {"backend", "tls", "observers", "reactor"}
"""Keywords of the factory that are objects; whether they can be used is checked where they are used."""

KEYWORDS = inspect.signature(SMTPServerFactory).parameters


def entries(thing: type) -> dict[str, str]:
    """What the docstring tells of each argument, in one line."""
    text = inspect.cleandoc(thing.__doc__ or "").partition("Args:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^    (\w+): (.*(?:\n     .*)*)", text, re.MULTILINE)
    return {name: " ".join(entry.split()) for name, entry in found}


def test_each_keyword_is_declared():
    declared = {each.name for each in (*DECLARED, *server_settings.DECLARED)}
    assert set(KEYWORDS) - UNDECLARED == declared


@pytest.mark.parametrize("name", sorted(set(KEYWORDS) - UNDECLARED))
def test_the_default_is_the_declared_one(name: str):
    assert KEYWORDS[name].default is BY_NAME[name].default


@pytest.mark.parametrize("setting", DECLARED, ids=lambda setting: setting.name)
def test_settings_have_the_declared_default(setting: Setting[object]):
    assert Settings.__dataclass_fields__[setting.name].default is setting.default


def test_the_service_has_the_declared_default():
    assert inspect.signature(SMTPService).parameters["shutdown_timeout"].default == BY_NAME["shutdown_timeout"].default


@pytest.mark.parametrize("thing", [SMTPServerFactory, SMTPService, Settings])
def test_the_docstring_has_the_declared_words(thing: type):
    told = entries(thing)
    assert set(told) == set(inspect.signature(thing).parameters)
    for name in set(told) & set(BY_NAME) - ({"trusted_networks"} if thing is Settings else set()):
        meaning, default = BY_NAME[name].documentation.split("  ")
        assert told[name].startswith(meaning)
        assert default in told[name]


def test_the_type_of_the_keywords_is_that_of_the_signature():
    hints = get_type_hints(SMTPServerFactory.__init__)
    keywords = get_type_hints(ServerKeywords)
    assert keywords == {name: hints[name] for name in KEYWORDS if name != "backend"}


WITHOUT_OPTION = {
    "max_auth_failures", "auth_failure_delay", "max_line_length", "outcome_policy", "delivery_timed_out",
    "deliver_by_minimum", "priority_profile", "max_hold", "now",
}  # fmt: skip
"""Settings for programs only."""


def test_each_setting_has_an_option():
    settings = {each.setting.name for each in OPTIONS.values() if each.setting is not None}
    assert set(BY_NAME) - settings == WITHOUT_OPTION
    assert settings - set(BY_NAME) == {"workers"}


@pytest.mark.parametrize("option", [each for each in OPTIONS.values() if each.setting], ids=lambda each: each.name)
def test_an_option_has_the_words_of_its_setting(option: Option[object]):
    setting = option.setting
    assert setting is not None
    if option.repeated:  # each use is one item, which the help names in the singular
        assert option.name == setting.name.replace("_", "-").removesuffix("s")
        assert option.default == (setting.default or ())
    else:
        assert option.name == setting.name.replace("_", "-")
        assert option.help.startswith(setting.help)
        assert option.default is (None if option.name == "domain" else setting.default)
    group = next(each for each in GROUPS if option in each.options)
    assert group.title == setting.section


def test_each_declaration_accepts_its_default():
    for name, setting in BY_NAME.items():
        if setting.default is not None:
            setting.check(setting.default)
        else:
            assert name == "extensions"


@pytest.mark.parametrize("setting", BY_NAME.values(), ids=lambda setting: setting.name)
def test_help_is_a_sentence(setting: Setting[object]):
    assert re.fullmatch(r"[A-Z].*\.", setting.help)
    assert not re.search(r"\b(who|whom|he|nobody|somebody|those)\b", setting.help)
    assert max(len(part.split()) for part in re.split(r"[:;(]", setting.help)) <= 20


# The kinds

WRONG = [
    (Flag("lit", False, "", ""), [None, 0, 1, "yes", []], [], "True or False"),
    (Number("count", 1, "", ""), [None, True, "10", 1.0, [1], b"1"], [-1], "an integer of 0 or more"),
    (Number("count", 1, "", "", "octets", 2, 4), [None, True], [1, 5], "an integer from 2 to 4 (octets)"),
    (Seconds("wait", 1, "", ""), [None, False, "10", [1]], [-1, math.nan, math.inf, -0.1, -math.inf],
     "a number of seconds, 0 or more"),
    (Seconds("wait", 1, "", "", zero=False), ["1"], [0, 0.0, -1], "a number of seconds greater than 0"),
    (Choice("way", "a", "", "", ("a", "b", "c")), [None, 1, b"a", ["a"]], ["", "A", "d"], "a, b or c"),
    (Text("name", "", "", "", "a digit", "[0-9]"), [None, 1, b"1"], ["", "a", "1\n", "12"], "a digit"),
    (Several("names", (), "", "", "a set"), [None, 1, "a", b"a", [1], {"a", None}, iter("a")], [], "a set"),
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
    Function("call", len, "", "", arguments=2).check(max)  # whose signature Python does not know
    Function("call", len, "", "", arguments=2).check(lambda *args: None)


def test_a_long_value_is_cut_off():
    assert shown("x" * 1000) == f"'{'x' * 99}..."
    assert shown("x" * 98) == f"'{'x' * 98}'"


def test_the_kinds_are_abstract():
    with pytest.raises(NotImplementedError):
        Setting("name", 1, "", "").check(1)
    with pytest.raises(NotImplementedError):
        Setting("name", 1, "", "").wrong_type(1)


def test_takes():
    assert takes(int, 1)
    assert not takes(lambda a, b: None, 1)
    assert not takes("text", 0)
