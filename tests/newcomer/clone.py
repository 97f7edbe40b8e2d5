"""
A clone of the repository as a newcomer has it: its files, and a virtual environment that ``make`` fills.

Only the packages from elsewhere are lent to it, pip among them, so that the network is not needed; what is installed,
and from where, is the clone's own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = Path(sysconfig.get_path("purelib"))

OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
"""What tells pip to do with what it has been lent."""


class Clone:
    """
    One.

    Attributes:
        directory: Where its README is.
        environment: For commands that are typed there.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        files = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
        for name in filter(None, files):
            if (ROOT / name).is_file():
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, directory / name)
        for folder in ("txsmtpx", "tests"):
            lend_compiled(folder, directory)
        venv.create(directory / ".venv", symlinks=True)
        lend(directory / ".venv")
        path = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
        known = {"HYPOTHESIS_STORAGE_DIRECTORY": str(ROOT / ".hypothesis")}  # which constants our modules have
        self.environment = os.environ | OFFLINE | known | {"PATH": path}
        self.environment.pop("PYTHONPATH", None)


def without_pip(command: str) -> str:
    """The command that makes an environment, without an installation of pip: it is lent."""
    assert " -m venv " in command
    return command.replace(" -m venv ", " -m venv --without-pip ")


def lend_compiled(folder: str, directory: Path) -> None:
    """What Python has compiled of a folder, which it uses for a file of the same time and size."""
    for compiled in (ROOT / folder).rglob("__pycache__"):
        copy = directory / compiled.relative_to(ROOT)
        if copy.parent.is_dir():
            shutil.copytree(compiled, copy)


def lend(environment: Path, packages: Path = PACKAGES) -> None:
    """Our packages, but not what they are for, and the program that an installation of Twisted would have put there."""
    lent = environment / "lent/site-packages"  # by that name Hypothesis knows that they are not ours, and skips them
    lent.mkdir(parents=True)
    for package in packages.iterdir():
        if "txsmtpx" not in package.name:
            (lent / package.name).symlink_to(package)
    (next(environment.glob("lib/python*/site-packages")) / "lent.pth").write_text(f"{lent}\n")
    programs = environment / "bin"
    # As pip writes it: no path with a space may follow "#!".
    start = f"#!/bin/sh\n'''exec' \"{programs / 'python'}\" \"$0\" \"$@\"\n' '''\n"
    twistd = f"{start}from twisted.scripts.twistd import run\n\nrun()\n"
    (programs / "twistd").write_text(twistd, encoding="utf-8")
    (programs / "twistd").chmod(0o755)
