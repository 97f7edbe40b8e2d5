"""
A page for each file of the package, with numbered lines, and links to it.

In the pages of text a file is called by its path, C{[server](../txsmtpx/wire/server.py)}, so that the link is good
where the text is read as it is; here it becomes one to the page of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from pygments.util import ClassNotFound
from sphinx.addnodes import download_reference

ROOT = Path(__file__).parents[2]
SHOWN = ("txsmtpx/**/*.py", "twisted/**/*.py", "pytest_txsmtpx.py", "examples/*", "*.md", "benchmarks/*")


def shown() -> list[Path]:
    """The files that have a page."""
    return sorted(path for pattern in SHOWN for path in ROOT.glob(pattern) if path.is_file() and _is_text(path))


def _is_text(path: Path) -> bool:
    return path.suffix not in (".pyc", ".png") and "__pycache__" not in path.parts


def page_of(file: Path) -> str:
    """The name of the page of a file."""
    return f"source/{_path(file).removesuffix('.py')}"


def _path(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def _pages(app: Any) -> Iterator[tuple[str, dict[str, Any], str]]:
    formatter = HtmlFormatter(linenos="inline", lineanchors="L", anchorlinenos=True, cssclass="highlight")
    for file in shown():
        path = _path(file)
        try:
            lexer = get_lexer_for_filename(path)
        except ClassNotFound:
            lexer = get_lexer_for_filename("x.txt")
        body = highlight(file.read_text(encoding="utf-8"), lexer, formatter)
        yield page_of(file), {"title": path, "body": f"<h1>{path}</h1>{body}"}, "page.html"


def _resolve(app: Any, doctree: nodes.document, docname: str) -> None:
    """Make the links to files those to their pages."""
    for node in [*doctree.findall(download_reference)]:
        target, _, line = node["reftarget"].partition("#")
        file = Path(app.srcdir, docname).parent.joinpath(target).resolve()
        if file in set(shown()):
            uri = app.builder.get_relative_uri(docname, page_of(file))
            refuri = f"{uri}#{line.replace('L', 'L-')}" if line else uri
            node.replace_self(nodes.reference("", "", *node.children, internal=True, refuri=refuri))


def setup(app: Any) -> dict[str, Any]:
    """For Sphinx."""
    app.connect("html-collect-pages", _pages)
    app.connect("doctree-resolved", _resolve)
    return {"parallel_read_safe": True}
