"""
The pages that stand at the root of the repository, where people look for them: here each is a page like the others.

A page C{changelog.md} here says that it is C{../CHANGELOG.md}; it is printed with the text of that file.  Links to
such a file lead to that page.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGES = {
    "CHANGELOG.md": "changelog",
    "CONTRIBUTING.md": "contributing",
    "SECURITY.md": "security",
    "README.md": "index",
}
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)")


def _read(app: Any, docname: str, source: list[str]) -> None:
    of_root = {page: file for file, page in PAGES.items() if page != "index"}
    directory = posixpath.join("docs", posixpath.dirname(docname))
    if docname in of_root:
        source[0] = (ROOT / of_root[docname]).read_text(encoding="utf-8")
        directory = ""

    def link(match: re.Match[str]) -> str:
        """To a path that is relative to the page which is printed."""
        path = posixpath.normpath(posixpath.join(directory, match[1]))
        path = f"docs/{PAGES[path]}.md" if path in PAGES else path
        file = "path:" if path.endswith(".md") and not path.startswith("docs/") else ""  # no page, but a file
        return f"]({file}{posixpath.relpath(path, posixpath.join('docs', posixpath.dirname(docname)))}{match[2] or ''})"

    source[0] = _LINK.sub(link, source[0])


def setup(app: Any) -> dict[str, Any]:
    """For Sphinx."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True}
