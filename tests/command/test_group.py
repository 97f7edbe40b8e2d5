"""Groups of options: each option is in one of them, and each group has a title and a purpose."""

from __future__ import annotations

import pytest

from txsmtpx.command.group import Group
from txsmtpx.command.groups import GROUPS, OPTIONS
from txsmtpx.command.kind import TEXT
from txsmtpx.command.option import option

EACH = pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.title)


def test_a_group_knows_the_names_of_its_options():
    group = Group("X", "About x.", (option("one", TEXT, "One.", None), option("two", TEXT, "Two.", None)))
    assert group.names == {"one", "two"}
    with pytest.raises(AttributeError):
        group.title = "Y"


def test_each_option_is_in_one_group():
    names = [option.name for group in GROUPS for option in group.options]
    assert sorted(names) == sorted(OPTIONS)
    assert len(set(names)) == len(names)


def test_no_action_has_the_name_of_an_option():
    actions = [action.name for group in GROUPS for action in group.actions]
    assert set(actions).isdisjoint(OPTIONS)
    assert len(set(actions)) == len(actions)


@EACH
def test_a_group_has_a_title_and_a_purpose(group):
    assert group.title[0].isupper()
    assert group.purpose.endswith(".")
    assert group.options or group.actions


@EACH
def test_what_is_always_done_needs_no_option(group):
    """A group without a function has nothing that could always be done."""
    assert not group.always or group.for_listener or group.for_process
