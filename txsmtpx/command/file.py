"""
``--config FILE``: the options of one listener or of several, in TOML.

The top of the file holds options of the process and of every listener.  Each table ``[listener.NAME]`` is one listener;
its own options take precedence over those at the top.

Each option is known with its line, which `tomllib` does not tell.  A statement of TOML is complete exactly if it is a
document by itself.  So `tomllib` finds where each statement ends, and no second parser here can disagree with it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path

from txsmtpx.command.groups import GROUPS, OPTIONS
from txsmtpx.command.option import Given, Option
from txsmtpx.grammar import asciitext
from txsmtpx.setting import did_you_mean, shown
from txsmtpx.setting_kinds import one_of

OF_LISTENER = {name for name, option in OPTIONS.items() if option.about == "listener"}
OF_PROCESS = {name for name, option in OPTIONS.items() if option.about == "process"}

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

_PLACE = re.compile(r" \((?:at|after) [^()]*\)$")
"""The place at the end of an error of `tomllib`, which the line number at its beginning replaces."""

Keys = tuple[str, ...]
"""The path of a key in a document, such as ``("listener", "mx", "port")``."""


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

    def _place(self, *keys: str) -> str:
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
            elif (wrong := _wrong_type(OPTIONS[name], value)) is not None:
                self.errors.append(f"{place} {wrong}")
            else:
                given[name] = Given(_as_given(OPTIONS[name], value), place)


_ACTIONS = {"help", "version", *(action.name for group in GROUPS for action in group.actions)}
"""The options that print something and exit."""


def _unknown_table(name: str, keys: Keys) -> str:
    if keys:
        return f"is a table within a listener; write it as [listener.{name}]"
    return f"is not a table of this file{did_you_mean(name, ['listener']) or ';'} a listener is [listener.NAME]"


def _unknown(name: str, known: Collection[str]) -> str:
    if name in OF_PROCESS:
        return "is an option of the whole process; write it at the top, before any table"
    if name in OPTIONS or name in _ACTIONS:
        return f"is an option of the command line only; write --{name} there"
    near = did_you_mean(asciitext.lower(name).replace("_", "-"), [*known, "listener"])
    return f"is not an option{near or '; twistd smtpx --help lists them'}"


def _wrong_type(option: Option[object], value: object) -> str | None:
    """Return the error for a value of a wrong type."""
    wrong = [each for each in _each(option, value) if type(each) not in option.kind.types]
    if not wrong:
        return None
    words = [_WORDS[kind] for kind in option.kind.types]
    wanted = one_of(words) if words[1:] else words[0]
    found = next(word for kind, word in _WORDS.items() if isinstance(wrong[0], kind))
    value = f": {shown(wrong[0])}" if type(wrong[0]) in (str, int, float) and not option.secret else ""
    return f"must be {wanted}{', or a list of them' if option.repeated else ''}, not {found}{value}"


def _each(option: Option[object], value: object) -> list[object]:
    return value if option.repeated and isinstance(value, list) else [value]


def _as_given(option: Option[object], value: object) -> str | bool | list[str]:
    """Return a value as the command line would have it."""
    if option.repeated:
        return [str(each) for each in _each(option, value)]
    return value if isinstance(value, bool) else str(value)


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
    for line, statement, is_header in _statements(document):
        for keys in _paths(statement):
            whole = keys if is_header else table + keys
            for end in range(1, len(whole) + 1):
                found.setdefault(whole[:end], line)
            if is_header:
                table = keys
                found[keys] = line
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


def _statements(document: str) -> Iterator[tuple[int, dict[str, object], bool]]:
    """Iterate over the statements: the first line, the content, and whether it is the header of a table."""
    lines = document.replace("\r\n", "\n").split("\n")
    at = 0
    while at < len(lines):
        end, content = _statement(lines, at)
        if content:
            yield at + 1, content, lines[at].lstrip().startswith("[")
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
