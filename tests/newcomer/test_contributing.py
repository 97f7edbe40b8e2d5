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

from tests.docs.page import Page
from tests.docs.story import commands
from tests.interop.conftest import room  # noqa: F401  # a fixture
from tests.newcomer.clone import ROOT, Clone
from tests.newcomer.terminal import terminal_at

PAGE = Page("CONTRIBUTING.md")
SERVE = PAGE.take("shell", "make serve")
EXTENSION, TESTS = PAGE.take("python", "XTIME = Extension"), PAGE.take("python", "def test_")
CHANGE = PAGE.take("diff")
RUN, TELNET = PAGE.take("shell", "test_xtime"), PAGE.take("console", "XTIME")
GENERATE = PAGE.take("shell", "docs/extensions.py")


@pytest.fixture(scope="module")
def clone(room: Callable[[str], Path]) -> Clone:  # noqa: F811
    for program in ("git", "make"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    return Clone(room("a contributor"))


def test_a_first_extension(clone: Clone) -> None:
    for each in (EXTENSION, TESTS):
        (clone.directory / each.name).write_text(each.text)
    apply = ["git", "apply", "--unidiff-zero", "-"]
    subprocess.run(apply, cwd=clone.directory, input=CHANGE.text, text=True, check=True)

    # What make would install is lent to the clone: the stamp says that it is there.
    with terminal_at(clone) as terminal:
        port = terminal.port("1025")
        terminal.type(SERVE.text)
        (clone.directory / ".venv/made-to-develop").touch()
        for program in ("ruff", "mypy"):
            shutil.copy(Path(sys.executable).with_name(program), clone.directory / ".venv/bin")
        if (ROOT / ".mypy_cache").is_dir():  # of make types; mypy reads again what has changed since
            shutil.copytree(ROOT / ".mypy_cache", clone.directory / ".mypy_cache")
        for command in commands(RUN.text):
            terminal.run(command)
        typed = TELNET.text.splitlines()[1:]
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
            assert [client.docmd(line)[0] for line in typed] == [250, 250]
            client.ehlo()
            assert client.has_extn("XTIME")
            assert re.fullmatch(rb"2\.0\.0 [0-9]+ seconds", client.docmd("XTIME")[1])
        terminal.type(GENERATE.text)
    for page in ("extensions", "states"):
        assert "XTIME" in (clone.directory / f"docs/{page}.md").read_text()
