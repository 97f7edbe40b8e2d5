"""A plugin of the command: a backend with a name, which an installed package adds."""

from __future__ import annotations

from typing import Protocol

from twisted.plugin import IPlugin
from zope.interface import Attribute

from txsmtpx.interfaces.backend import BackendLike, IBackend


class IBackendPlugin(IPlugin):
    """
    A backend that ``twistd smtpx --backend NAME:ARGUMENT`` finds by its name.

    Example:
        The file ``twisted/plugins/mine_plugin.py`` of a package::

            mine = BackendPlugin("mine", "mine:TABLE", "mail goes into a table", "my_package.Backend", True)
    """

    name: str = Attribute("The name.")
    description: str = Attribute("One line for --help-backends.")
    syntax: str = Attribute('The name with its argument, such as ``"maildir:PATH"``.')

    def create(argument: str | None) -> IBackend:
        """
        Create the backend.

        Args:
            argument: The text after the colon; None without a colon.

        Returns:
            The backend.

        Raises:
            ValueError: The argument cannot be used; the operator gets the text.
        """


class BackendPluginLike(Protocol):
    """The type of `IBackendPlugin`, for type checkers without a plugin for zope.interface."""

    @property
    def name(self) -> str:
        """The name."""

    @property
    def description(self) -> str:
        """One line for --help-backends."""

    @property
    def syntax(self) -> str:
        """The name with its argument."""

    def create(self, argument: str | None) -> BackendLike:
        """
        Create the backend.

        Args:
            argument: The text after the colon; None without a colon.

        Returns:
            The backend.
        """
