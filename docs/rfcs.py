"""
The map of RFCs: each section that the source cites, and the code that cites it.

A citation is ``RFC 5321 §4.1.1.2`` in a comment or docstring.  A section alone is one of the RFC with which the file
opens.  The headings of the RFCs and of their sections stand in ``rfc_headings.txt``, copied from the RFCs.
"""

from __future__ import annotations

import ast
import html
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = "txsmtpx"
ROOT = Path(__file__).parents[1]
HEADINGS = Path(__file__).with_name("rfc_headings.txt")

BEGINNING = """\
# Map of RFCs

With this page you find the code that implements a section of an RFC. `make docs` prints the map from the citations in
the source. Each section has the functions, classes and files that cite it, with their lines.
"""

_RFC = r"RFC[\s#]+(\d+)"
_SECTION = r"§(\d+(?:\.\d+)*)"
# Since Python 3.12 an f-string is several tokens (PEP 701), since 3.14 there are t-strings (PEP 750).
_STRINGS = {getattr(tokenize, name, tokenize.STRING) for name in ("STRING", "FSTRING_MIDDLE", "TSTRING_MIDDLE")}
_CITATION = re.compile(rf"{_RFC}|{_SECTION}")


@dataclass(frozen=True, order=True)
class Citation:
    """
    One place that cites one section.

    Attributes:
        section: The numbers of the section; empty for the RFC as a whole.
        name: The function or class that encloses the place; "" for the file itself.
    """

    rfc: int
    section: tuple[int, ...]
    file: Path
    line: int
    name: str


@cache
def citations() -> tuple[Citation, ...]:
    """All of the package's, in order."""
    files = sorted((ROOT / PACKAGE).rglob("*.py"))
    return tuple(sorted({citation for file in files for citation in citations_in(file)}))


def citations_in(file: Path) -> Iterator[Citation]:
    """Those of one file."""
    source = file.read_text(encoding="utf-8")
    if not re.search(r"RFC|§", source):
        return
    tree = ast.parse(source)
    about = re.search(_RFC, ast.get_docstring(tree) or "")
    names = list(_names(tree))
    for line, text in _texts(source):
        rfc, end = int(about[1]) if about else 0, 0
        for match in _CITATION.finditer(text):
            at = line + text.count("\n", 0, match.start())
            name = next((name for first, last, name in reversed(names) if first <= at <= last), "")
            if match[1]:
                rfc, end = int(match[1]), match.end()
                if not re.match(rf"[\s#]*{_SECTION}", text[end:]):
                    yield Citation(rfc, (), file, at, name)
            elif rfc:
                # Behind a section of another RFC, one alone is of that only if it is told in the same breath.
                if about and end and not re.fullmatch(r"[\s#,]*(and |or |to )?", text[end : match.start()]):
                    rfc = int(about[1])
                end = match.end()
                yield Citation(rfc, tuple(map(int, match[2].split("."))), file, at, name)


def _texts(source: str) -> Iterator[tuple[int, str]]:
    """Comments, those of neighbouring lines as one, and strings; each with its first line."""
    pending: tuple[int, str] | None = None
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if pending and token.start[0] == pending[0] + pending[1].count("\n") + 1:
                pending = pending[0], f"{pending[1]}\n{token.string}"
                continue
            if pending:
                yield pending
            pending = token.start[0], token.string
        elif token.type in _STRINGS:
            yield token.start[0], token.string
    if pending:
        yield pending


def _names(tree: ast.AST, within: str = "") -> Iterator[tuple[int, int, str]]:
    """First line, last line and name of all functions and classes, the inner behind the outer."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{within}{node.name}"
            yield node.lineno, node.end_lineno or node.lineno, name
            yield from _names(node, f"{name}.")


def headings() -> dict[tuple[int, str], str]:
    """RFC and section, "-" for the RFC itself, to the heading; the text of RFC 9422 was not at hand."""
    lines = HEADINGS.read_text(encoding="utf-8").splitlines()
    return {(int(rfc), section): heading for rfc, section, heading in (line.split(" ", 2) for line in lines)}


def page() -> str:
    """The text of the page."""
    return "\n".join(_paragraphs(citations()))


def _paragraphs(found: Sequence[Citation]) -> Iterator[str]:
    yield BEGINNING
    titles = headings()
    for rfc in sorted({each.rfc for each in found}):
        home = f"https://www.rfc-editor.org/rfc/rfc{rfc}"
        yield f"## RFC {rfc}\n\n[{titles[rfc, '-']}]({home})\n\n| section | cited in |\n| --- | --- |"
        for section in sorted({each.section for each in found if each.rfc == rfc}):
            dotted = ".".join(map(str, section))
            places = [each for each in found if (each.rfc, each.section) == (rfc, section)]
            first = {(each.file, each.name): each for each in reversed(places)}
            shown = "<br>".join(_place(each) for each in sorted(first.values()))
            title = html.escape(titles.get((rfc, dotted), ""), quote=False)
            which = f"[§{dotted}]({home}#section-{dotted}) {title}" if dotted else "as a whole"
            yield f"| {which} | {shown} |"
        yield ""


def _place(citation: Citation) -> str:
    path = citation.file.relative_to(ROOT).as_posix()
    name = f" `{citation.name}`" if citation.name else ""
    return f"[{path}](../{path}){name}"


def read(app: Any, docname: str, source: list[str]) -> None:
    """
    Print the page, for Sphinx.

    Args:
        app: The application of Sphinx.
        docname: The name of the page that is read.
        source: Its text, as the only item.
    """
    if docname == "rfcs":
        source[0] = page()
