"""
Filters by name, for ``twistd smtpx --filter NAME:ARGUMENT``.

The names are plugins of Twisted (`IFilterPlugin`).  A package adds its own by a file in its ``twisted/plugins/`` with a
`FilterPlugin`.  A dotted name is that of a maker of filters; with an argument, of a function that returns one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, cast, get_args

from twisted.plugin import IPlugin, getPlugins
from twisted.python.reflect import namedAny
from zope.interface import implementer

from txsmtpx.dotted_name import described, imported
from txsmtpx.interfaces import FilterMaker, FilterPluginLike, IFilterPlugin
from txsmtpx.middleware import filter as filter_settings
from txsmtpx.setting import Setting, SettingError, did_you_mean
from txsmtpx.setting_kinds import Choice, Seconds, Text, takes
from txsmtpx.wire.description import fault

TIMEOUT = Seconds(
    "timeout", filter_settings.TIMEOUT, "Filters", "Wait this long for each verdict of the filter.", zero=False
)
ON_FAILURE: Choice[str] = Choice(
    "on_failure",
    "defer",
    "Filters",
    "If the filter fails, reject mail temporarily (defer), accept it without the filter, or reject it.",
    get_args(filter_settings.OnFailure),
)
NAME = Text("name", "", "Filters", "The name in the log and in the metrics, instead of the name of the plugin.")
COMMON: tuple[Setting[object], ...] = (TIMEOUT, ON_FAILURE, NAME)
"""The settings that every filter has."""


@implementer(IPlugin, IFilterPlugin)
@dataclass(frozen=True)
class FilterPlugin:
    """
    The name of a filter.

    Args:
        name: The name.
        syntax: The name with its argument, for --help-filters: ``"clean"`` takes none, ``"clean:PATH"`` needs one, and
            with ``"clean[:PATH]"`` it is optional.
        description: A sentence for --help-filters.
        factory: The dotted name of a function that returns the maker of the filters.  It is imported when it is used,
            and called with the argument, and with the settings that were given as keyword arguments.
        settings: The settings, besides those that every filter has (`COMMON`).  A setting ``timeout`` here replaces the
            common one: then the function gets the time, and the filter keeps to it.

    Raises:
        ValueError: The syntax is none of the three, or a setting has the name of another common one.

    Example:
        >>> FilterPlugin("clean", "clean[:PATH]", "Reject mail with a word of a list.", "my_package.Clean").name
        'clean'
    """

    name: str
    syntax: str
    description: str
    factory: str
    settings: tuple[Setting[object], ...] = ()

    def __post_init__(self) -> None:
        if self.syntax != self.name and not self.syntax.startswith((f"{self.name}:", f"{self.name}[:")):
            raise ValueError(f"syntax must be NAME, NAME:ARGUMENT or NAME[:ARGUMENT], not {self.syntax!r}")
        taken = {each.name for each in self.settings} & {each.name for each in COMMON if each is not TIMEOUT}
        if taken:
            raise ValueError(f"every filter has the setting {min(taken)}; choose another name")

    def create(self, argument: str | None, settings: Mapping[str, object]) -> FilterMaker:
        """
        Create the maker of the filters.

        Args:
            argument: The text after the colon; None without a colon.
            settings: The settings that were given, by name.

        Returns:
            The maker.

        Raises:
            ValueError: The argument is missing, or there may be none, or the function cannot use it or a setting.
        """
        if argument is not None and self.syntax == self.name:
            raise ValueError(f"{self.name} takes no argument; write {self.name}")
        if argument == "" or (argument is None and self.syntax.startswith(f"{self.name}:")):
            raise ValueError(f"the argument is missing; write {self.syntax}")
        make = cast(Callable[..., FilterMaker], namedAny(self.factory))
        return make(**settings) if argument is None else make(argument, **settings)


@dataclass(frozen=True)
class DottedFilter:
    """
    A maker of filters, or a function that returns one, by a dotted name.  `filter_plugin` creates it.

    Args:
        name: The dotted name.

    Attributes:
        description: A sentence for --help-filters.
    """

    name: str
    description: ClassVar[str] = (
        "A subclass of Filter, or another maker; DOTTED.NAME:ARGUMENT calls a function that returns one."
    )

    @property
    def syntax(self) -> str:
        """The dotted name."""
        return self.name

    @property
    def settings(self) -> tuple[Setting[object], ...]:
        """No settings besides the common ones."""
        return ()

    def create(self, argument: str | None, settings: Mapping[str, object]) -> FilterMaker:
        """
        Return the object of the dotted name; with an argument, what it returns for the argument.

        Args:
            argument: The text after the colon; None without a colon.
            settings: None.

        Returns:
            The maker.

        Raises:
            ValueError: The object cannot be imported, cannot be called, or raises an exception.
        """
        found = imported(self.name)
        wanted = "name a subclass of Filter, or a function that returns the filter of a connection"
        if not takes(found, 1):
            raise ValueError(f"{self.name} cannot be called with one argument; {wanted}")
        if argument is not None:
            try:
                found = cast(Callable[[str], object], found)(argument)
            except (Exception, SystemExit) as error:
                raise ValueError(f"{self.name} raises {described(error)}") from error
            if not takes(found, 1):
                raise ValueError(f"{self.name} returns a value of the type {type(found).__name__}; {wanted}")
        return cast(FilterMaker, found)


def settings_of(plugin: FilterPluginLike) -> list[Setting[object]]:
    """
    Return all settings of a filter.

    Args:
        plugin: The plugin of the filter.

    Returns:
        Its own, then the common ones that it does not replace.

    Example:
        >>> [each.name for each in settings_of(FilterPlugin("x", "x", "X.", "my_package.X"))]
        ['timeout', 'on_failure', 'name']
    """
    own = {each.name for each in plugin.settings}
    return [*plugin.settings, *(each for each in COMMON if each.name not in own)]


def filter_plugins() -> dict[str, FilterPluginLike]:
    """
    Return all plugins.

    Returns:
        The plugins by name.
    """
    return {plugin.name: plugin for plugin in getPlugins(IFilterPlugin)}


def filter_plugin(name: str) -> FilterPluginLike:
    """
    Return the plugin of a name.

    Args:
        name: The name of a plugin, or a dotted name.

    Returns:
        The plugin.

    Raises:
        ValueError: There is no such plugin; the operator gets the text.
    """
    found = filter_plugins()
    if name in found:
        return found[name]
    if not name:
        raise ValueError("it is empty; --help-filters lists the filters")
    if "." not in name:
        raise ValueError(f"no filter is called {name!r}{did_you_mean(name, found) or ';'} --help-filters lists them")
    return DottedFilter(name)


_OF_SETTING = re.compile(r"(?:\w+: )?(\w+) ((?:must be|is) .*)", re.DOTALL | re.ASCII)
"""The error of a constructor about one of its arguments."""


def create(plugin: FilterPluginLike, argument: str | None, settings: Mapping[str, object]) -> FilterMaker:
    """
    Create the maker of the filters of a plugin.

    Args:
        plugin: The plugin.
        argument: The text after the colon; None without a colon.
        settings: The settings that were given, by name.

    Returns:
        The maker.

    Raises:
        ValueError: It cannot be created, whatever the plugin raises; the operator gets the text.
        SettingError: A setting cannot be used.
    """
    try:
        return plugin.create(argument, settings)
    except SettingError:
        raise
    except ImportError as error:
        raise ValueError(f"packages are missing ({error})") from error
    except (ValueError, TypeError, OSError) as error:
        of_setting = _OF_SETTING.fullmatch(str(error))
        if of_setting is not None and of_setting[1] in {each.name for each in plugin.settings}:
            raise SettingError(*of_setting.groups()) from error
        raise ValueError(fault(error)) from error
    except (Exception, SystemExit) as error:  # of a package that is not ours
        raise ValueError(f"it raises {described(error)}") from error
