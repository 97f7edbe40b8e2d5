"""
One option: its name, what it takes, what it is without being said.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from txsmtpx.grammar import asciitext, path
from txsmtpx.grammar.domain import domain_key


class OptionError(ValueError):
    """
    An option is wrong.

    Attributes:
        option: Its name.
        text: What is wrong, to be read behind the name.
        others: Names of options with which the text ends.
    """

    def __init__(self, option: str, text: str, *others: str) -> None:
        ValueError.__init__(self, option, text, *others)
        self.option = option
        self.text = text
        self.others = others

    def said(self, place: str) -> str:
        """
        All of it in one line.

        Args:
            place: How and where the option was said, such as "--port".
        """
        dashes = "--" if place.startswith("--") else ""
        others = " or ".join(dashes + other for other in self.others)
        return " ".join(f"{place} {self.text} {others}".split())


@dataclass(frozen=True)
class Kind:
    """
    What an option takes.

    Attributes:
        word: Stands for the value in the help, "" for a flag.
        types: What it may be in a file.
        read: Text to value.
        shown: Value to text, as a file would have it.
    """

    word: str
    types: tuple[type, ...]
    read: Callable[[str], Any]
    shown: Callable[[Any], str] = str


@dataclass(frozen=True)
class Option:
    """
    One option.

    Attributes:
        name: As it is said behind two dashes, and in a file.
        help: A sentence.
        default: What it is where nobody says it; for one that is ``repeated``, a sequence.
        short: One letter that stands for it.
        repeated: Whether it may be said more than once; its value is a list then.
        secret: Whether what stands behind the first colon is shown to nobody.
    """

    name: str
    kind: Kind
    help: str
    default: Any = None
    short: str | None = None
    repeated: bool = False
    secret: bool = False

    @property
    def parameter(self) -> str:
        """The name as Python writes it."""
        return self.name.replace("-", "_")

    @property
    def sentence(self) -> str:
        """What it means, and whether it may be repeated."""
        return self.help.removesuffix(".") + ("; may be repeated." if self.repeated else ".")

    @property
    def description(self) -> str:
        """The sentence with what is usual, for a list of options."""
        usual = ", ".join(map(str, self.default)) if isinstance(self.default, list | tuple) else self.default
        if self.kind is FLAG or usual is None or usual == "":
            return self.sentence
        return f"{self.sentence.removesuffix('.')} [default: {usual}]."

    def read(self, text: Any) -> Any:
        """
        The value that ``text``, or a list of texts, or True stands for.

        Raises:
            OptionError: None.
        """
        try:
            return [self.kind.read(each) for each in text] if self.repeated else self.kind.read(text)
        except ValueError as error:
            raise OptionError(self.name, str(error)) from error


@dataclass(frozen=True)
class Action:
    """
    An option of the command line that does something and ends.

    Attributes:
        word: Stands for its argument in the help, "" where it takes none.
        run: Does it; takes the argument, if there is one.
    """

    name: str
    help: str
    run: Callable[..., None]
    word: str = ""


def _number(text: str) -> int:
    if not asciitext.is_number(text):
        raise ValueError(f"takes a number, not {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= float(text) < float("inf"):
            return float(text)
    raise ValueError(f"takes a number of seconds, not {text!r}")


def _domain(text: str) -> str:
    try:
        path.check_domain_part(text)
        domain_key(text)
    except ValueError:
        raise ValueError(f"takes a domain, such as mx.example.org, not {text!r}") from None
    return text


FLAG = Kind("", (bool,), bool, lambda value: str(value).lower())
TEXT = Kind("TEXT", (str,), str)
FILE = Kind("FILE", (str,), str)
DOMAIN = Kind("DOMAIN", (str,), _domain)
"""A domain or an address literal (RFC 5321 §4.1.2)."""
DOMAIN_KEY = Kind("DOMAIN", (str,), lambda text: domain_key(_domain(text)))
"""The same, to be compared with others."""
NUMBER = Kind("N", (int,), _number)
SECONDS = Kind("SECONDS", (int, float), _seconds)


def one_of(*words: str) -> Kind:
    """One of ``words``."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"is {', '.join(words[:-1])} or {words[-1]}, not {text!r}")
        return text

    return Kind("|".join(words), (str,), read)
