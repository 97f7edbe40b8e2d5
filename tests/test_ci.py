"""What CI runs besides make: which Python it takes for the newest of every dependency."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NEWEST = Path(__file__).parents[1] / ".ci/newest"

FAKE = """#!/bin/sh
echo '{version}' "$0"
"""


TOOLS = ("bash", "dirname", "grep", "sh", "sort", "tail")


def interpreter(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(FAKE.format(version=version))
    path.chmod(0o755)
    return path


@pytest.fixture
def default(tmp_path: Path) -> Path:
    """The default Python, on a path where there is no other."""
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    return interpreter(tmp_path / "bin/python3", "003 011 007")


def chosen(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Which Python is taken where only these are to be found."""
    environment = {"PATH": str(tmp_path / "bin"), "PYENV_ROOT": str(tmp_path / "pyenv")}
    return subprocess.run(
        ["bash", NEWEST, "--python"], env=environment, capture_output=True, text=True, check=True, timeout=20
    )


@pytest.mark.usefixtures("default")
def test_the_newest_of_pyenv(tmp_path: Path) -> None:
    for version in ("003 013 000", "003 013 001", "003 009 018"):
        interpreter(tmp_path / f"pyenv/versions/{version.replace(' ', '.')}/bin/python3", version)
    assert chosen(tmp_path).stdout == f"{tmp_path}/pyenv/versions/003.013.001/bin/python3\n"


@pytest.mark.usefixtures("default")
def test_the_newest_on_the_path(tmp_path: Path) -> None:
    newest = interpreter(tmp_path / "bin/python3.14", "003 014 000")
    interpreter(tmp_path / "bin/python3.13", "003 013 000")
    interpreter(tmp_path / "pyenv/versions/3.13.0/bin/python3", "003 013 000")
    assert chosen(tmp_path).stdout == f"{newest}\n"


def test_without_a_newer_one_the_default_is_taken_and_that_is_said(tmp_path: Path, default: Path) -> None:
    interpreter(tmp_path / "bin/python3.11", "003 011 007")
    interpreter(tmp_path / "pyenv/versions/3.9.18/bin/python3", "003 009 018")
    ended = chosen(tmp_path)
    assert ended.stdout == f"{default}\n"
    assert ended.stderr == "no Python is newer than the default one, which is taken\n"
