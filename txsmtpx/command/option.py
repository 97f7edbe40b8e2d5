"""
An option of ``twistd smtpx``: its name, the values that it takes and its default; and the values of all options.

The command line and the configuration file have the same options.  An option that is a setting of a server takes its
default, its check and its help from the declaration of that setting.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, cast

from txsmtpx.command.given import Given, GivenTable
from txsmtpx.command.kind import FLAG, Kind, kind_of
from txsmtpx.setting import Setting
from txsmtpx.setting import shown as text_of
from txsmtpx.setting_kinds import one_of

T = TypeVar("T")
D = TypeVar("D")
T_co = TypeVar("T_co", covariant=True)

About = Literal["listener", "process", "command line"]
"""What an option is about: each listener by itself, the whole process, or how the command runs."""


class OptionError(ValueError):
    """
    An option cannot be used.

    Args:
        option: Its name.
        text: What is wrong.  It follows the name, after a space unless it begins with a colon.
        others: Names of other options, which follow the text.
        place: How and where the value was given, "" if that is where the option was given.
    """

    def __init__(self, option: str, text: str, *others: str, place: str = "") -> None:
        ValueError.__init__(self, option, text, *others)
        self.option = option
        self.text = text
        self.others = others
        self.place = place

    def line(self, place: str) -> str:
        """
        Return the error as one line for an operator.

        Args:
            place: How and where the option was given, such as ``--port`` or ``mail.toml:3: port``.

        Returns:
            The line.
        """
        dashes = "--" if place.startswith("--") else ""
        named = [dashes + other for other in self.others]
        others = one_of(named) if named[1:] else "".join(named)
        return " ".join(f"{place}{'' if self.text.startswith(': ') else ' '}{self.text} {others}".split())


@dataclass(frozen=True)
class Option(Generic[T_co]):
    """
    One option.  `option`, `repeated` and `option_of` create it.

    Attributes:
        name: Its name, in a file and, after two dashes, on the command line.
        kind: The values that it takes.
        help: Its meaning, as a sentence.
        default: Its value if it is not given.
        short: A letter that stands for it on the command line.
        repeated: True if it may be given more than once.  Its value is then a tuple.
        secret: True if only the text before the first colon may be shown.
        about: What it is about.
        setting: The setting of a server that it is.
    """

    name: str
    kind: Kind[object]
    help: str
    default: T_co
    short: str | None = None
    repeated: bool = False
    secret: bool = False
    about: About = "listener"
    setting: Setting[object] | None = None

    @property
    def description(self) -> str:
        """The help with the default and whether it may be repeated, for a list of options."""
        notes = "May be repeated." if self.repeated else ""
        if self.shown_default:
            notes += f" [default: {self.shown_default}]"
        return f"{self.help} {notes.strip()}".strip()

    @property
    def shown_default(self) -> str:
        """The default as an operator would write it; "" for a flag, and if there is none."""
        return self.shown(self.default)

    def shown(self, value: object) -> str:
        """
        Return a value as an operator would write it.

        Args:
            value: A value of the option.

        Returns:
            The text; for several values with a comma between; "" for a flag, and if there is none.
        """
        values = value if isinstance(value, tuple) else (value,)
        texts = [self.kind.shown(each) for each in values if each not in (None, "")]
        return "" if self.kind is FLAG else ", ".join(text.partition(":")[0] if self.secret else text for text in texts)

    def fault(self, value: object, text: str, *others: str) -> OptionError:
        """
        Return the error for a value.

        Args:
            value: The value.
            text: What is wrong, and what to do.
            others: Names of other options, which follow the text.

        Returns:
            The error, which shows the value before the text.
        """
        return OptionError(self.name, f"{self.shown(value)}: {text}", *others)

    def read(self, given: str | bool | GivenTable | list[str | GivenTable]) -> T_co:
        """
        Parse what was given.

        Args:
            given: A text, a table, True or False for a flag, a list of texts and tables for an option that may be
                repeated.

        Returns:
            The value.

        Raises:
            OptionError: It cannot be used.
        """
        try:
            if isinstance(given, list):
                return cast(T_co, tuple([self._read_one(each) for each in given]))
            value = given if isinstance(given, bool) else self._read_one(given)
            if self.setting is not None:
                self.setting.check(value)
        except ValueError as error:
            text = str(error)
            if self.setting is not None and not self.repeated:
                examples = f", {self.kind.examples}" if self.kind.examples else ""
                text = f"must be {self.setting.accepted}{examples}, not {text_of(given)}"
            raise OptionError(self.name, text) from error
        return cast(T_co, value)

    def _read_one(self, given: str | GivenTable) -> object:
        if isinstance(given, str):
            return self.kind.read(given)
        assert self.kind.read_table is not None  # otherwise the file has refused the table
        return self.kind.read_table(given)


def option(
    name: str,
    kind: Kind[T],
    help: str,
    default: D,
    *,
    short: str | None = None,
    about: About = "listener",
) -> Option[T | D]:
    """
    Create an option that is given once.

    Args:
        name: Its name.
        kind: The values that it takes.
        help: Its meaning, as a sentence.
        default: Its value if it is not given.
        short: A letter that stands for it on the command line.
        about: What it is about.

    Returns:
        The option.
    """
    return Option(name, kind, help, default, short, about=about)


def repeated(
    name: str,
    kind: Kind[T],
    help: str,
    default: tuple[T, ...] = (),
    *,
    short: str | None = None,
    secret: bool = False,
    about: About = "listener",
    setting: Setting[object] | None = None,
) -> Option[tuple[T, ...]]:
    """
    Create an option that may be given more than once.

    Args:
        name: Its name.
        kind: The values that it takes.
        help: Its meaning, as a sentence.
        default: Its values if it is not given.
        short: A letter that stands for it on the command line.
        secret: True if only the text before the first colon may be shown.
        about: What it is about.
        setting: The setting of a server that it is.

    Returns:
        The option.
    """
    return Option(name, kind, help, default, short, True, secret, about, setting)


def option_of(setting: Setting[T], kind: Kind[object] | None = None, about: About = "listener") -> Option[T]:
    """
    Create the option of a setting.

    Args:
        setting: The setting.
        kind: The values that it takes, None for those that the kind of the setting implies.
        about: What it is about.

    Returns:
        The option, with the name, the default, the help and the check of the setting.
    """
    name, kind = option_name(setting), kind or kind_of(setting)
    return Option(name, kind, setting.help, setting.default, about=about, setting=setting)


def option_name(setting: Setting[object]) -> str:
    """
    Return the name of the option of a setting.

    Args:
        setting: The setting.

    Returns:
        Its name with dashes.

    Example:
        >>> from txsmtpx.setting_kinds import Number
        >>> option_name(Number("max_errors", 20, "Limits", "Disconnect after N errors."))
        'max-errors'
    """
    return setting.name.replace("_", "-")


class Values:
    """
    The values of all options: those that were given, and the defaults of the others.

    Args:
        options: All options, by name.
        given: What was given, by name.
        elsewhere: The beginning of the place of an option that was not given, such as ``FILE:LINE:``.

    Attributes:
        given: What was given, by name.
        errors: What was given and cannot be used, a line each.
    """

    def __init__(
        self, options: Mapping[str, Option[object]], given: Mapping[str, Given], elsewhere: str = "--"
    ) -> None:
        self.errors: list[str] = []
        self.given = given
        self._elsewhere = elsewhere
        self._values: dict[str, object] = {}
        for name, each in given.items():
            try:
                self._values[name] = options[name].read(each.value)
            except OptionError as error:
                self.errors.append(self.complaint(error))

    def __getitem__(self, option: Option[T]) -> T:
        return cast(T, self._values.get(option.name, option.default))

    def settings(self, options: Iterable[Option[object]]) -> dict[str, object]:
        """
        Return the settings of a server that were given.

        Args:
            options: All options.

        Returns:
            The names of the settings, and their values.
        """
        values = self._values
        return {
            each.setting.name: values[each.name] for each in options if each.setting is not None and each.name in values
        }

    def place(self, name: str) -> str | None:
        """
        Return how and where an option was given.

        Args:
            name: The name of the option.

        Returns:
            The place, None if it was not given.
        """
        return self.given[name].place if name in self.given else None

    def complaint(self, error: OptionError) -> str:
        """
        Return an error as one line, with the place where the option was given.

        Args:
            error: The error.

        Returns:
            The line.
        """
        return error.line(error.place or self.named(error.option))

    def named(self, name: str) -> str:
        """
        Return the place of an option as an error begins with it.

        Args:
            name: The name of the option.

        Returns:
            The place where it was given; if it was not, the place of the listener, and the name.
        """
        return self.place(name) or f"{self._elsewhere}{name}"
