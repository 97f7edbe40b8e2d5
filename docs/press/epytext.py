"""
Docstrings as Twisted writes them (epytext, https://epydoc.sourceforge.net/epytext.html) to reStructuredText.

Of its markup, what the package uses: C{L{...}}, C{C{...}}, and fields.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from press.google import as_fields
from press.names import PACKAGE, named_from

FIELDS = {"param": "param", "ivar": "ivar", "cvar": "cvar", "return": "return", "raise": "raises"}
"""What a field is called there, and what it is called in Sphinx."""

_FIELD = re.compile(r"@(\w+)(?: +([^:]+))?: *(.*)")
_BORDER = re.compile(r"^=+( +=+)+$", re.MULTILINE)
_MARKUP = re.compile(r"\b([LC])\{((?:[^{}]|\{[^{}]*\})*)\}")
_SPECIAL = re.compile(r"([\\*`|]|(?<=\w)_(?!\w))")


def translated(docstring: str, where: Any) -> str:
    """
    A docstring in reStructuredText.

    @param docstring: without its indentation.
    @param where: the object whose docstring it is, in whose module names are looked up.
    """
    return "\n".join(_lines(docstring, where))


def _lines(docstring: str, where: Any) -> Iterator[str]:
    # Only whole paragraphs, since markup may go on behind the end of a line.
    in_fields = False
    for paragraph in re.split(r"(\n\s*\n|\n(?=@\w+[ :]))", docstring):
        if not paragraph.strip():
            yield ""
        elif field := _FIELD.match(paragraph.strip("\n")):
            if not in_fields:
                yield ""
            in_fields = True
            kind, argument, text = field[1], field[2], paragraph.strip("\n")[field.start(3) :]
            if kind == "raise" and argument:
                argument = named_from(where, argument)
            about = f" {argument.strip('*')}" if argument else ""
            lines = _inline(text, where).splitlines() or [""]
            yield f":{FIELDS[kind]}{about}: {lines[0].strip()}"
            yield from (f"    {line.strip()}" for line in lines[1:])
        elif border := _BORDER.search(paragraph):
            yield from _table(paragraph.strip("\n").splitlines(), border[0], where)
        else:
            yield from _inline(paragraph, where).splitlines()


def _table(lines: list[str], border: str, where: Any) -> Iterator[str]:
    """A simple table as a list, in which the width of a cell does not matter."""
    starts = [match.start() for match in re.finditer("=+", border)]
    yield from (".. list-table::", "")
    for line in lines:
        if set(line) <= {"=", " "}:
            continue
        cells = [line[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
        if not cells[0]:  # the rest of the cell above
            yield f"       {_inline(cells[-1], where)}"
            continue
        for number, cell in enumerate(cells):
            yield f"   {' ' if number else '*'} - {_inline(cell, where)}"
    yield ""


def _inline(text: str, where: Any) -> str:
    """Each piece of markup by itself, and what stands between, escaped."""
    written, end = [], 0
    for match in _MARKUP.finditer(text):
        written += [_SPECIAL.sub(r"\\\1", text[end : match.start()]), _marked(match[1], match[2], where)]
        end = match.end()
        if text[end : end + 1].isalnum():
            written.append("\\ ")
    return "".join([*written, _SPECIAL.sub(r"\\\1", text[end:])])


def _marked(kind: str, text: str, where: Any) -> str:
    text = " ".join(text.split())
    if kind == "C":
        return f"``{text}``"
    name = named_from(where, text)
    return f":py:obj:`{text} <{name}>`"


def _process(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    about, *fields = re.split(r"\n(?=@)", as_fields("\n".join(lines)), maxsplit=1)
    parts = [(about, obj if obj is not None else name), *_made(obj), *((each, obj) for each in fields)]
    lines[:] = [*"\n\n".join(translated(*part) for part in parts).splitlines(), ""]


def _made(thing: Any) -> Iterator[tuple[str, Any]]:
    """What is said of how an object of this class is made, where a class of ours says it."""
    made = getattr(thing, "__init__", None) if inspect.isclass(thing) else None
    if made is not None and getattr(made, "__module__", "").startswith(PACKAGE) and made.__doc__:
        yield as_fields(inspect.cleandoc(made.__doc__)), made


def _readable(app: Any, what: str, name: str, obj: Any, options: Any, signature: Any, returned: Any) -> Any:
    """Interfaces, classes and functions are shown by their names, and what makes a default as three dots."""

    def readable(text: str) -> str:
        named = re.sub(r"<(?:InterfaceClass|function|built-in function|class) '?([\w.]+)'?>", r"\1", text)
        return re.sub(r"<factory>|<function [\w.]*<lambda>>", "...", named)

    return tuple(text and readable(text) for text in (signature, returned))


def setup(app: Any) -> dict[str, Any]:
    """For Sphinx."""
    app.connect("autodoc-process-docstring", _process)
    app.connect("autodoc-process-signature", _readable)
    return {"parallel_read_safe": True}
