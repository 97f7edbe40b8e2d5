"""The walk through a first extension in CONTRIBUTING.md, in a clone: written, tested, seen in EHLO, printed."""

from __future__ import annotations

import re
import shutil
import smtplib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.block import Block, blocks
from tests.docs.story import commands
from tests.interop.conftest import room  # noqa: F401  # a fixture
from tests.newcomer.clone import Clone
from tests.newcomer.terminal import terminal_at


@pytest.fixture(scope="module")
def clone(room: Callable[[str], Path]) -> Clone:  # noqa: F811
    for program in ("git", "make"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    return Clone(room("contributor"))


def walk(clone: Clone) -> list[Block]:
    """The blocks of that section."""
    page = clone.directory / "CONTRIBUTING.md"
    text = page.read_text()
    first, last = (
        text[: text.index(f"\n## {title}\n")].count("\n") for title in ("Your first extension", "How it is written")
    )
    return [block for block in blocks(page) if first < block.line < last]


def block(clone: Clone, words: str) -> str:
    """The commands of the only block outside of the walk that has these words in it."""
    others = set(blocks(clone.directory / "CONTRIBUTING.md")) - set(walk(clone))
    (found,) = [each.text for each in others if words in each.text]
    return found


def test_a_first_extension(clone: Clone) -> None:
    extension, change, tests, run, telnet = walk(clone)
    for each, name in ((extension, "txsmtpx/extensions/xtime.py"), (tests, "tests/extensions/test_xtime.py")):
        assert f"`{name}`" in (clone.directory / "CONTRIBUTING.md").read_text()
        (clone.directory / name).write_text(each.text)
    apply = ["git", "apply", "--unidiff-zero", "-"]
    subprocess.run(apply, cwd=clone.directory, input=change.text, text=True, check=True)

    # What make would install is lent to the clone: the stamp says that it is there.
    with terminal_at(clone) as terminal:
        port = terminal.port("1025")
        terminal.type(block(clone, "make serve"))
        (clone.directory / ".venv/made-to-develop").touch()
        shutil.copy(Path(sys.executable).with_name("ruff"), clone.directory / ".venv/bin")
        for command in commands(run.text)[:2]:  # make types is too long for a test, and is run on everything anyway
            terminal.run(command)
        typed = telnet.text.splitlines()[1:]
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
            assert [client.docmd(line)[0] for line in typed] == [250, 250]
            client.ehlo()
            assert client.has_extn("XTIME")
            assert re.fullmatch(rb"2\.0\.0 [0-9]+ seconds", client.docmd("XTIME")[1])
        terminal.type(block(clone, "docs/extensions.py"))
    for page in ("extensions", "states"):
        assert "XTIME" in (clone.directory / f"docs/{page}.md").read_text()


def test_no_block_is_left_out(clone: Clone) -> None:
    """Besides those of the walk there are two that are run with it, and those that say why they are not."""
    run = [each for each in blocks(clone.directory / "CONTRIBUTING.md") if not each.not_run]
    assert len(run) == len(walk(clone)) + 2
