"""The kinds of values that options take."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from txsmtpx.command import quantity
from txsmtpx.command.given import GivenTable
from txsmtpx.grammar import asciitext, path
from txsmtpx.grammar.domain import domain_key
from txsmtpx.setting import Setting, shown
from txsmtpx.setting_kinds import Choice, Flag, Number, Score, Seconds
from txsmtpx.setting_kinds import one_of as in_words

T_co = TypeVar("T_co", covariant=True)
Word = TypeVar("Word", bound=str)


@dataclass(frozen=True)
class Kind(Generic[T_co]):
    """
    A kind of values.

    Attributes:
        word: Stands for the value in the help, "" for a flag.
        types: The types of TOML that it takes in a file.
        read: Parse a text, or raise ValueError whose text follows the name of the option.
        shown: Return a value as an operator would write it.
        examples: Examples of values, for the error of a setting.
        read_table: Parse a table of a file.  None: a value cannot be a table.
    """

    word: str
    types: tuple[type, ...]
    read: Callable[[str], T_co]
    shown: Callable[[object], str] = str
    examples: str = ""
    read_table: Callable[[GivenTable], T_co] | None = None


_DIGITS = 30
"""Digits of a number.  Python refuses to parse 4,301."""


_LOGIN = re.compile(r"//(?:[^/ ]*|[^/:\[]*:(?!\d*(?:[/\s]|$))(?:(?!//).)*)@")
"""A login of a URL, also one whose password has a space or a slash, which should be written as %20 or %2F."""


def without_login(text: str) -> str:
    """
    Hide the logins of URLs.

    Args:
        text: A text with any URLs.

    Returns:
        The text, with ``***`` for each login.

    Example:
        >>> without_login("http:https://ann:secret@app.example.org/mail")
        'http:https://***@app.example.org/mail'
    """
    return _LOGIN.sub("//***@", text)


def _number(text: str) -> int:
    if not asciitext.is_number(text) or len(text) > _DIGITS:
        raise ValueError(f"must be a number, not {shown(text)}")
    return int(text)


_SCORE = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)", re.ASCII)


def _score(text: str) -> float:
    if not _SCORE.fullmatch(text) or len(text) > _DIGITS:
        raise ValueError(f"must be a number, not {shown(text)}")
    return float(text)


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
URL: Kind[str] = Kind("URL", (str,), str, lambda value: without_login(str(value)).partition("?")[0])
"""A URL of a web server.  It is shown without login and query, which may hold secrets."""
FILE: Kind[str] = Kind("FILE", (str,), str)
DOMAIN: Kind[str] = Kind("DOMAIN", (str,), _domain)
"""A domain or an address literal (RFC 5321 §4.1.2)."""
DOMAIN_KEY: Kind[str] = Kind("DOMAIN", (str,), lambda text: domain_key(_domain(text)))
"""The same, in the form in which domains are compared."""
NUMBER: Kind[int] = Kind("N", (int,), _number)
SCORE: Kind[float] = Kind("X", (int, float, str), _score, lambda value: f"{value:g}")
SIZE: Kind[int] = Kind(
    "SIZE", (int, str), quantity.size, lambda value: quantity.shown_size(cast(int, value)), quantity.SIZES
)
"""A number of octets, with or without a unit."""
TIME: Kind[float] = Kind(
    "TIME", (int, float, str), quantity.time, lambda value: quantity.shown_time(cast(float, value)), quantity.TIMES
)
"""A number of seconds, or a number with a unit."""
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


def kind_of(setting: Setting[object]) -> Kind[object]:
    """
    Return the kind of values that a setting takes.

    Args:
        setting: The setting.

    Returns:
        The kind.
    """
    if isinstance(setting, Flag):
        return FLAG
    if isinstance(setting, Number):
        return SIZE if setting.unit == "octets" else NUMBER
    if isinstance(setting, Seconds):
        return TIME
    if isinstance(setting, Score):
        return SCORE
    return one_of(*setting.words) if isinstance(setting, Choice) else TEXT
