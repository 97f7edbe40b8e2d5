"""What is installed, and which version of it."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path

BUILD = Path(__file__).parents[1] / "build" / "benchmarks"
"""For what is built, or fetched, for the benchmarks alone."""

NODE_MODULES = BUILD / "node_modules"

SYSTEM = "/usr/sbin:/sbin"
"""Where daemons live, and the PATH of an ordinary user does not look."""


def found(program: str) -> str | None:
    """The path of a program, None where it is not installed."""
    return shutil.which(program) or shutil.which(program, path=SYSTEM)


def module(name: str) -> str:
    """A Python package and its version, "" where it is not installed."""
    try:
        return f"{name} {version_of(name)}"
    except PackageNotFoundError:
        return ""


def debian(*packages: str) -> str:
    """Debian packages and their versions."""
    return output("dpkg-query", "--show", "--showformat=${Package} ${Version}, ", *packages).rstrip(", ")


def unpacked(package: str, root: Path) -> str:
    """A Debian package that is unpacked below a directory, with the version that its changelog begins with."""
    changelog = root / "usr/share/doc" / package / "changelog.Debian.gz"
    version = re.match(r"\S+ \((\S+)\)", gzip.decompress(changelog.read_bytes()).decode())
    return f"{package} {version[1]}" if version else package


def node(package: str) -> str:
    """An npm package and its version, and that of Node.js."""
    script = 'console.log(require(process.argv[1]).version + ", node", process.version)'
    return f"{package} {output('node', '-e', script, str(NODE_MODULES / package / 'package.json'))}"


def output(*command: str) -> str:
    """What a command writes, without the last end of a line; "" if it fails."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def needs_module(name: str) -> Callable[[], str]:
    """What is missing: a Python package."""
    return lambda: "" if module(name) else f"{name} is not installed (PyPI)"


def needs_program(name: str, package: str) -> Callable[[], str]:
    """What is missing: a program."""
    return lambda: "" if found(name) else f"{name} is not installed (Debian: {package})"


def needs_built(product: Path) -> Callable[[], str]:
    """What is missing: something that ``python -m benchmarks install`` makes."""
    return lambda: "" if product.exists() else f"{product.name} is not there (python -m benchmarks install)"
