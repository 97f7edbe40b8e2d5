"""
``--config FILE``: the options of one listener or of several, in TOML.

The top of the file holds options of the process and of every listener.  Each table ``[listener.NAME]`` is one listener;
its own options take precedence over those at the top.

A table ``[[filter]]`` or ``[[listener.NAME.filter]]`` is one value of an option that may be given more than once.

Each option is known with its line, which `tomllib` does not tell.  A statement of TOML is complete exactly if it is a
document by itself.  So `tomllib` finds where each statement ends, and no second parser here can disagree with it.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from txsmtpx.command.given import Given, GivenTable
from txsmtpx.command.groups import GROUPS, OPTIONS
from txsmtpx.command.toml_value import as_given, wrong_type
from txsmtpx.grammar import asciitext
from txsmtpx.setting import did_you_mean

OF_LISTENER = {name for name, option in OPTIONS.items() if option.about == "listener"}
OF_PROCESS = {name for name, option in OPTIONS.items() if option.about == "process"}

_PLACE = re.compile(r" \((?:at|after) [^()]*\)$")
"""The place at the end of an error of `tomllib`, which the line number at its beginning replaces."""

Keys = tuple[str | int, ...]
"""
The path of a key in a document, such as ``("listener", "mx", "port")``.  A number is that of a table in an array.
"""


@dataclass
class Table:
    """
    One listener of the file.

    Attributes:
        name: Its name.
        place: ``FILE:LINE:`` and a space, the place of an error that concerns all of it.
        given: Its options.
    """

    name: str
    place: str
    given: dict[str, Given] = field(default_factory=dict)


class ConfigurationFile:
    """
    A configuration file, parsed.

    Args:
        path: Its path.

    Attributes:
        given: The options at its top.
        tables: Its listeners, in the order of the file; none if it names none.
        errors: What is wrong, a line each.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.given: dict[str, Given] = {}
        self.tables: list[Table] = []
        self.errors: list[str] = []
        self._lines: dict[Keys, int] = {}
        try:
            document = Path(path).read_text("utf-8")
            content = tomllib.loads(document)
        except OSError as error:
            why = f" {path}: cannot read it: {error.strerror}" if path else ": it is empty; name a file"
            self.errors.append(f"--config{why}")
        except UnicodeDecodeError as error:
            line = error.object.count(bytes([10]), 0, error.start) + 1
            self.errors.append(f"{path}:{line}: this is not UTF-8; save the file in UTF-8")
        except RecursionError:
            self.errors.append(f"{path}: its lists or tables are nested too deeply; an option has one list at most")
        except ValueError as error:  # a TOMLDecodeError, or that of Python for a number of thousands of digits
            decoding = isinstance(error, tomllib.TOMLDecodeError)
            why = _PLACE.sub("", str(error)) if decoding else "a number has too many digits"
            self.errors.append(f"{path}:{_faulty_line(document)}: not TOML: {why}")
        else:
            self._lines = lines_of(document)
            self._read(content)

    def _place(self, *keys: str | int) -> str:
        """Return the place of a key; within a list that is one value, that of the list."""
        while keys not in self._lines:
            keys = keys[:-1]
        return f"{self.path}:{self._lines[keys]}: "

    def _read(self, content: Mapping[str, object]) -> None:
        top = {key: value for key, value in content.items() if key != "listener"}
        self._take(top, (), OF_LISTENER | OF_PROCESS, self.given)
        listeners = content.get("listener", {})
        if not isinstance(listeners, dict):
            self.errors.append(f"{self._place('listener')}a listener is a table with a name; write [listener.NAME]")
            listeners = {}
        for name, its in listeners.items():
            table = Table(name, self._place("listener", name))
            if isinstance(its, dict):
                self.tables.append(table)
                self._take(its, ("listener", name), OF_LISTENER, table.given)
            else:
                text = f"{name} is in [listener], which has no name; write [listener.NAME]"
                self.errors.append(f"{table.place}{text}")

    def _take(
        self, values: Mapping[str, object], keys: Keys, known: Collection[str], given: dict[str, Given]
    ) -> None:
        for name, value in values.items():
            place = self._place(*keys, name) + name
            if isinstance(value, dict) and name not in OPTIONS:
                self.errors.append(f"{place} {_unknown_table(name, keys)}")
            elif name not in known:
                self.errors.append(f"{place} {_unknown(name, known)}")
            elif (wrong := wrong_type(OPTIONS[name], value)) is not None:
                self.errors.append(f"{place} {wrong}")
            else:
                tables = functools.partial(self._table, (*keys, name))
                given[name] = Given(as_given(OPTIONS[name], value, tables), place)

    def _table(self, keys: Keys, number: int, content: Mapping[str, object]) -> GivenTable:
        """Return a table of an array of tables, or the only one."""
        table = (*keys, number) if (*keys, number) in self._lines else keys
        places = {key: self._place(*table, key) + key for key in content}
        within = {key: self._table((*table, key), 0, its) for key, its in content.items() if isinstance(its, dict)}
        return GivenTable(content, f"{self._place(*table)}{keys[-1]}", places, within)


