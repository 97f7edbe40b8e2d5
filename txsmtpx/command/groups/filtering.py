"""The filters that inspect each connection and each message."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from typing import cast

from twisted.python.usage import UsageError

from txsmtpx.command.action import Action
from txsmtpx.command.chosen_filter import FILTER, USE, ChosenFilter, MadeFilter
from txsmtpx.command.given import GivenTable
from txsmtpx.command.kind import FLAG, TEXT, Kind
from txsmtpx.command.option import Option, OptionError, Values, option, option_name, option_of, repeated
from txsmtpx.command.toml_value import as_given, wrong_type
from txsmtpx.filters.filter_plugins import (
    COMMON,
    NAME,
    ON_FAILURE,
    TIMEOUT,
    DottedFilter,
    create,
    filter_plugin,
    filter_plugins,
    settings_of,
)
from txsmtpx.interfaces import FilterPluginLike
from txsmtpx.middleware.filter import ConfiguredFilter, OnFailure
from txsmtpx.setting import SettingError, did_you_mean
from txsmtpx.setting_kinds import Several


def made_filters(values: Values) -> list[MadeFilter]:
    """
    Create the filters of a listener.

    Args:
        values: The values of its options.

    Returns:
        The filters, in their order.

    Raises:
        ExceptionGroup: Filters or settings cannot be used; an `OptionError` for each of these filters.
    """
    made, errors = [], []
    for chosen in values[FILTER]:
        try:
            made.append(_made(chosen))
        except OptionError as error:
            errors.append(error)
    if errors:
        raise ExceptionGroup("filters cannot be used", errors)
    return made


def _made(chosen: ChosenFilter) -> MadeFilter:
    """
    Create a filter.

    Returns:
        The filter.

    Raises:
        OptionError: It, or one of its settings, cannot be used.
    """
    _check_table(chosen.table)
    name, colon, argument = chosen.use.partition(":")
    try:
        plugin = filter_plugin(name)
        settings = dict(_settings(chosen, plugin))
        own = {each.name for each in plugin.settings}
        common = {each.name: settings.pop(each.name, None) for each in COMMON if each.name not in own}
        make = create(plugin, argument if colon else None, settings)
    except SettingError as error:
        raise chosen.fault(error.name.replace("_", "-"), error.text) from error
    except OptionError:
        raise
    except ValueError as error:
        raise chosen.unusable(str(error)) from error
    timeout = cast(float | None, common.get(TIMEOUT.name))
    on_failure = cast(OnFailure, common[ON_FAILURE.name] or ON_FAILURE.default)
    label = cast(str, common[NAME.name]) or name
    return MadeFilter(chosen, ConfiguredFilter(make, label, timeout, on_failure))


def _check_table(table: GivenTable | None) -> None:
    """
    Check that a table names its filter.

    Raises:
        OptionError: It does not.
    """
    if table is None:
        return
    use = table.content.get(USE)
    if use is None:
        text = 'has no filter; write use = "NAME:ARGUMENT", such as use = "milter:unix:/run/milter.sock"'
        raise OptionError(FILTER.name, text, place=table.place)
    if not isinstance(use, str):
        wrong = wrong_type(option(USE, TEXT, "", None), use)
        raise OptionError(FILTER.name, str(wrong), place=table.places[USE])


def _settings(chosen: ChosenFilter, plugin: FilterPluginLike) -> Iterator[tuple[str, object]]:
    """Iterate over the settings that were given: the name of the keyword argument, and the parsed value."""
    known = {made.name: made for made in _options(plugin)}
    for name, value in chosen.settings.items():
        if name not in known:
            near = did_you_mean(name.replace("_", "-"), known)
            names = f"; its settings are {', '.join(known)}{chosen.hint}"
            raise chosen.fault(name, f"is not a setting of the filter {plugin.name}{near or names}")
        try:
            yield known[name].name.replace("-", "_"), _parsed(known[name], value, chosen.table is None)
        except OptionError as error:
            raise chosen.fault(name, error.text) from error


def _parsed(setting: Option[object], value: object, is_text: bool) -> object:
    """
    Parse the value of a setting.

    Returns:
        The value.

    Raises:
        OptionError: It cannot be used.
    """
    if is_text and setting.kind is FLAG:
        if value not in ("true", "false"):
            raise OptionError(setting.name, f"must be true or false, not {value!r}")
        value = value == "true"
    if is_text and setting.repeated:
        value = str(value).split(",")
    wrong = None if is_text else wrong_type(setting, value)
    if wrong is not None:
        raise OptionError(setting.name, wrong)
    return setting.read(as_given(setting, value))


def _options(plugin: FilterPluginLike) -> list[Option[object]]:
    """Return the settings of a filter as options, which parse and check their values."""
    return [
        repeated(option_name(each), _LIST, each.help, cast(tuple[str, ...], each.default), setting=each)
        if isinstance(each, Several)
        else option_of(each)
        for each in settings_of(plugin)
    ]


_LIST = Kind("TEXT,TEXT...", (str,), str)
"""Several texts: in one text with commas between, in a file also as a list."""


_WIDTH = 100
"""Columns of the help."""


def _table(title: str, rows: list[tuple[str, str]]) -> None:
    column = max(len(word) for word, _ in rows) + 4
    print(title)
    for word, text in rows:
        beginning = f"  {word}".ljust(column)
        print(textwrap.fill(text, _WIDTH, initial_indent=beginning, subsequent_indent=" " * column))


def _list(argument: str) -> None:
    found = [(each.syntax, each.description) for _, each in sorted(filter_plugins().items())]
    _table("Filters:", [*found, ("DOTTED.NAME", DottedFilter.description)])
    print("--help-filter NAME lists the settings of a filter.")
    sys.exit(0)


def _explain(name: str) -> None:
    try:
        plugin = filter_plugin(name.partition(":")[0])
    except ValueError as error:
        raise UsageError(f"--help-filter {name}: {error}") from error
    print(textwrap.fill(f"{plugin.syntax}: {plugin.description}", _WIDTH))
    options = _options(plugin)
    _table("Settings:", [(f"{each.name}={each.kind.word or 'true|false'}", _described(each)) for each in options])
    sys.exit(0)


def _described(setting: Option[object]) -> str:
    default = setting.kind.shown(setting.default) if setting.kind is FLAG else setting.shown_default
    return f"{setting.help} [default: {default}]" if default else setting.help


ACTIONS = (
    Action("help-filters", "List the filters and exit.", _list),
    Action("help-filter", "List the settings of a filter and exit.", _explain, "NAME"),
)
