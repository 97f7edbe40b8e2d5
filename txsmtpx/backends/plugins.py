"""
Backends by name, for ``twistd smtpx --backend NAME:ARGUMENT``.

The names are twisted plugins (`IBackendPlugin`): a package adds its own by a file in its
``twisted/plugins/`` that holds a `BackendPlugin`.  A dotted name stands for anything importable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.plugin import IPlugin, getPlugins
from twisted.python.reflect import namedAny
from zope.interface import implementer

from txsmtpx.interfaces import IBackend, IBackendPlugin


@implementer(IPlugin, IBackendPlugin)
@dataclass(frozen=True)
class BackendPlugin:
    """
    A name for a backend.

    Attributes:
        factory: Dotted name of what makes it, imported only when asked for; takes the argument when it
            ``takes_argument``.
    """

    name: str
    syntax: str
    description: str
    factory: str
    takes_argument: bool = False

    def create(self, argument: str | None) -> Any:
        """
        Make the backend.

        Raises:
            ValueError: The argument is missing, or one too many.
        """
        if not self.takes_argument and argument is not None:
            raise ValueError(f"{self.name} takes no argument")
        factory = namedAny(self.factory)
        return factory(argument or "") if self.takes_argument else factory()


def plugins() -> dict[str, Any]:
    """The `IBackendPlugin` of every name."""
    return {plugin.name: plugin for plugin in getPlugins(IBackendPlugin)}


def backend_named(name: str) -> Any:
    """
    The backend that ``name``, NAME or NAME:ARGUMENT or DOTTED.NAME, stands for.

    Raises:
        ValueError: There is none, with why.
    """
    word, colon, rest = name.partition(":")
    argument = rest if colon else None
    plugin = plugins().get(word)
    if plugin is not None:
        return plugin.create(argument)
    if "." not in word:
        raise ValueError(f"no backend is called {word!r}; --help-backends lists them")
    return _made(word, _imported(word), argument)


def _imported(dotted: str) -> Any:
    try:
        return namedAny(dotted)
    except Exception as error:  # whatever the module does when it is imported
        raise ValueError(f"cannot import {dotted}: {type(error).__name__}: {error}") from error


def _made(dotted: str, found: Any, argument: str | None) -> Any:
    factory: Callable[..., Any] = found
    if not IBackend.providedBy(found):
        if not callable(found):
            raise ValueError(f"{dotted} is neither a backend nor makes one")
        try:
            found = factory() if argument is None else factory(argument)
        except Exception as error:
            raise ValueError(f"{dotted}: {type(error).__name__}: {error}") from error
    if not IBackend.providedBy(found):
        raise ValueError(f"{dotted} gives {type(found).__name__}, which does not provide IBackend")
    return found
