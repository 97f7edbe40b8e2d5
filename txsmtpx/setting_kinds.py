"""The kinds of settings: flags, numbers, seconds, words, texts, collections and functions."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from txsmtpx.setting import Setting, SettingError, shown

T = TypeVar("T", covariant=True)


@dataclass(frozen=True)
class Flag(Setting[bool]):
    """A setting that is on or off."""

    @property
    def accepted(self) -> str:
        """What a value must be, as errors name it."""
        return "True or False"

    def check(self, value: object) -> None:
        """
        Check a value that a caller gave.

        Args:
            value: Any object.

        Raises:
            TypeError: `value` is no bool.
        """
        if not isinstance(value, bool):
            raise self.wrong_type(value)


@dataclass(frozen=True)
class Number(Setting[int]):
    """
    A setting that counts.

    Attributes:
        unit: What it counts, in the plural.
        least: The smallest value.
        most: The largest value, None for no limit.
    """

    unit: str = ""
    least: int = 0
    most: int | None = None

    @property
    def accepted(self) -> str:
        """What a value must be, as errors name it."""
        of = f" ({self.unit})" if self.unit else ""
        if self.most is None:
            return f"an integer of {self.least} or more{of}"
        return f"an integer from {self.least} to {self.most}{of}"

    def check(self, value: object) -> None:
        """
        Check a value that a caller gave.

        Args:
            value: Any object.

        Raises:
            TypeError: `value` is no integer, or a bool.
            SettingError: `value` is out of range.
        """
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong_type(value)
        if value < self.least or (self.most is not None and value > self.most):
            raise self.unusable(value)


@dataclass(frozen=True)
class Seconds(Setting[float]):
    """
    A setting that is a time in seconds.

    Attributes:
        zero: True if 0 can be used.
    """

    zero: bool = True

    @property
    def accepted(self) -> str:
        """What a value must be, as errors name it."""
        return "a number of seconds, 0 or more" if self.zero else "a number of seconds greater than 0"

    def check(self, value: object) -> None:
        """
        Check a value that a caller gave.

        Args:
            value: Any object.

        Raises:
            TypeError: `value` is no number, or a bool.
            SettingError: `value` is negative, infinite or not a number, or 0 where that cannot be used.
        """
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.wrong_type(value)
        if not 0 <= value < math.inf or not (value or self.zero):
            raise self.unusable(value)


@dataclass(frozen=True)
class Score(Setting[float | None]):
    """A setting that is a number of any sign, with a fraction if need be; None for no number."""

    @property
    def accepted(self) -> str:
        """What a value must be, as errors name it."""
        return "a number, such as 7.5"

    def check(self, value: object) -> None:
        """
        Check a value that a caller gave.

        Args:
            value: Any object.

        Raises:
            TypeError: `value` is no number, or a bool.
            SettingError: `value` is infinite or not a number.
        """
        if value is None:
            return
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.wrong_type(value)
        if not math.isfinite(value):
            raise self.unusable(value)


@dataclass(frozen=True)
class Choice(Setting[T]):
    """
    A setting that is one of a few words.

    Attributes:
        words: The words.
    """

    words: tuple[str, ...] = ()

    @property
    def accepted(self) -> str:
        """What a value must be, as errors name it."""
        return one_of(self.words)

    def check(self, value: object) -> None:
        """
        Check a value that a caller gave.

        Args:
            value: Any object.

        Raises:
            TypeError: `value` is no string.
            SettingError: `value` is none of the words.
        """
        if not isinstance(value, str):
            raise self.wrong_type(value)
        if value not in self.words:
            raise self.unusable(value)


@dataclass(frozen=True)
class Text(Setting[str]):
    """
    A setting that is a text.

    Attributes:
        description: What a text must be, as errors name it.
        pattern: A regular expression that the whole text matches.
        octets: The most octets of the text in UTF-8; 0 for any number.
    """

    description: str = "a string"
    pattern: str = ".*"
    octets: int = 0

    @property
    def accepted(self) -> str:
        """What a value must be, as errors name it."""
        return self.description

    def check(self, value: object) -> None:
        """
        Check a value that a caller gave.

        Args:
            value: Any object.

        Raises:
            TypeError: `value` is no string.
            SettingError: `value` does not match the pattern, or has too many octets.
        """
        if not isinstance(value, str):
            raise self.wrong_type(value)
        if not re.fullmatch(self.pattern, value):
            raise self.unusable(value)
        size = len(value.encode("utf-8", "surrogatepass"))
        if self.octets and size > self.octets:
            raise SettingError(self.name, f"must be up to {self.octets} octets in UTF-8, not {size}: {shown(value)}")


@dataclass(frozen=True)
class Several(Setting[T]):
    """
    A setting with several items: a list, a set, a generator or another iterable object.

    Attributes:
        description: What a value must be, as errors name it.
        types: The types of its items.
    """

    description: str = "a list of strings"
    types: tuple[type, ...] = (str,)

    @property
    def accepted(self) -> str:
        """What a value must be, as errors name it."""
        return self.description

    def check(self, value: object) -> None:
        """
        Check a value that a caller gave.

        Args:
            value: Any object.

        Raises:
            TypeError: `value` is a single item, or has an item of a wrong type.
        """
        self.items(value)

    def items(self, value: object) -> tuple[Any, ...]:
        """
        Return the items of what a caller gave.

        Args:
            value: Any object.

        Returns:
            The items, in their order.

        Raises:
            TypeError: `value` is a single item, or has an item of a wrong type.

        Example:
            >>> Several("names", (), "", "").items(name for name in ("a", "b"))
            ('a', 'b')
        """
        # A network is iterable, too: it has addresses.
        if not isinstance(value, Iterable) or isinstance(value, (str, bytes, *self.types)):
            raise self.wrong_type(value)
        found = tuple(value)
        if not all(isinstance(item, self.types) for item in found):
            raise self.wrong_type(found if isinstance(value, Iterator) else value)
        return found


@dataclass(frozen=True)
class Function(Setting[T]):
    """
    A setting that is a function.

    Attributes:
        description: What a value must be, as errors name it.
        arguments: The number of arguments that it is called with.
    """

    description: str = "a function"
    arguments: int = 0

    @property
    def accepted(self) -> str:
        """What a value must be, as errors name it."""
        return self.description

    @property
    def documentation(self) -> str:
        """The text for this setting in the ``Args:`` of a docstring."""
        return f"{self.help}  Default: {getattr(self.default, '__name__', self.default)}."

    def check(self, value: object) -> None:
        """
        Check a value that a caller gave.

        Args:
            value: Any object.

        Raises:
            TypeError: `value` cannot be called with so many arguments.
        """
        if not takes(value, self.arguments):
            raise self.wrong_type(value)


def takes(function: object, arguments: int) -> bool:
    """
    Return whether a function can be called with a number of arguments.

    Args:
        function: Any object.
        arguments: The number of positional arguments.

    Returns:
        True if it can.  True for a function of C whose signature Python does not know.

    Example:
        >>> takes(len, 1), takes(lambda: None, 1), takes(42, 0)
        (True, False, False)
    """
    if not callable(function):
        return False
    try:
        inspect.signature(function).bind(*range(arguments))
    except TypeError:
        return False
    except ValueError:  # inspect knows no signature
        return True
    return True


def one_of(words: Iterable[str]) -> str:
    """
    Return words as a choice.

    Args:
        words: Two or more.

    Returns:
        The words, the last behind "or".

    Example:
        >>> one_of(["normalize", "reject", "accept"])
        'normalize, reject or accept'
    """
    *others, last = words
    return f"{', '.join(others)} or {last}"
