"""
What the options are: said here or there, or by default.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from txsmtpx.command.option import Option, OptionError


@dataclass(frozen=True)
class Said:
    """
    What somebody said.

    Attributes:
        text: A text, a list of them for an option that may be repeated, True or False for a flag.
        place: How and where: "--port", or "FILE:LINE: port".
    """

    text: Any
    place: str


class Values(Mapping[str, Any]):
    """
    The value of every option, by name.

    Attributes:
        errors: What was said that is no value, a line each.

    Args:
        elsewhere: Begins the place of what nobody has said, such as "FILE:LINE: ".
    """

    def __init__(self, options: Iterable[Option], said: Mapping[str, Said], elsewhere: str = "--") -> None:
        self.errors: list[str] = []
        self._said = said
        self._elsewhere = elsewhere
        self._values = {option.name: self._read(option) for option in options}

    def _read(self, option: Option) -> Any:
        if option.name in self._said:
            try:
                return option.read(self._said[option.name].text)
            except OptionError as error:
                self.errors.append(self.complaint(error))
        return list(option.default or ()) if option.repeated else option.default

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def said(self, name: str) -> bool:
        """Whether somebody said it."""
        return name in self._said

    def place(self, name: str) -> str | None:
        """How and where it was said, None where it was not."""
        return self._said[name].place if name in self._said else None

    def complaint(self, error: OptionError) -> str:
        """``error`` in one line, with the place where the option was said."""
        said = self._said.get(error.option)
        return error.said(f"{self._elsewhere}{error.option}" if said is None else said.place)
