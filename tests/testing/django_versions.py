"""An interpreter with txsmtpx, and versions of Django beside it; made once, in ``.venv-django``."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".venv-django"

VERSIONS = ("5.2", "6.0", "6.1")
"""The newest patch release of each is installed."""

PACKAGES = ["--editable", str(ROOT), "cryptography", "pytest"]


class DjangoVersion:
    """
    One version of Django.

    Args:
        version: The version, such as "6.1".
    """

    def __init__(self, version: str) -> None:
        self.version = version
        self._directory = HOME / f"django-{version}"
        python = HOME / "bin/python"
        if not python.exists():
            _make(HOME, [[_newest_python(), "-m", "venv", str(HOME)], [str(python), *_pip(*PACKAGES)]])
        if not self._directory.exists():
            install = _pip("--target", str(self._directory), f"django=={version}.*")
            _make(self._directory, [[str(python), *install]])
        self._python = str(python)

    @property
    def has_mailers(self) -> bool:
        """Whether it has the setting ``MAILERS``."""
        return tuple(map(int, self.version.split("."))) >= (6, 1)

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
        path = {"PYTHONPATH": f"{self._directory}{os.pathsep}{directory}"}
        return subprocess.run(
            [self._python, *arguments],
            cwd=directory,
            env=os.environ | path | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )


def _newest_python() -> str:
    """Return the newest interpreter: Django 6 needs Python 3.12."""
    found = subprocess.run([ROOT / ".ci/newest", "--python"], capture_output=True, text=True, check=True)
    return found.stdout.strip()


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
