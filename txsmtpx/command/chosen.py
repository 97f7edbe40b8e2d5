"""
A part of the server that the operator chose by its name, with settings: a backend or a filter.

On the command line it is one text, ``NAME:ARGUMENT SETTING=VALUE...``.  In the configuration file it may be a table.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from txsmtpx.command.given import GivenTable
from txsmtpx.command.kind import TEXT, without_login
from txsmtpx.command.option import OptionError, option
from txsmtpx.command.toml_value import wrong_type

USE = "use"
"""The key of a table whose value is NAME:ARGUMENT."""

_SETTING = re.compile(r"\s[a-z][a-z_-]*=", re.ASCII)


@dataclass(frozen=True)
class Chosen:
    """
    A backend or a filter as the operator gave it.

    Attributes:
        option: The name of the option.
        use: NAME or NAME:ARGUMENT.
        settings: The settings, as the command line or TOML has them, by their names with dashes.
        table: The table of the file; None if one text has all of it.

    Example:
        >>> Chosen("backend", "http:https://ann:secret@app.example.org/mail", {"format": "json"}).text
        'http:https://***@app.example.org/mail format=json'
    """

    option: str
    use: str
    settings: Mapping[str, object]
    table: GivenTable | None = None

    @property
    def text(self) -> str:
        """All as one text, as the command line has it, without the login of a URL."""
        settings = [f"{name}={_shown(value)}" for name, value in self.settings.items()]
        return without_login(" ".join([_shown(self.use) if settings else self.use, *settings]))

    @property
    def hint(self) -> str:
        """The end of an error about a setting that does not exist."""
        return "" if self.table is None else "; options of the server are above the first table"

    def fault(self, setting: str, text: str) -> OptionError:
        """
        Return the error for a setting.

        Args:
            setting: The name of the setting; "" if the error concerns the whole table.
            text: What is wrong, and what to do.

        Returns:
            The error, with the place of the setting.
        """
        if self.table is None:
            return OptionError(self.option, f"{self.text}: {setting} {text}")
        if not setting:
            return OptionError(self.option, f": {text}", place=self.table.place)
        return OptionError(self.option, text, place=self.table.places.get(setting, f"{self.table.place} {setting}"))

    def unusable(self, text: str, *others: str) -> OptionError:
        """
        Return the error for the backend or filter itself.

        Args:
            text: What is wrong, and what to do.
            others: Names of other options, which follow the text.

        Returns:
            The error, with the place of its name.
        """
        if self.table is None:
            return OptionError(self.option, f"{self.text}: {text}", *others)
        hint = "; in a table, each setting is a line of its own" if re.search(r"\s[\w-]+=", self.use) else ""
        shown = f"{without_login(self.use)}: {text}{hint}"
        return OptionError(self.option, shown, *others, place=self.table.places[USE])

    @classmethod
    def from_text(cls, option: str, text: str) -> Chosen:
        """
        Parse ``NAME:ARGUMENT SETTING=VALUE...``.

        Args:
            option: The name of the option.
            text: The text.

        Returns:
            What was chosen.

        Raises:
            ValueError: A quotation mark is missing, or a word behind the first one is no setting.
        """
        words = shlex.shlex(text, posix=True)
        words.whitespace_split = True
        words.escape = words.commenters = ""  # an endpoint string has backslashes of its own
        try:
            use, *rest = [*words] or [""]
        except ValueError:
            raise ValueError(f"{without_login(text)}: a quotation mark is missing") from None
        settings: dict[str, object] = {}
        for word in rest:
            name, sign, value = word.partition("=")
            if not sign and "@" in word and "//" in use:
                raise ValueError(f"{without_login(text)}: write a space in the login of a URL as %20")
            if not sign:
                raise ValueError(f"{without_login(text)}: {word!r} is no setting; write NAME:ARGUMENT SETTING=VALUE")
            if name in settings:
                raise ValueError(f"{without_login(text)}: {name} is given twice; leave one out")
            settings[name] = value
        return cls(option, use, settings)

    @classmethod
    def from_path(cls, option: str, text: str) -> Chosen:
        """
        Parse a text whose ARGUMENT may be a path with spaces.

        Args:
            option: The name of the option.
            text: The text.

        Returns:
            What was chosen.  Without a word that looks like a setting, all of the text is NAME:ARGUMENT.

        Raises:
            ValueError: A quotation mark is missing, or a word behind the first one is no setting.
        """
        return cls.from_text(option, text) if _SETTING.search(text) else cls(option, text, {})

    @classmethod
    def from_table(cls, option: str, table: GivenTable) -> Chosen:
        """
        Read a table of the configuration file.  `check` checks it.

        Args:
            option: The name of the option.
            table: The table.

        Returns:
            What was chosen.
        """
        settings = {name: value for name, value in table.content.items() if name != USE}
        return cls(option, str(table.content.get(USE, "")), settings, table)

    def check(self, example: str) -> None:
        """
        Check that a table names its backend or filter.

        Args:
            example: A value of the key ``use``, for the error.

        Raises:
            OptionError: It does not.
        """
        if self.table is None:
            return
        use = self.table.content.get(USE)
        if use is None:
            text = f'has no {self.option}; write use = "NAME:ARGUMENT", such as use = "{example}"'
            raise OptionError(self.option, text, place=self.table.place)
        if not isinstance(use, str):
            wrong = wrong_type(option(USE, TEXT, "", None), use)
            raise OptionError(self.option, str(wrong), place=self.table.places[USE])


def _shown(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f'"{text}"' if re.search(r"\s", text) else text
