"""Which Pythons the programs of ``.ci`` find: those of the path, of pyenv and of uv."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

PYTHONS = Path(__file__).parents[1] / ".ci/pythons"

FAKE = """#!/bin/sh
[ '{version}' '>' '003 011' ] && echo '{version}' "$0"
"""


TOOLS = ("bash", "grep", "sh", "sort", "tac")


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


def found(tmp_path: Path) -> list[str]:
    """The Pythons that are found where only these are to be found, without the directory."""
    environment = {
        "PATH": str(tmp_path / "bin"),
        "PYENV_ROOT": str(tmp_path / "pyenv"),
        "UV_PYTHON_INSTALL_DIR": str(tmp_path / "uv"),
    }
    done = subprocess.run(["bash", PYTHONS], env=environment, capture_output=True, text=True, check=True, timeout=20)
    return [str(Path(line).relative_to(tmp_path)) for line in done.stdout.splitlines()]


@pytest.mark.usefixtures("default")
def test_the_newest_patch_release_of_each_version(tmp_path: Path) -> None:
    for version in ("003 013 000", "003 013 001", "003 012 009", "003 009 018"):
        interpreter(tmp_path / f"pyenv/versions/{version.replace(' ', '.')}/bin/python3", version)
    interpreter(tmp_path / "uv/cpython-3.14.0-linux-x86_64-gnu/bin/python3", "003 014 000")
    assert found(tmp_path) == [
        "bin/python3",
        "pyenv/versions/003.012.009/bin/python3",
        "pyenv/versions/003.013.001/bin/python3",
        "uv/cpython-3.14.0-linux-x86_64-gnu/bin/python3",
    ]


@pytest.mark.usefixtures("default")
def test_the_path_comes_before_pyenv(tmp_path: Path) -> None:
    interpreter(tmp_path / "bin/python3.14", "003 014 000")
    interpreter(tmp_path / "bin/python3.13", "003 013 000")
    interpreter(tmp_path / "pyenv/versions/3.13.0/bin/python3", "003 013 000")
    assert found(tmp_path) == ["bin/python3", "bin/python3.13", "bin/python3.14"]


@pytest.mark.usefixtures("default")
def test_the_default_comes_before_others_of_its_version(tmp_path: Path) -> None:
    interpreter(tmp_path / "bin/python3.11", "003 011 007")
    assert found(tmp_path) == ["bin/python3"]


def test_the_newest_dependencies_are_tested_without_arguments() -> None:
    """An argument that was ignored started all tests of that script, which started it again."""
    done = subprocess.run([PYTHONS.with_name("newest"), "--python"], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stderr.rpartition("/")[2]) == (2, "newest takes no arguments\n")
