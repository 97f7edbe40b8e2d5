"""A plugin of the command: a filter with a name and settings, which an installed package adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from twisted.plugin import IPlugin
from zope.interface import Attribute, Interface

from txsmtpx.interfaces.filter import FilterMaker
from txsmtpx.setting import Setting
from txsmtpx.settling import Eventual


class IFilterPlugin(IPlugin):
    """
    A filter that ``twistd smtpx --filter NAME:ARGUMENT`` finds by its name.

    Example:
        The file ``twisted/plugins/mine_plugin.py`` of a package::

            mine = FilterPlugin("mine", "mine:FILE", "Reject mail with a word of a file.", "my_package.Words")
    """

    name: str = Attribute("The name.")
    description: str = Attribute("A sentence for --help-filters.")
    syntax: str = Attribute('The name with its argument, such as ``"milter:ENDPOINT"``.')
    settings: Sequence[Setting[object]] = Attribute("The settings that it has besides the common ones.")

    def create(argument: str | None, settings: Mapping[str, object]) -> FilterMaker:
        """
        Create the maker of the filters.

        Args:
            argument: The text after the colon; None without a colon.
            settings: The settings that the operator gave, by name.  Their declarations have accepted the values.

        Returns:
            The maker, for `txsmtpx.FilterBackend`.

        Raises:
            ValueError: The argument or a setting cannot be used; the operator gets the text.
        """


class FilterPluginLike(Protocol):
    """The type of `IFilterPlugin`, for type checkers without a plugin for zope.interface."""

    @property
    def name(self) -> str:
        """The name."""

    @property
    def description(self) -> str:
        """A sentence for --help-filters."""

    @property
    def syntax(self) -> str:
        """The name with its argument."""

    @property
    def settings(self) -> Sequence[Setting[object]]:
        """The settings that it has besides the common ones."""

    def create(self, argument: str | None, settings: Mapping[str, object]) -> FilterMaker:
        """
        Create the maker of the filters.

        Args:
            argument: The text after the colon; None without a colon.
            settings: The settings that the operator gave, by name.

        Returns:
            The maker.
        """


class ICheckedFilter(Interface):
    """
    Optional, for the maker of filters: ``twistd smtpx --check`` connects to the program that the filters ask.

    Example:
        ::

            class Words:
                async def check(self) -> str:
                    words = await self.load()
                    return f"{len(words)} words"
    """

    def check() -> Eventual[str]:
        """
        Connect to the program, and close the connection.

        Returns:
            A part of a sentence about the program, such as ``"version 6, it adds header fields"``.

        Raises:
            Exception: The program cannot be used; the operator gets the text.
        """


class CheckedFilter(Protocol):
    """The type of `ICheckedFilter`."""

    def check(self) -> Eventual[str]:
        """
        Connect to the program, and close the connection.

        Returns:
            A part of a sentence about the program.
        """


class IReloadedFilter(Interface):
    """
    Read files again at SIGHUP.  A maker of filters may provide it.

    Example:
        A maker whose words are in a file::

            @implementer(IReloadedFilter)
            class Words:
                def __init__(self, path: str) -> None:
                    self.path = path
                    self.reload()

                def reload(self) -> None:
                    self.words = Path(self.path).read_text().split()
    """

    path: str = Attribute("The file or directory, for the log.")

    def reload() -> None:
        """
        Read the files again.  If that fails, the filter goes on with what it has.

        Raises:
            OSError: A file cannot be read.
            ValueError: A file cannot be used.
        """


class ReloadedFilter(Protocol):
    """The type of `IReloadedFilter`."""

    path: str

    def reload(self) -> None:
        """Read the files again."""
