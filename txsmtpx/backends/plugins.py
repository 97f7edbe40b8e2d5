"""
Backends by name, for ``twistd smtpx --backend NAME:ARGUMENT``.

The names are plugins of Twisted (`IBackendPlugin`).  A package adds its own by a file in its ``twisted/plugins/``
with a `BackendPlugin`.  A dotted name is that of any object that can be imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from twisted.plugin import IPlugin, getPlugins
from twisted.python.reflect import namedAny
from zope.interface import implementer

from txsmtpx.dotted_name import described, imported
from txsmtpx.interfaces import IBackend, IBackendPlugin
from txsmtpx.setting import Setting, did_you_mean
from txsmtpx.setting_kinds import takes


@implementer(IPlugin, IBackendPlugin)
@dataclass(frozen=True)
class BackendPlugin:
    """
    The name of a backend.

    Args:
        name: The name.
        syntax: The name with its argument, for --help-backends.
        description: One line for --help-backends.
        factory: The dotted name of a function that returns the backend.  It is imported when it is used.
        takes_argument: True if the function takes the text after the colon.
        settings: The settings.  The function is called with those that were given, as keyword arguments.
    """

    name: str
    syntax: str
    description: str
    factory: str
    takes_argument: bool = False
    settings: tuple[Setting[object], ...] = ()

    def create(self, argument: str | None, settings: Mapping[str, object] = MappingProxyType({})) -> IBackend:
        """
        Create the backend.

        Args:
            argument: The text after the colon; None without a colon.
            settings: The settings that were given, by name.

        Returns:
            The backend.

        Raises:
            ValueError: The backend takes no argument, or not this one.
        """
        if not self.takes_argument and argument is not None:
            raise ValueError(f"{self.name} takes no argument; write {self.name}")
        factory = namedAny(self.factory)
        return cast(IBackend, factory(argument or "", **settings) if self.takes_argument else factory(**settings))


def plugins() -> dict[str, IBackendPlugin]:
    """
    Return all plugins.

    Returns:
        The plugins by name.
    """
    return {plugin.name: plugin for plugin in getPlugins(IBackendPlugin)}


def settings_of(name: str) -> tuple[Setting[object], ...]:
    """
    Return the settings of a backend.

    Args:
        name: As for `backend_named`.

    Returns:
        The settings; none if there is no such backend.
    """
    plugin = plugins().get(name.partition(":")[0])
    return plugin.settings if isinstance(plugin, BackendPlugin) else ()


def backend_named(name: str, settings: Mapping[str, object] = MappingProxyType({})) -> IBackend:
    """
    Return the backend of a name.

    Args:
        name: NAME, NAME:ARGUMENT, DOTTED.NAME or DOTTED.NAME:ARGUMENT.
        settings: The settings that were given, by name; some of `settings_of`.

    Returns:
        The backend.

    Raises:
        ValueError: There is no such backend, or it cannot be created; the operator gets the text.
        SettingError: A setting cannot be used.
    """
    word, colon, rest = name.partition(":")
    argument = rest if colon else None
    found = plugins()
    if word in found:
        plugin = found[word]
        try:
            return plugin.create(argument, settings) if isinstance(plugin, BackendPlugin) else plugin.create(argument)
        except ImportError as error:
            raise ValueError(f"packages are missing ({error})") from error
        except OSError as error:
            if error.filename is None:
                raise
            raise ValueError(f"{error.filename!r} cannot be used: {error.strerror}") from error
    if not word:
        raise ValueError("it is empty; --help-backends lists the backends")
    if rest.startswith("//") and word.removesuffix("s") in found:
        raise ValueError(
            f"{word} is no name of a backend; write {word.removesuffix('s')}: before the URL, as in "
            f"{word.removesuffix('s')}:{word}://HOST"
        )
    if "." not in word:
        raise ValueError(f"no backend is called {word!r}{did_you_mean(word, found) or ';'} --help-backends lists them")
    return _made(word, imported(word), argument)


def _made(dotted: str, found: object, argument: str | None) -> IBackend:
    if IBackend.providedBy(found):
        if argument is not None:
            raise ValueError(f"{dotted} is a backend, and takes no argument; write {dotted}")
        return found
    if not callable(found):
        raise ValueError(f"{dotted} has the type {type(found).__name__}; name a backend or a function that returns one")
    if argument is None and not takes(found, 0):
        raise ValueError(f"{dotted} cannot be called without an argument; write {dotted}:ARGUMENT")
    if argument is not None and not takes(found, 1):
        raise ValueError(f"{dotted} cannot be called with an argument; write {dotted}")
    try:
        found = found() if argument is None else found(argument)
    except (Exception, SystemExit) as error:
        raise ValueError(f"{dotted} raises {described(error)}") from error
    if not IBackend.providedBy(found):
        text = f"{dotted} returns a value of the type {type(found).__name__}, which does not provide IBackend"
        raise ValueError(f"{text}; derive it from LoginBackend, OpenBackend or PortalBackend")
    return found
