"""A value of the configuration file: its type, and what the command line would have in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, time

from txsmtpx.command.given import GivenTable
from txsmtpx.command.option import Option
from txsmtpx.setting import shown
from txsmtpx.setting_kinds import one_of

_WORDS = {
    str: "a string",
    bool: "true or false",  # before int, since a bool is an int
    int: "a number",
    float: "a fraction",
    list: "a list",
    dict: "a table",
    date: "a date",
    time: "a time",
}

Tables = Callable[[int, Mapping[str, object]], GivenTable]
"""A function that returns a table with its places, from its number in its array and its content."""


def wrong_type(option: Option[object], value: object) -> str | None:
    """
    Return the error for a value of a wrong type.

    Args:
        option: The option.
        value: The value, as `tomllib` returns it.

    Returns:
        What is wrong, which follows the name of the option; None if the type is right.
    """
    wrong = [each for each in _each(option, value) if type(each) not in option.kind.types]
    if not wrong:
        return None
    words = [_WORDS[kind] for kind in option.kind.types]
    wanted = one_of(words) if words[1:] else words[0]
    found = next(word for kind, word in _WORDS.items() if isinstance(wrong[0], kind))
    value = f": {shown(wrong[0])}" if type(wrong[0]) in (str, int, float) and not option.secret else ""
    return f"must be {wanted}{', or a list of them' if option.repeated else ''}, not {found}{value}"


def as_given(
    option: Option[object], value: object, tables: Tables | None = None
) -> str | bool | GivenTable | list[str | GivenTable]:
    """
    Return a value as the command line would have it.

    Args:
        option: The option.
        value: The value, whose type is right.
        tables: Called for each table.  None: there is none.

    Returns:
        The value: a text, a table, True or False for a flag, a list for an option that may be repeated.
    """
    if option.repeated:
        each = enumerate(_each(option, value))
        return [str(item) if tables is None or not isinstance(item, dict) else tables(at, item) for at, item in each]
    if tables is not None and isinstance(value, dict):
        return tables(0, value)
    return value if isinstance(value, bool) else str(value)


def _each(option: Option[object], value: object) -> list[object]:
    return value if option.repeated and isinstance(value, list) else [value]
