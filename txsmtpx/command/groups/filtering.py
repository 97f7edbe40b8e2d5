"""The filters that inspect each connection and each message."""

from __future__ import annotations

import sys
import textwrap
from typing import cast

from twisted.python.usage import UsageError

from txsmtpx.command.action import Action
from txsmtpx.command.chosen import Chosen
from txsmtpx.command.chosen_filter import FILTER, MadeFilter
from txsmtpx.command.option import OptionError, Values
from txsmtpx.command.plugin_settings import WIDTH, described_settings, parsed_settings, print_table
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
from txsmtpx.middleware.filter import ConfiguredFilter, OnFailure
from txsmtpx.setting import SettingError


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


def _made(chosen: Chosen) -> MadeFilter:
    """
    Create a filter.

    Returns:
        The filter.

    Raises:
        OptionError: It, or one of its settings, cannot be used.
    """
    chosen.check("milter:unix:/run/milter.sock")
    name, colon, argument = chosen.use.partition(":")
    try:
        plugin = filter_plugin(name)
        settings = parsed_settings(chosen, f"the filter {plugin.name}", settings_of(plugin))
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


def _list(argument: str) -> None:
    found = [(each.syntax, each.description) for _, each in sorted(filter_plugins().items())]
    print_table("Filters:", [*found, ("DOTTED.NAME", DottedFilter.description)])
    print("--help-filter NAME lists the settings of a filter.")
    sys.exit(0)


def _explain(name: str) -> None:
    try:
        plugin = filter_plugin(name.partition(":")[0])
    except ValueError as error:
        raise UsageError(f"--help-filter {name}: {error}") from error
    print(textwrap.fill(f"{plugin.syntax}: {plugin.description}", WIDTH))
    print_table("Settings:", described_settings(settings_of(plugin)))
    sys.exit(0)


ACTIONS = (
    Action("help-filters", "List the filters and exit.", _list),
    Action("help-filter", "List the settings of a filter and exit.", _explain, "NAME"),
)
