"""Settings: each is declared once; signature, docstring, options and the type of the keywords agree with that."""

from __future__ import annotations

import inspect
import re

import pytest

from txsmtpx import SMTPServerFactory, SMTPService
from txsmtpx.command.groups import GROUPS, OPTIONS
from txsmtpx.command.option import Option
from txsmtpx.dialog.settings import DECLARED, Settings
from txsmtpx.queue import delivery_settings
from txsmtpx.setting import Setting, shown
from txsmtpx.wire.server_settings import BY_NAME

"""Keywords of the factory that are objects; whether they can be used is checked where they are used."""

def entries(thing: type) -> dict[str, str]:
    """What the docstring tells of each argument, in one line."""
    text = inspect.cleandoc(thing.__doc__ or "").partition("Args:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^    (\w+): (.*(?:\n     .*)*)", text, re.MULTILINE)
    return {name: " ".join(entry.split()) for name, entry in found}


@pytest.mark.parametrize("setting", DECLARED, ids=lambda setting: setting.name)
def test_settings_have_the_declared_default(setting: Setting[object]):
    assert Settings.__dataclass_fields__[setting.name].default is setting.default


@pytest.mark.parametrize("thing", [SMTPServerFactory, SMTPService, Settings])
def test_the_docstring_has_the_declared_words(thing: type):
    told = entries(thing)
    assert set(told) == set(inspect.signature(thing).parameters)
    for name in set(told) & set(BY_NAME) - ({"trusted_networks"} if thing is Settings else set()):
        meaning, default = BY_NAME[name].documentation.split("  ")
        assert told[name].startswith(meaning)
        assert default in told[name]


WITHOUT_OPTION = {
    "max_auth_failures", "auth_failure_delay", "max_line_length", "outcome_policy", "delivery_timed_out",
    "deliver_by_minimum", "priority_profile", "max_hold", "now",
}  # fmt: skip
"""Settings for programs only."""


def test_each_setting_has_an_option():
    settings = {each.setting.name for each in OPTIONS.values() if each.setting is not None}
    assert set(BY_NAME) - settings == WITHOUT_OPTION
    of_queue = {each.name for each in delivery_settings.SETTINGS}
    assert settings - set(BY_NAME) - of_queue == {"relay_connections", "workers"}  # of the command only


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


# The kinds

def test_a_long_value_is_cut_off():
    assert shown("x" * 1000) == f"'{'x' * 99}..."
    assert shown("x" * 98) == f"'{'x' * 98}'"


def test_the_kinds_are_abstract():
    with pytest.raises(NotImplementedError):
        Setting("name", 1, "", "").check(1)
    with pytest.raises(NotImplementedError):
        Setting("name", 1, "", "").wrong_type(1)
