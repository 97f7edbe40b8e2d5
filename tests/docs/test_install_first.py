"""A page names the environment that its commands need before the first of them, and only one page installs txsmtpx."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.docs.block import blocks
from tests.docs.page import ROOT

DOCS = ROOT / "docs"
INSTALL = DOCS / "install.md"
COMMAND = re.compile(
    r"^(?:\$ )?(?:[A-Z]+=\S+ )?(?:twistd|python [\w.]+\.py|python -m txsmtpx|python -c .*txsmtpx)", re.MULTILINE
)


def first_command(page: Path) -> int | None:
    """The line of the first block that needs an environment with txsmtpx."""
    lines = (
        block.line
        for block in blocks(page)
        if block.language in ("shell", "sh", "console") and COMMAND.search(block.text)
    )
    return next(lines, None)


PAGES = [
    page
    for page in sorted(DOCS.rglob("*.md"))
    if "_build" not in page.parts and first_command(page) and page != INSTALL
]


def named(page: Path) -> str:
    return str(page.relative_to(DOCS))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_environment_comes_first(page: Path) -> None:
    line = first_command(page)
    before = "\n".join(page.read_text(encoding="utf-8").splitlines()[:line])
    assert f"]({os.path.relpath(INSTALL, page.parent)}" in before


def test_the_tutorials_are_among_them() -> None:
    assert {"tutorial/server.md", "tutorial/client.md", "tutorial/lmtp.md", "inbox.md"} <= set(map(named, PAGES))


def test_one_page_installs_from_pypi() -> None:
    pages = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
    assert [named(page) for page in pages if re.search(r"pip install '?txsmtpx", page.read_text(encoding="utf-8"))] == [
        "install.md"
    ]
