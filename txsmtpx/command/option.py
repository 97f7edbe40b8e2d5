"""
An option of ``twistd smtpx``: its name, the values that it takes and its default; and the values of all options.

The command line and the configuration file have the same options.  An option that is a setting of a server takes its
default, its check and its help from the declaration of that setting.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, cast

from txsmtpx.grammar import asciitext, path
from txsmtpx.grammar.domain import domain_key
from txsmtpx.setting import Choice, Flag, Number, Seconds, Setting
from txsmtpx.setting import one_of as in_words

T = TypeVar("T")
D = TypeVar("D")
T_co = TypeVar("T_co", covariant=True)
Word = TypeVar("Word", bound=str)

About = Literal["listener", "process", "command line"]
"""What an option is about: each listener by itself, the whole process, or how the command runs."""


class OptionError(ValueError):
    """
    An option cannot be used.

    Args:
        option: Its name.
        text: What is wrong.  It follows the name.
        others: Names of other options, which follow the text.
    """

    def __init__(self, option: str, text: str, *others: str) -> None:
        ValueError.__init__(self, option, text, *others)
        self.option = option
        self.text = text
        self.others = others

    def line(self, place: str) -> str:
        """
        Return the error as one line for an operator.

        Args:
            place: How and where the option was given, such as ``--port`` or ``mail.toml:3: port``.

        Returns:
            The line.
        """
        dashes = "--" if place.startswith("--") else ""
        others = " or ".join(dashes + other for other in self.others)
        return " ".join(f"{place} {self.text} {others}".split())


@dataclass(frozen=True)
class Kind(Generic[T_co]):
    """
    A kind of values.

    Attributes:
        word: Stands for the value in the help, "" for a flag.
        types: The types of TOML that it takes in a file.
        read: Parse a text, or raise ValueError whose text follows the name of the option.
        shown: Return a value as a file would have it.
    """

    word: str
    types: tuple[type, ...]
    read: Callable[[str], T_co]
    shown: Callable[[object], str] = str


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
        repeated: Whether it may be given more than once.  Its value is then a tuple.
        secret: Whether only the text before the first colon may be shown.
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
        texts = ", ".join(map(str, self.default)) if isinstance(self.default, tuple) else self.default
        notes = "May be repeated." if self.repeated else ""
        if self.kind is not FLAG and texts not in (None, ""):
            notes += f" [default: {texts}]"
        return f"{self.help} {notes.strip()}".strip()

    def read(self, given: str | bool | list[str]) -> T_co:
        """
        Parse what was given.

        Args:
            given: A text, a list of texts for an option that may be repeated, True or False for a flag.

        Returns:
            The value.

        Raises:
            OptionError: It cannot be used.
        """
        try:
            if isinstance(given, list):
                return cast(T_co, tuple([self.kind.read(each) for each in given]))
            value = given if isinstance(given, bool) else self.kind.read(given)
            if self.setting is not None:
                self.setting.check(value)
        except ValueError as error:
            wanted = self.setting.accepted if self.setting is not None and not self.repeated else None
            text = str(error) if wanted is None else f"must be {wanted}, not {given!r}"
            raise OptionError(self.name, text) from error
        return cast(T_co, value)


@dataclass(frozen=True)
class Action:
    """
    An option of the command line that does something and ends the command.

    Attributes:
        name: Its name, after two dashes.
        help: What it does, as a sentence.
        run: Do it.
        word: Stands for its argument in the help, "" if it takes none.
    """

    name: str
    help: str
    run: Callable[[str], None]
    word: str = ""


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
        secret: Whether only the text before the first colon may be shown.
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
    name, kind = option_name(setting), kind or _kind(setting)
    return Option(name, kind, setting.help, setting.default, about=about, setting=setting)


def option_name(setting: Setting[object]) -> str:
    """
    Return the name of the option of a setting.

    Args:
        setting: The setting.

    Returns:
        Its name with dashes.

    Example:
        >>> option_name(Number("max_errors", 20, "Limits", "Disconnect after N errors."))
        'max-errors'
    """
    return setting.name.replace("_", "-")


def _kind(setting: Setting[object]) -> Kind[object]:
    if isinstance(setting, Flag):
        return FLAG
    if isinstance(setting, Number):
        return NUMBER
    if isinstance(setting, Seconds):
        return SECONDS
    return one_of(*setting.words) if isinstance(setting, Choice) else TEXT


@dataclass(frozen=True)
class Given:
    """
    What an operator gave for an option.

    Attributes:
        value: A text, a list of texts for an option that may be repeated, True or False for a flag.
        place: How and where it was given: ``--port``, or ``FILE:LINE: port``.
    """

    value: str | bool | list[str]
    place: str


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
        return error.line(self.place(error.option) or f"{self._elsewhere}{error.option}")


def _number(text: str) -> int:
    if not asciitext.is_number(text):
        raise ValueError(f"must be a number, not {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= float(text) < math.inf:
            return float(text)
    raise ValueError(f"must be a number of seconds, not {text!r}")


def _domain(text: str) -> str:
    try:
        path.check_domain_part(text)
        domain_key(text)
    except ValueError:
        raise ValueError(f"must be a domain, such as mx.example.org, not {text!r}") from None
    return text


def _loopback_port(text: str) -> str:
    return f"tcp:{text}:interface=127.0.0.1" if asciitext.is_number(text) else text


def _port(text: str) -> str:
    return f"tcp:{text}" if asciitext.is_number(text) else text


FLAG: Kind[bool] = Kind("", (bool,), bool, lambda value: str(value).lower())
TEXT: Kind[str] = Kind("TEXT", (str,), str)
FILE: Kind[str] = Kind("FILE", (str,), str)
DOMAIN: Kind[str] = Kind("DOMAIN", (str,), _domain)
"""A domain or an address literal (RFC 5321 §4.1.2)."""
DOMAIN_KEY: Kind[str] = Kind("DOMAIN", (str,), lambda text: domain_key(_domain(text)))
"""The same, in the form in which domains are compared."""
NUMBER: Kind[int] = Kind("N", (int,), _number)
SECONDS: Kind[float] = Kind("SECONDS", (int, float), _seconds)
ENDPOINT: Kind[str] = Kind("ENDPOINT", (str, int), _port)
"""A server endpoint string; a number is a TCP port."""
LOOPBACK_ENDPOINT: Kind[str] = Kind("ENDPOINT", (str, int), _loopback_port)
"""A server endpoint string; a number is a TCP port of the loopback interface, which other hosts cannot reach."""


def one_of(*words: Word) -> Kind[Word]:
    """
    Create a kind whose values are a few words.

    Args:
        words: The words.

    Returns:
        The kind.
    """

    def read(text: str) -> Word:
        for word in words:
            if text == word:
                return word
        raise ValueError(f"must be {in_words(words)}, not {text!r}")

    return Kind("|".join(words), (str,), read)
