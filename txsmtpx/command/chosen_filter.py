"""A filter as the operator chose it, by ``--filter`` or by a table of the configuration file; and ready for use."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from txsmtpx.command.given import GivenTable
from txsmtpx.command.kind import Kind
from txsmtpx.command.option import OptionError, repeated
from txsmtpx.middleware.filter import ConfiguredFilter

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
        return " ".join([_shown(self.use), *(f"{name}={_shown(value)}" for name, value in self.settings.items())])

    @property
    def hint(self) -> str:
        """The end of an error about a setting that does not exist."""
        return "" if self.table is None else "; options of the server are above the first table"

    def fault(self, setting: str, text: str) -> OptionError:
        """
        Return the error for a setting.

        Args:
            setting: The name of the setting.
            text: What is wrong, and what to do.

        Returns:
            The error, with the place of the setting.
        """
        if self.table is None:
            return FILTER.fault(self, f"{setting} {text}")
        return OptionError(FILTER.name, text, place=self.table.places.get(setting, f"{self.table.place} {setting}"))

    def unusable(self, text: str) -> OptionError:
        """
        Return the error for the filter itself.

        Args:
            text: What is wrong, and what to do.

        Returns:
            The error, with the place of its name.
        """
        if self.table is None:
            return FILTER.fault(self, text)
        hint = "; in a table, each setting is a line of its own" if re.search(r"\s[\w-]+=", self.use) else ""
        return OptionError(FILTER.name, f"{self.use}: {text}{hint}", place=self.table.places[USE])


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
        configured: The maker of the filters, and the common settings.
    """

    chosen: ChosenFilter
    configured: ConfiguredFilter
