"""
Code of applications before mypy, with its plugin for zope.interface and without it, and before pyright.

Both run in their strict modes.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy_zope")

HERE = Path(__file__).parent
CONFIGURATION = "[mypy]\nstrict = True\nuntyped_calls_exclude = twisted\npretty = False\ncolor_output = False\n"
RIGHT = sorted(path.name for path in HERE.glob("right*.py"))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> dict[str, str]:
    """What mypy says, "plain" and with "zope"."""
    cache = pytestconfig.cache.mkdir("mypy")  # mypy reads again what has changed since the last run
    directory = tmp_path_factory.mktemp("mypy")
    runs = {}
    for kind, plugin in [("plain", ""), ("zope", "plugins = mypy_zope:plugin\n")]:
        config = directory / f"{kind}.ini"
        config.write_text(f"{CONFIGURATION}{plugin}")
        files = sorted(HERE.glob("zope_*.py" if kind == "zope" else "[rw]*.py"))
        files = files if kind == "plain" else [*files, *sorted(HERE.glob("[rw]*.py"))]
        command = [sys.executable, "-m", "mypy", f"--config-file={config}", f"--cache-dir={cache / kind}", *files]
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
        *((kind, file) for kind in ("plain", "zope") for file in [*RIGHT, "wrong.py"]),
        ("zope", "zope_right.py"),
        ("zope", "zope_wrong.py"),
    ],
)
def test_what_mypy_says(told: dict[str, str], kind: str, file: str) -> None:
    assert errors(told[kind], f"/{file}") == marked(file), told[kind]
    assert bool(marked(file)) is file.endswith("wrong.py")


@pytest.fixture(scope="module")
def by_pyright(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[int]]:
    """Return the lines that pyright reports, by file; basedpyright is pyright in a package that has node with it."""
    pytest.importorskip("basedpyright")
    directory = tmp_path_factory.mktemp("pyright")
    found: dict[str, set[int]] = {file: set() for file in [*RIGHT, "wrong.py", "unknown.py"]}
    for file in found:
        text = UNKNOWN if file == "unknown.py" else (HERE / file).read_text()
        (directory / file).write_text(text)
    (directory / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict"}))
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable]
    run = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    for each in json.loads(run.stdout)["generalDiagnostics"]:
        if each["severity"] == "error":
            found[Path(each["file"]).name].add(each["range"]["start"]["line"] + 1)
    return found


UNKNOWN = "from txsmtpx import connect\n\n\ndef client(endpoint):\n    return connect(endpoint)\n"
"""What only the strict mode reports: a parameter without a type."""


@pytest.mark.parametrize("file", [*RIGHT, "wrong.py"])
def test_pyright_reports_the_same_lines(by_pyright: dict[str, set[int]], file: str) -> None:
    assert by_pyright[file] == {line for line, _ in marked(file)}


def test_pyright_is_strict(by_pyright: dict[str, set[int]]) -> None:
    assert by_pyright["unknown.py"] == {4, 5}
