"""The filters that inspect each connection and each message."""

from __future__ import annotations

import re
import shlex
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from twisted.python.usage import UsageError

from txsmtpx.command.action import Action
from txsmtpx.command.given import GivenTable
from txsmtpx.command.kind import FLAG, TEXT, Kind
from txsmtpx.command.option import Option, OptionError, Values, option, option_of, repeated
from txsmtpx.command.toml_value import as_given, wrong_type
from txsmtpx.filters.filter_plugins import COMMON, create, filter_plugin, filter_plugins
from txsmtpx.interfaces import FilterMaker, FilterPluginLike
from txsmtpx.setting import SettingError, did_you_mean

USE = "use"
"""The key of a table whose value is NAME:ARGUMENT."""


@dataclass(frozen=True)
class ChosenFilter:
    """
    One filter as the operator gave it.

    Attributes:
        use: NAME or NAME:ARGUMENT.
        settings: The settings, as the command line or TOML has them, by their names with dashes.
        table: The table of the file; None if one text has all of it.
    """

    use: str
    settings: Mapping[str, object]
    table: GivenTable | None = None

    @property
    def text(self) -> str:
        """The filter as one text, as the command line has it."""
        return " ".join([self.use, *(f"{name}={_shown(value)}" for name, value in self.settings.items())])

    @property
    def hint(self) -> str:
        """The end of an error about a setting that does not exist."""
        return "" if self.table is None else "; options of the server are above the first table"

    def fault(self, text: str, key: str = "") -> OptionError:
        """
        Return the error for the filter, or for one of its settings.

        Args:
            text: What is wrong, and what to do.
            key: The name of the setting, "" if the error is about the filter.

        Returns:
            The error, with the place of the setting.
        """
        if self.table is None:
            return FILTER.fault(self, f"{key} {text}".strip())
        return OptionError(FILTER.name, text, place=self.table.places.get(key, self.table.place))


