"""Filters by name: those in the box, dotted names, and those of packages that are not ours."""

from __future__ import annotations

import inspect
import re
import sys
from typing import cast

import pytest
from twisted.plugin import getPlugins
from twisted.python.reflect import namedAny
from zope.interface.verify import verifyObject

from txsmtpx import Filter
from txsmtpx.filters.filter_plugins import (
    NAME,
    ON_FAILURE,
    FilterPlugin,
    create,
    filter_plugin,
    filter_plugins,
    settings_of,
)
from txsmtpx.filters.spamd import Spamd
from txsmtpx.interfaces import IFilterPlugin
from txsmtpx.setting import SettingError
from txsmtpx.setting_kinds import Number, Seconds


def test_those_in_the_box():
    assert set(filter_plugins()) >= {"spamd", "milter", "policy", "dnsbl", "reverse-dns", "clamd", "greylist"}
    for plugin in getPlugins(IFilterPlugin):
        assert verifyObject(IFilterPlugin, plugin)
        assert plugin.description.endswith(".")


@pytest.mark.parametrize("plugin", [each for each in filter_plugins().values() if isinstance(each, FilterPlugin)],
                         ids=lambda plugin: plugin.name)  # fmt: skip
def test_each_declared_setting_is_a_keyword_argument_of_the_factory(plugin):
    """Its default is the same in both places; an empty text stands for None."""
    parameters = inspect.signature(cast(type, namedAny(plugin.factory))).parameters
    for setting in plugin.settings:
        assert parameters[setting.name].kind is inspect.Parameter.KEYWORD_ONLY, setting.name
        assert (parameters[setting.name].default or None) == (setting.default or None), setting.name
        setting.check(setting.default)


def test_settings_become_keyword_arguments():
    made = filter_plugin("spamd").create("unix:/run/spamd", {"reject_at": 7.5, "mark": False})
    assert isinstance(made, Spamd)
    assert (made.reject_at, made.holds, made.user) == (7.5, False, "")


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module ``their_filters`` of a user's."""
    (tmp_path / "their_filters.py").write_text(
        "from txsmtpx import Filter\n"
        "from txsmtpx.setting import SettingError\n"
        "class Careful(Filter):\n"
        "    pass\n"
        "def careful(argument):\n"
        "    return type('Careful', (Filter,), {'argument': argument})\n"
        "number = 7\n"
        "def useless(argument):\n"
        "    return 7\n"
        "def raises(argument, **settings):\n"
        "    raise RuntimeError('cannot')\n"
        "def lacks(argument, **settings):\n"
        "    import their_missing_package\n"
        "def refuses(argument, **settings):\n"
        "    raise SettingError('number', 'must be even, not 3')\n"
        "def fails(argument, **settings):\n"
        "    raise ValueError('no such list')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("their_filters", None)


@pytest.mark.usefixtures("module")
def test_a_dotted_name():
    careful = filter_plugin("their_filters.Careful").create(None, {})
    assert isinstance(careful, type)
    assert issubclass(careful, Filter)
    assert careful.__name__ == "Careful"
    made = filter_plugin("their_filters.careful").create("a:b", {})
    assert made.argument == "a:b"  # type: ignore[attr-defined]  # it is their class


@pytest.mark.parametrize(
    ("name", "argument", "why"),
    [
        ("", None, "it is empty; --help-filters lists the filters"),
        ("nobody", None, "no filter is called 'nobody'; --help-filters lists them"),
        ("spamb", None, "no filter is called 'spamb'; did you mean spamd? --help-filters lists them"),
        ("spamd", "", "the argument is missing; write spamd[:ENDPOINT]"),
        ("their_filters.missing", None, "their_filters has no missing; write another name"),
        ("no.such.module", None, "there is no no.such.module; write PACKAGE.MODULE.NAME, and install the package or "
         "add it to PYTHONPATH"),
        ("their_filters.number", None, "their_filters.number cannot be called with one argument; name a subclass of "
         "Filter, or a function that returns the filter of a connection"),
        ("their_filters.useless", "x", "their_filters.useless returns a value of the type int; name a subclass of "
         "Filter, or a function that returns the filter of a connection"),
        ("their_filters.raises", "x", "their_filters.raises raises RuntimeError: cannot"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("module")
def test_why_not(name, argument, why):
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        create(filter_plugin(name), argument, {})


@pytest.mark.parametrize(
    ("factory", "why"),
    [
        ("raises", "it raises RuntimeError: cannot"),
        ("lacks", "packages are missing (No module named 'their_missing_package')"),
        ("fails", "no such list"),
    ],
)
@pytest.mark.usefixtures("module")
def test_a_plugin_that_fails(factory, why):
    plugin = FilterPlugin("theirs", "theirs:LIST", "Theirs.", f"their_filters.{factory}")
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        create(plugin, "x", {})


@pytest.mark.usefixtures("module")
def test_a_setting_that_the_factory_refuses_keeps_its_name():
    plugin = FilterPlugin("theirs", "theirs[:X]", "Theirs.", "their_filters.refuses", (Number("number", 2, "", ""),))
    with pytest.raises(SettingError) as raised:
        create(plugin, "x", {"number": 3})
    assert (raised.value.name, raised.value.text) == ("number", "must be even, not 3")


@pytest.mark.parametrize(
    ("syntax", "argument", "why"),
    [
        ("x", "y", "x takes no argument; write x"),
        ("x", "", "x takes no argument; write x"),
        ("x:PATH", None, "the argument is missing; write x:PATH"),
        ("x:PATH", "", "the argument is missing; write x:PATH"),
        ("x[:PATH]", "", "the argument is missing; write x[:PATH]"),
    ],
)
def test_the_syntax_decides_about_the_argument(syntax, argument, why):
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        FilterPlugin("x", syntax, "X.", "txsmtpx.Filter").create(argument, {})


def test_what_no_plugin_can_declare():
    with pytest.raises(ValueError, match=r"^syntax must be NAME, NAME:ARGUMENT or NAME\[:ARGUMENT\], not 'y:PATH'$"):
        FilterPlugin("x", "y:PATH", "X.", "txsmtpx.Filter")
    for each in (ON_FAILURE, NAME):
        with pytest.raises(ValueError, match=f"^every filter has the setting {each.name}; choose another name$"):
            FilterPlugin("x", "x", "X.", "txsmtpx.Filter", (Number(each.name, 1, "", ""),))


def test_a_time_of_its_own_replaces_the_common_one():
    plugin = FilterPlugin("x", "x", "X.", "txsmtpx.Filter", (Seconds("timeout", 5, "", ""), Number("n", 1, "", "")))
    assert [(each.name, each.default) for each in settings_of(plugin)] == [
        ("timeout", 5), ("n", 1), ("on_failure", "defer"), ("name", ""),
    ]  # fmt: skip
