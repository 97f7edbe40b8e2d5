"""What an operator gave for an option, on the command line or in the configuration file, before it is parsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Given:
    """
    What an operator gave for an option, or for a key of a table.

    Attributes:
        value: A text, a table, True or False for a flag, a list of texts and tables for an option that may be repeated.
        place: How and where it was given: ``--port``, or ``FILE:LINE: port``.
    """

    value: str | bool | GivenTable | list[str | GivenTable]
    place: str


@dataclass(frozen=True)
class GivenTable:
    """
    A table of the configuration file that is one value of an option.

    Attributes:
        content: The values of the table by their keys, as TOML has them.
        place: ``FILE:LINE: NAME`` of the option.
        places: The same for each key.
        tables: The tables within it, by their keys; None if it cannot have any.
    """

    content: Mapping[str, object]
    place: str
    places: Mapping[str, str]
    tables: Mapping[str, GivenTable] | None = None
