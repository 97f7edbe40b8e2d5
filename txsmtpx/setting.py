"""
A setting: its name, what it accepts, its default and its meaning, declared once.

From the declaration come the default of a keyword argument, the check of what a caller gives, the option of
``twistd smtpx``, the key of its configuration file, and the text on the pages of the documentation.  A test compares
the docstrings with the declarations.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T", covariant=True)

_SHOWN = 100
"""Characters of a wrong value that an error shows."""


class SettingError(ValueError):
    """
    A setting has a value of the right type that cannot be used.

    Args:
        name: The name of the setting.
        text: What is wrong.  It follows the name in the text of the error.

    Attributes:
        name: The name of the setting.
        text: What is wrong, without the name.

    Example:
        >>> str(SettingError("max_errors", "must be an integer of 0 or more, not -1"))
        'max_errors must be an integer of 0 or more, not -1'
    """

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name} {text}")
        self.name = name
        self.text = text


def shown(value: object) -> str:
    """
    Return `value` as an error shows it.

    Args:
        value: What a caller gave.

    Returns:
        Its repr, cut off after 100 characters.
    """
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """
    Return the end of an error about an unknown word.

    Args:
        word: The word.
        known: The words that are known.  The case does not matter.

    Returns:
        "; did you mean" with the known word that is nearest; "" if none is near.

    Example:
        >>> did_you_mean("memori", ["log", "memory"])
        '; did you mean memory?'
    """
    by_lower_case = {each.lower(): each for each in known}
    near = difflib.get_close_matches(word.lower(), by_lower_case, 1)
    return f"; did you mean {by_lower_case[near[0]]}?" if near else ""


@dataclass(frozen=True)
class Setting(Generic[T]):
    """
    One setting; each subclass is a kind of value.

    Attributes:
        name: The keyword argument of this name sets it.
        default: Its value if the caller gives none.
        section: The title under which the help and the documentation list it.
        help: What it means, as a sentence.
    """

    name: str
    default: T
    section: str
    help: str

    @property
    def accepted(self) -> str:
        """What a value must be, as errors name it."""
        raise NotImplementedError

    def check(self, value: object) -> None:
        """
        Check a value that a caller gave.

        Args:
            value: Any object.

        Raises:
            TypeError: `value` has the wrong type.
            SettingError: `value` has the right type and cannot be used.
        """
        raise NotImplementedError

    @property
    def documentation(self) -> str:
        """The text for this setting in the ``Args:`` of a docstring."""
        return f"{self.help}  Default: {self.default!r}."

    def wrong_type(self, value: object) -> TypeError:
        """
        Return the error for a value of a wrong type.

        Args:
            value: The value.

        Returns:
            The error.
        """
        return TypeError(f"{self.name} must be {self.accepted}, not {shown(value)}")

    def unusable(self, value: object) -> SettingError:
        """
        Return the error for a value of the right type that cannot be used.

        Args:
            value: The value.

        Returns:
            The error.
        """
        return SettingError(self.name, f"must be {self.accepted}, not {shown(value)}")