def _shown(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f'"{text}"' if re.search(r"\s", text) else text


def _from_text(text: str) -> ChosenFilter:
    """
    Parse ``NAME:ARGUMENT SETTING=VALUE...``.

    Returns:
        The filter.

    Raises:
        ValueError: A quotation mark is missing, or a word behind the first one is no setting.
    """
    words = shlex.shlex(text, posix=True)
    words.whitespace_split = True
    words.escape = words.commenters = ""  # an endpoint string has backslashes of its own
    try:
        use, *rest = [*words] or [""]
    except ValueError:
        raise ValueError(f"{text}: a quotation mark is missing") from None
    settings: dict[str, object] = {}
    for word in rest:
        name, sign, value = word.partition("=")
        if not sign:
            raise ValueError(f"{text}: {word!r} is no setting; write NAME:ARGUMENT SETTING=VALUE")
        if name in settings:
            raise ValueError(f"{text}: {name} is given twice; leave one out")
        settings[name] = value
    return ChosenFilter(use, settings)


def _from_table(table: GivenTable) -> ChosenFilter:
    settings = {name: value for name, value in table.content.items() if name != USE}
    return ChosenFilter(str(table.content.get(USE, "")), settings, table)


FILTER = repeated(
    "filter",
    Kind("FILTER", (str, dict), _from_text, lambda chosen: cast(ChosenFilter, chosen).text, read_table=_from_table),
    "Let a filter inspect each connection and message: NAME:ARGUMENT SETTING=VALUE...; see --help-filters.  Filters "
    "are asked in their order.  In a file, each may be a table [[filter]] with its settings.",
)


@dataclass(frozen=True)
class MadeFilter:
    """
    A filter, ready for use.

    Attributes:
        chosen: What the operator gave.
        make: The maker of the filters.
        name: Its name in the log and in the metrics.
        timeout: Seconds for a verdict.
        on_failure: What happens if it fails: "defer", "accept" or "reject".
    """

    chosen: ChosenFilter
    make: FilterMaker
    name: str
    timeout: float
    on_failure: str


def made_filters(values: Values) -> Iterator[MadeFilter]:
    """
    Create the filters of a listener.

    Args:
        values: The values of its options.

    Yields:
        The filters, in their order.

    Raises:
        OptionError: A filter or a setting cannot be used.
    """
    for chosen in values[FILTER]:
        _check_table(chosen.table)
        name, colon, argument = chosen.use.partition(":")
        try:
            plugin = filter_plugin(name)
            settings = dict(_settings(chosen, plugin))
            common = {each.name: settings.pop(each.name, each.default) for each in COMMON}
            make = create(plugin, argument if colon else None, settings)
        except SettingError as error:
            raise chosen.fault(error.text, error.name.replace("_", "-")) from error
        except OptionError:
            raise
        except ValueError as error:
            raise _of_use(chosen, str(error)) from error
        timeout, on_failure = cast(float, common["timeout"]), cast(str, common["on_failure"])
        yield MadeFilter(chosen, make, cast(str, common["name"]) or name, timeout, on_failure)


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


def _of_use(chosen: ChosenFilter, text: str) -> OptionError:
    if chosen.table is None:
        return chosen.fault(text)
    return chosen.fault(f"{chosen.use}: {text}", USE)


def _settings(chosen: ChosenFilter, plugin: FilterPluginLike) -> Iterator[tuple[str, object]]:
    """Iterate over the settings that were given: the name of the keyword argument, and the parsed value."""
    known = {made.name: made for made in _options(plugin)}
    for name, value in chosen.settings.items():
        if name not in known:
            near = did_you_mean(name.replace("_", "-"), known)
            names = f"; its settings are {', '.join(known)}{chosen.hint}"
            raise chosen.fault(f"is not a setting of the filter {plugin.name}{near or names}", name)
        try:
            yield known[name].name.replace("-", "_"), _parsed(known[name], value, chosen.table is None)
        except OptionError as error:
            raise chosen.fault(error.text, name) from error


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
    wrong = None if is_text else wrong_type(setting, value)
    if wrong is not None:
        raise OptionError(setting.name, wrong)
    return setting.read(as_given(setting, value))


def _options(plugin: FilterPluginLike) -> list[Option[object]]:
    """Return the settings of a filter as options, which parse and check their values."""
    return [option_of(setting) for setting in (*plugin.settings, *COMMON)]


_WIDTH = 100
"""Columns of the help."""


def _table(title: str, rows: list[tuple[str, str]]) -> None:
    column = max(len(word) for word, _ in rows) + 4
    print(title)
    for word, text in rows:
        beginning = f"  {word}".ljust(column)
        print(textwrap.fill(text, _WIDTH, initial_indent=beginning, subsequent_indent=" " * column))


def _list(argument: str) -> None:
    dotted = "A subclass of Filter, or another maker; DOTTED.NAME:ARGUMENT calls a function that returns one."
    found = [(each.syntax, each.description) for _, each in sorted(filter_plugins().items())]
    _table("Filters:", [*found, ("DOTTED.NAME", dotted)])
    print("--help-filter NAME lists the settings of a filter.")
    sys.exit(0)


def _explain(name: str) -> None:
    found = filter_plugins()
    if name not in found:
        text = f"there is no such filter{did_you_mean(name, found) or ';'} --help-filters lists the filters"
        raise UsageError(f"--help-filter {name}: {text}")
    plugin = found[name]
    print(textwrap.fill(f"{plugin.syntax}: {plugin.description}", _WIDTH))
    words = [(f"{each.name}={each.kind.word or 'true|false'}", each.description) for each in _options(plugin)]
    _table("Settings:", words)
    sys.exit(0)


ACTIONS = (
    Action("help-filters", "List the filters and exit.", _list),
    Action("help-filter", "List the settings of a filter and exit.", _explain, "NAME"),
)