ACTIONS = {"help", "version", *(action.name for group in GROUPS for action in group.actions)}
"""The options that print something and exit."""


_TABLES = [name for name, option in OPTIONS.items() if option.kind.read_table is not None]
"""The options whose values may be tables."""


def _unknown_table(name: str, keys: Keys) -> str:
    if keys:
        near = did_you_mean(name, _TABLES)
        return f"is not an option{near}" if near else f"is a table within a listener; write it as [listener.{name}]"
    near = did_you_mean(name, ["listener", *_TABLES])
    return f"is not a table of this file{near or ';'} a listener is [listener.NAME]"


def _unknown(name: str, known: Collection[str]) -> str:
    if name in OF_PROCESS:
        return "is an option of the whole process; write it at the top, before any table"
    if name in OPTIONS or name in ACTIONS:
        return f"is an option of the command line only; write --{name} there"
    near = did_you_mean(asciitext.lower(name).replace("_", "-"), [*known, "listener"])
    return f"is not an option{near or '; twistd smtpx --help lists them'}"


def lines_of(document: str) -> dict[Keys, int]:
    """
    Find the line of every key and of every table.

    Args:
        document: Valid TOML.

    Returns:
        The lines, from 1, by the paths of the keys.
    """
    found: dict[Keys, int] = {(): 1}
    table: Keys = ()
    numbers: dict[Keys, int] = {}
    for line, statement, header in _statements(document):
        for keys in _paths(statement):
            whole = keys if header else table + keys
            for end in range(1, len(whole) + 1):
                found.setdefault(whole[:end], line)
            if header == "[":
                table = keys
                found[keys] = line
            elif header:
                numbers[keys] = numbers.get(keys, -1) + 1
                table = (*keys, numbers[keys])
                found[table] = line
    return found


def _faulty_line(document: str) -> int:
    """Return the line of the first statement with which a document is not TOML."""
    lines = document.replace("\r\n", "\n").split("\n")
    at = 0
    while at < len(lines):
        try:
            end, _ = _statement(lines, at)
            tomllib.loads("\n".join(lines[:end]))  # two statements may contradict each other
        except ValueError:
            break
        at = end
    return at + 1


_HEADER = re.compile(r"\s*(\[\[|\[)")


def _statements(document: str) -> Iterator[tuple[int, dict[str, object], str]]:
    """Iterate over the statements: the first line, the content, and "[" or "[[" before the header of a table."""
    lines = document.replace("\r\n", "\n").split("\n")
    at = 0
    while at < len(lines):
        end, content = _statement(lines, at)
        if content:
            header = _HEADER.match(lines[at])
            yield at + 1, content, header[1] if header else ""
        at = end


def _statement(lines: list[str], at: int) -> tuple[int, dict[str, object]]:
    """
    Find the end of a statement.

    Returns:
        The number of the line behind it, and its keys and values.

    Raises:
        ValueError: There is no statement at that line.
    """
    for end in range(at + 1, len(lines) + 1):
        try:
            return end, tomllib.loads("\n".join(lines[at:end]))
        except tomllib.TOMLDecodeError:
            continue
    raise ValueError(f"no statement on line {at + 1}")


def _paths(content: object) -> Iterator[Keys]:
    """Iterate over the paths that end in a value or in an empty table."""
    if isinstance(content, list) and content and all(isinstance(each, dict) for each in content):
        content = content[-1]  # the last table of an array is the one that further keys belong to
    if isinstance(content, dict) and content:
        for key, value in content.items():
            for keys in _paths(value):
                yield (key, *keys)
    else:
        yield ()
