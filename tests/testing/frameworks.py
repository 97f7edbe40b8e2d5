"""
Frameworks that the environment of the project does not have: pytest-asyncio, and versions of Django.

They are made once, in ``.venv-frameworks``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".venv-frameworks"

VERSIONS = ("5.2", "6.0", "6.1")
"""The newest patch release of each is installed."""

PACKAGES = ["--editable", str(ROOT), "cryptography", "pytest", "pytest-asyncio", "pytest-twisted"]


class Frameworks:
    """The interpreter."""

    def __init__(self) -> None:
        python = HOME / "bin/python"
        self.python = str(python)
        self.path: list[str] = []
        with _one_process():
            if not python.exists():
                _make(HOME, [[_newest_python(), "-m", "venv", str(HOME)], [self.python, *_pip(*PACKAGES)]])

    def run(self, *arguments: str, directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """
        Run the interpreter.

        Args:
            arguments: The arguments of Python.
            directory: The working directory.
            environment: Additional variables.

        Returns:
            The finished process, with its output.
        """
        path = {"PYTHONPATH": os.pathsep.join([*self.path, str(directory)])}
        return subprocess.run(
            [self.python, *arguments],
            cwd=directory,
            env=os.environ | path | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )


class DjangoVersion(Frameworks):
    """
    The interpreter with one version of Django.

    Args:
        version: The version, such as "6.1".
    """

    def __init__(self, version: str) -> None:
        super().__init__()
        numbers = tuple(map(int, version.split(".")))
        if numbers >= (6, 0) and not next(HOME.glob("lib/python3.*")).name >= "python3.12":
            pytest.skip(f"Django {version} needs Python 3.12, which is not installed")
        directory = HOME / f"django-{version}"
        with _one_process():
            if not directory.exists():
                _make(directory, [[self.python, *_pip("--target", str(directory), f"django=={version}.*")]])
        self.path.append(str(directory))
        self.has_mailers = numbers >= (6, 1)


def _newest_python() -> str:
    """Return the newest interpreter: Django 6 needs Python 3.12."""
    found = subprocess.run([ROOT / ".ci/pythons"], capture_output=True, text=True, check=True)
    return found.stdout.split()[-1]


@contextlib.contextmanager
def _one_process() -> Iterator[None]:
    """Let one process of the tests at a time make something; the others find it."""
    with open(f"{HOME}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _pip(*arguments: str) -> list[str]:
    return ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]


def _make(result: Path, commands: list[list[str]]) -> None:
    """Run commands that make a directory.  If one fails, the directory is removed and the test is skipped."""
    # Those of the lock are for another Python, and name one Django.
    environment = {name: value for name, value in os.environ.items() if name not in ("PIP_CONSTRAINT", "PYTHONPATH")}
    for command in commands:
        run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        if run.returncode:
            shutil.rmtree(result, ignore_errors=True)
            reason = (run.stderr.strip().splitlines() or ["no message"])[-1]
            message = f"{result.name} cannot be made: {' '.join(command)}: {reason}"
            if os.environ.get("TXSMTPX_REQUIRE_PEERS"):
                pytest.fail(message, pytrace=False)
            pytest.skip(message)
