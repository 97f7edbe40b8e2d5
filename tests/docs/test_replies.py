"""docs/replies.md has each reply of the server.  `tests.test_docs` compares the page with docs/replies.py."""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.page import ROOT

SERVER = (
    "backends",
    "dialog",
    "errors",
    "extensions",
    "filters",
    "grammar",
    "middleware",
    "sasl",
    "settling.py",
    "wire",
)


def files() -> list[Path]:
    """The source of the server, without its tools for tests."""
    paths = [ROOT / "txsmtpx" / name for name in SERVER]
    return [file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path])]


def made_in(file: Path) -> Iterator[tuple[str, int]]:
    """The top-level names in which a `Reply` with a fixed code is made, and the line."""
    for top in ast.parse(file.read_text(encoding="utf-8")).body:
        target = top.targets[0] if isinstance(top, ast.Assign) else top
        name = target.id if isinstance(target, ast.Name) else getattr(target, "name", "")
        for node in ast.walk(top):
            if not isinstance(node, ast.Call) or ast.unparse(node.func) not in ("Reply", "SMTPError") or not node.args:
                continue
            code = node.args[0]
            if isinstance(code, ast.Constant) and isinstance(code.value, int):
                yield name, node.lineno


@pytest.fixture(scope="module")
def entries() -> dict[str, str]:
    """The text of each reply on the page, by its name."""
    return {entry.name: entry.when for entry in found()}


def found() -> list[Any]:
    """The entries of the page."""
    return list(runpy.run_path(str(ROOT / "docs/replies.py"))["entries"]())


def test_each_reply_of_the_source_is_on_the_page(entries: dict[str, str]) -> None:
    made = [(name, file.relative_to(ROOT), line) for file in files() for name, line in made_in(file)]
    assert len(made) > 80
    assert [each for each in made if each[0] not in entries] == []


def test_each_states_when_it_is_sent(entries: dict[str, str]) -> None:
    beginnings = ("To ", "If ", "For ", "After ", "Instead of ", "Greeting")
    assert {name: when for name, when in entries.items() if not when.startswith(beginnings)} == {}


def test_the_pair_of_codes_is_a_heading() -> None:
    """So a search for "452 4.3.1" finds it."""
    page = (ROOT / "docs/replies.md").read_text(encoding="utf-8")
    assert (
        "\n### 452 4.3.1\n\n| text | sent | by |\n| --- | --- | --- |\n| `Insufficient system storage (QUEUE_ID)` |"
        in page
    )
    assert re.search(r"^\| 452 \| .*\[4\.3\.1\]\(#452-431\)", page, re.MULTILINE)


def test_replies_to_devices_exist() -> None:
    """The page on debugging has replies as the server sends them."""
    page = (ROOT / "docs/howto/debugging.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^\| `([245][^`]*)` \|", page, re.MULTILINE))
    assert len(shown) > 10
    assert shown - {f"{entry.codes} {entry.reply.lines[0]}" for entry in found()} == set()
