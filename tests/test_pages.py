"""What pages for operators show besides what is acted out: the state of a program, and scripts that install."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import pytest

from tests.test_readme import blocks
from txsmtpx.testing import issue

ROOT = Path(__file__).parents[1]
PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text() for name in ("certificates", "running")}


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program names."""
    (tmp_path / "certificates").mkdir()
    shutil.copy(issue(tmp_path, "mx.example.org", "mx.example.org").both, tmp_path / "certificates")
    monkeypatch.chdir(tmp_path)


def test_a_program_of_your_own() -> None:
    """All but the listening: another test may have the ports."""
    (program,) = blocks(PAGES["certificates"], "python")
    names: dict[str, object] = {}
    exec(program.partition("\nserverFromString")[0], names)
    assert names["factory"].tls is names["certificates"]  # type: ignore[attr-defined]
    assert names["certificates"].names == ("mx.example.org",)  # type: ignore[attr-defined]


def test_hooks_are_programs() -> None:
    for page in PAGES.values():
        for script in blocks(page, "sh"):
            assert script.startswith("#!/bin/sh\n")
            assert os.system(f"sh -n -c {shlex.quote(script)}") == 0
