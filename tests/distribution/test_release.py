"""What ``make release`` refuses, and what it checks in each environment."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import txsmtpx
from tests.newcomer.clone import OFFLINE, lend

ROOT = Path(__file__).parents[2]
RELEASE = runpy.run_path(str(ROOT / ".ci/release.py"))


def git(directory: Path, *arguments: str) -> None:
    options = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
    subprocess.run(["git", *options, *arguments], cwd=directory, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that can be released."""
    (tmp_path / "txsmtpx").mkdir()
    (tmp_path / "txsmtpx/__init__.py").write_text('__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3, 2026-12-01\n\n* The first release.\n")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--message", "Release 1.2.3")
    return tmp_path


def objections(repository: Path) -> list[str]:
    found: list[str] = RELEASE["objections"](repository)
    return found


def test_a_clean_tree_with_a_dated_section_is_released(repository: Path) -> None:
    assert objections(repository) == []


def test_a_tree_with_changes_is_refused(repository: Path) -> None:
    (repository / "new.py").write_text("")
    assert objections(repository) == ["the tree has changes, commit them first:\n?? new.py"]


@pytest.mark.parametrize(
    ("heading", "objection"),
    [
        ("## 1.2.3, unreleased", 'CHANGELOG.md has no date for 1.2.3: its heading is to be "## 1.2.3, YYYY-MM-DD"'),
        ("## 1.2.3", 'CHANGELOG.md has no date for 1.2.3: its heading is to be "## 1.2.3, YYYY-MM-DD"'),
        (
            "## 1.2.30, 2026-12-01",
            "CHANGELOG.md has no section 1.2.3: write one, or correct __version__ in txsmtpx/__init__.py",
        ),
    ],
)
def test_a_version_that_the_changelog_does_not_name_is_refused(repository: Path, heading: str, objection: str) -> None:
    (repository / "CHANGELOG.md").write_text(f"# Changelog\n\n{heading}\n")
    git(repository, "commit", "--all", "--message", "Change the heading")
    assert objections(repository) == [objection]


def test_a_version_that_is_tagged_is_refused(repository: Path) -> None:
    git(repository, "tag", "v1.2.3")
    (objection,) = objections(repository)
    assert objection == "the tag v1.2.3 exists: set __version__ in txsmtpx/__init__.py to the next version"


def test_foreign_files_are_found() -> None:
    tracked = {"txsmtpx/__init__.py", "pytest_txsmtpx.py", "twisted/plugins/txsmtpx_plugin.py", "tests/test_tap.py"}
    own = [*sorted(tracked - {"tests/test_tap.py"}), "txsmtpx-1.2.3.dist-info/RECORD"]
    assert RELEASE["foreign"](own, [*tracked, "PKG-INFO"], tracked) == []
    others = ["tests/test_tap.py", "twisted/__init__.py", "txsmtpx/notes.txt"]
    assert RELEASE["foreign"](others, ["notes.txt"], tracked) == [
        *(f"wheel: {name}" for name in others),
        "sdist: notes.txt",
    ]


def test_the_version_is_found() -> None:
    assert RELEASE["version_of"](ROOT) == txsmtpx.__version__


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, built: Path) -> Path:
    """A virtual environment with the wheel, and with the packages of the tests."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, symlinks=True)
    lend(place)
    (wheel,) = built.glob("*.whl")
    install = [place / "bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check", "install", f"{wheel}[all]"]
    subprocess.run(install, env=os.environ | OFFLINE, check=True)
    return place


def checked(environment: Path, directory: Path, version: str) -> subprocess.CompletedProcess[str]:
    """Run the checks of an installation."""
    command = [environment / "bin/python", "-P", ROOT / ".ci/installed.py", version]
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH" and not name.startswith("PYTEST_")}
    return subprocess.run(command, cwd=directory, env=own, capture_output=True, text=True)


def test_the_installed_wheel_is_checked(environment: Path, tmp_path: Path) -> None:
    done = checked(environment, tmp_path, txsmtpx.__version__)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == f"txsmtpx {txsmtpx.__version__} works on Python {sys.version.split()[0]}\n"


def test_another_version_is_refused(environment: Path, tmp_path: Path) -> None:
    assert f"AssertionError: {txsmtpx.__version__}" in checked(environment, tmp_path, "9.9.9").stderr


@pytest.mark.parametrize("name", ["txsmtpx/py.typed", "twisted/plugins/txsmtpx_plugin.py", "pytest_txsmtpx.py"])
def test_a_file_that_is_missing_is_found(environment: Path, tmp_path: Path, name: str) -> None:
    (path,) = environment.glob(f"lib/python*/site-packages/{name}")
    path.rename(tmp_path / "away")
    try:
        assert checked(environment, tmp_path, txsmtpx.__version__).returncode == 1
    finally:
        (tmp_path / "away").rename(path)
