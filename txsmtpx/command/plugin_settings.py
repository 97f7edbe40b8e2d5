"""The settings of a backend or a filter that a plugin names: their values, and their list."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import cast

from txsmtpx.command.chosen import Chosen
from txsmtpx.command.kind import FLAG, Kind
from txsmtpx.command.option import Option, OptionError, option_name, option_of, repeated
from txsmtpx.command.toml_value import as_given, wrong_type
from txsmtpx.setting import Setting, did_you_mean
from txsmtpx.setting_kinds import Several

WIDTH = 100
"""Columns of a list."""

_LIST = Kind("TEXT,TEXT...", (str,), str)
"""Several texts: in one text with commas between, in a file also as a list."""


def parsed_settings(chosen: Chosen, owner: str, settings: Sequence[Setting[object]]) -> dict[str, object]:
    """
    Parse the settings that were given.

    Args:
        chosen: The backend or filter, as the operator gave it.
        owner: The backend or filter in an error, such as "the filter spamd".
        settings: The settings that there are.

    Returns:
        The values, by the names of the keyword arguments.

    Raises:
        OptionError: A setting does not exist, or its value cannot be used.
    """
    known = {made.name: made for made in map(_option, settings)}
    found: dict[str, object] = {}
    for name, value in chosen.settings.items():
        if name not in known:
            near = did_you_mean(name.replace("_", "-"), known)
            names = f"; its settings are {', '.join(known)}{chosen.hint}" if known else f"; it has none{chosen.hint}"
            raise chosen.fault(name, f"is not a setting of {owner}{near or names}")
        try:
            found[name.replace("-", "_")] = _parsed(known[name], value, chosen.table is None)
        except OptionError as error:
            raise chosen.fault(name, error.text) from error
    return found


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


def _option(setting: Setting[object]) -> Option[object]:
    """Return a setting as an option, which parses and checks its values."""
    if isinstance(setting, Several):
        default = cast(tuple[str, ...], setting.default)
        return repeated(option_name(setting), _LIST, setting.help, default, setting=setting)
    return option_of(setting)


def described_settings(settings: Iterable[Setting[object]]) -> list[tuple[str, str]]:
    """
    Describe settings for a list.

    Args:
        settings: The settings.

    Returns:
        For each, how it is written, and its help with its default.
    """
    return [(f"{each.name}={each.kind.word or 'true|false'}", _described(each)) for each in map(_option, settings)]


def _described(setting: Option[object]) -> str:
    default = setting.kind.shown(setting.default) if setting.kind is FLAG else setting.shown_default
    return f"{setting.help} [default: {default}]" if default else setting.help


def print_table(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """
    Print a list of two columns.

    Args:
        title: Its title.
        rows: A word and its description, each.
    """
    column = max(len(word) for word, _ in rows) + 4
    print(title)
    for word, text in rows:
        beginning = f"  {word}".ljust(column)
        print(textwrap.fill(text, WIDTH, initial_indent=beginning, subsequent_indent=" " * column))
