"""Users' code before mypy, with its plugin for zope.interface and without it: right passes, wrong does not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy_zope")

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What mypy says, "plain" and with "zope"."""
    directory = tmp_path_factory.mktemp("mypy")
    runs = {}
    for kind, plugin in [("plain", ""), ("zope", "plugins = mypy_zope:plugin\n")]:
        config = directory / f"{kind}.ini"
        config.write_text(f"[mypy]\nstrict = True\npretty = False\ncolor_output = False\n{plugin}")
        files = sorted(HERE.glob("zope_*.py" if kind == "zope" else "[rw]*.py"))
        files = files if kind == "plain" else [*files, HERE / "right.py", HERE / "wrong.py"]
        command = [sys.executable, "-m", "mypy", f"--config-file={config}", f"--cache-dir={directory / kind}", *files]
        # Side by side, and away from the configuration of this project.
        runs[kind] = subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, text=True)
    return {kind: run.communicate()[0] for kind, run in runs.items()}


def errors(said: str, file: str) -> set[tuple[int, str]]:
    """The lines and codes of the errors in ``file``."""
    found = re.findall(rf"{file}:(\d+): error: .*\[([a-z-]+)\]$", said, re.MULTILINE)
    return {(int(line), code) for line, code in found}


def marked(file: str) -> set[tuple[int, str]]:
    """The same, as they are written there."""
    lines = (HERE / file).read_text().splitlines()
    marks = [(number, re.search("# E: ([a-z, -]+)$", line)) for number, line in enumerate(lines, 1)]
    return {(number, code) for number, mark in marks if mark is not None for code in mark[1].split(", ")}


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("plain", "right.py"),
        ("plain", "wrong.py"),
        ("zope", "right.py"),
        ("zope", "wrong.py"),
        ("zope", "zope_right.py"),
        ("zope", "zope_wrong.py"),
    ],
)
def test_what_mypy_says(told: dict[str, str], kind: str, file: str) -> None:
    assert errors(told[kind], f"/{file}") == marked(file), told[kind]
    assert bool(marked(file)) is file.endswith("wrong.py")
