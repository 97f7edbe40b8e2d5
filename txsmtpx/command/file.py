"""
``--config FILE``: what could be said by options, for several listeners, in TOML.

What stands at the top is for the process and for every listener; each table ``[listener.NAME]`` is one listener, for
which what it says itself counts more.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import Any

from txsmtpx.command.box import GROUPS, OPTIONS
from txsmtpx.command.option import Option
from txsmtpx.command.places import places
from txsmtpx.command.values import Said

OF_LISTENER = {option.name for group in GROUPS if group.for_listener for option in group.options}
OF_PROCESS = {option.name for group in GROUPS if group.for_process for option in group.options}

_WORDS = {
    str: "a string",
    bool: "true or false",  # before int, which it is as well
    int: "a number",
    float: "a fraction",
    list: "a list",
    dict: "a table",
    date: "a date",
    time: "a time",
}


@dataclass
class Table:
    """
    One listener of the file.

    Attributes:
        place: "FILE:LINE: ", for what is wrong with all of it.
        said: What stands in it.
    """

    name: str
    place: str
    said: dict[str, Said] = field(default_factory=dict)


class ConfigurationFile:
    """
    A file, read.

    Attributes:
        said: What stands at the top.
        tables: Its listeners, in their order; none where it names none.
        errors: What is wrong with it, a line each.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.said: dict[str, Said] = {}
        self.tables: list[Table] = []
        self.errors: list[str] = []
        self._lines: dict[tuple[str, ...], int] = {}
        try:
            document = Path(path).read_text("utf-8")
            content = tomllib.loads(document)
        except OSError as error:
            self.errors.append(f"--config {path}: {error.strerror}")
        except UnicodeDecodeError as error:
            self.errors.append(f"{path}:{error.object.count(bytes([10]), 0, error.start) + 1}: this is not UTF-8")
        except tomllib.TOMLDecodeError as error:
            self.errors.append(self._syntax(str(error), document))
        else:
            self._lines = places(document)
            self._read(content)

    def _syntax(self, text: str, document: str) -> str:
        where = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", text)
        line = where[1] if where and where[1] else len(document.splitlines())
        return f"{self.path}:{line}: {text[: where.start()] if where else text}"

    def _place(self, *path: str) -> str:
        return f"{self.path}:{self._lines[path]}: "

    def _read(self, content: Mapping[str, Any]) -> None:
        top = {key: value for key, value in content.items() if key != "listener"}
        self._take(top, (), OF_LISTENER | OF_PROCESS, self.said)
        listeners = content.get("listener", {})
        if not isinstance(listeners, dict):
            self.errors.append(f"{self._place('listener')}a listener has a name: [listener.NAME]")
            listeners = {}
        for name, its in listeners.items():
            table = Table(name, self._place("listener", name))
            if isinstance(its, dict):
                self.tables.append(table)
                self._take(its, ("listener", name), OF_LISTENER, table.said)
            else:
                self.errors.append(f"{table.place}{name} is no table; a listener is a [listener.{name}]")

    def _take(
        self, values: Mapping[str, Any], path: tuple[str, ...], known: Collection[str], said: dict[str, Said]
    ) -> None:
        for name, value in values.items():
            place = self._place(*path, name) + name
            if name not in known:
                self.errors.append(f"{place} {_unknown(name, known)}")
            elif (wrong := _wrong_type(OPTIONS[name], value)) is not None:
                self.errors.append(f"{place} {wrong}")
            else:
                said[name] = Said(_as_text(OPTIONS[name], value), place)


def _unknown(name: str, known: Collection[str]) -> str:
    if name in OF_PROCESS:
        return "is for the whole process: it stands at the top, before any table"
    if name in OPTIONS:
        return "is for the command line only"
    (*close,) = difflib.get_close_matches(name.replace("_", "-").lower(), [*known, "listener"], 1)
    return f"is no option; did you mean {close[0]}?" if close else "is no option"


def _wrong_type(option: Option, value: Any) -> str | None:
    """What is said of a value that is not of the right kind."""
    wrong = next((each for each in _each(option, value) if type(each) not in option.kind.types), None)
    if wrong is None:
        return None
    wanted = " or ".join(_WORDS[kind] for kind in option.kind.types)
    found = next(word for kind, word in _WORDS.items() if isinstance(wrong, kind))
    return f"takes {wanted}{', or a list of them' if option.repeated else ''}, not {found}"


def _each(option: Option, value: Any) -> list[Any]:
    return value if option.repeated and isinstance(value, list) else [value]


def _as_text(option: Option, value: Any) -> Any:
    """As it would have been said on the command line."""
    texts = [each if isinstance(each, bool) else str(each) for each in _each(option, value)]
    return texts if option.repeated else texts[0]
