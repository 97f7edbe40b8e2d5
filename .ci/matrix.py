"""
Run tests on each installed Python with the oldest and the newest Twisted, and write the results into docs/install.md.

    make matrix
    make matrix ARGS='tests/grammar'    # other tests; the page is not changed
"""

from __future__ import annotations

import datetime
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/install.md"
PLACE = ROOT / ".venv-matrix"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

TESTS = ["grammar", "dialog", "errors", "extensions", "sasl", "wire", "observers", "middleware", "filters"]
"""The folders of tests that need no other program."""

BEGIN, END = "<!-- matrix: written by `make matrix` -->", "<!-- matrix: end -->"

OLDEST_PYOPENSSL = "pyopenssl<25.1"
"""Twisted 24.11 changes contexts that are in use. pyOpenSSL 25.1 warns of that, and a later version refuses it."""

SHOWN = ("cryptography", "pyOpenSSL", "zope.interface")
"""Packages whose versions the page shows, besides Python and Twisted."""


@dataclass(frozen=True)
class Row:
    """
    The result of one environment.

    Attributes:
        python: The version of Python.
        twisted: The version of Twisted.
        others: The versions of the other packages, as text.
        passed: The number of tests that passed.
        failed: The number of tests that failed, or could not be collected.
        skipped: The number of tests that were skipped.
    """

    python: str
    twisted: str
    others: str
    passed: int
    failed: int
    skipped: int


def oldest_twisted() -> str:
    """Return the oldest version of Twisted that pyproject.toml accepts."""
    (bound,) = [match[1] for each in PROJECT["dependencies"] if (match := re.fullmatch(r"twisted>=([\d.]+)", each))]
    return bound


def pythons() -> list[str]:
    """Return the paths of the Pythons."""
    found = subprocess.run([ROOT / ".ci/pythons"], check=True, capture_output=True, text=True).stdout.split()
    if not found:
        sys.exit("make matrix: there is no Python 3.11 or newer")
    return found


def environment(place: Path, python: str, requirements: list[str]) -> Path:
    """
    Make a virtual environment with the tools of the tests.

    Args:
        place: Its directory.
        python: The path of a Python.
        requirements: Further requirements.

    Returns:
        The path of its Python.

    Raises:
        RuntimeError: A package cannot be installed.
    """
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([python, "-m", "venv", place], check=True)
    own = place / "bin/python"
    pip: list[str | Path] = [own, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    for packages in (["pip>=25.1"], ["--editable", ".[all]", "--group", "test", *requirements]):
        done = subprocess.run([*pip, *packages], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(packages)} cannot be installed for {python}:\n{done.stdout}")
    return own


def run(python: Path, tests: list[str]) -> Row:
    """
    Run tests.

    Args:
        python: The Python of an environment.
        tests: Arguments of pytest.

    Returns:
        The result.
    """
    report = python.parents[1] / "report.xml"
    options = ["--quiet", "--tb=short", "-p", "no:cacheprovider", f"--junit-xml={report}"]
    with report.with_suffix(".log").open("w") as log:
        subprocess.run([python, "-m", "pytest", *options, *tests], cwd=ROOT, stdout=log, stderr=log, check=False)
    suite = ElementTree.parse(report).getroot().find("testsuite")
    assert suite is not None
    total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    script = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    versions = subprocess.run([python, "-c", script, "twisted", *SHOWN], check=True, capture_output=True, text=True)
    twisted, *others = versions.stdout.split()
    script = "import platform; print(platform.python_version())"
    own = subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout.strip()
    shown = ", ".join(f"{name} {version}" for name, version in zip(SHOWN, others, strict=True))
    return Row(own, twisted, shown, total - skipped - failed, failed, skipped)


def table(rows: list[Row], tests: list[str], date: datetime.date, system: str) -> str:
    """
    Return the results as the page shows them.

    Args:
        rows: The results.
        tests: The arguments of pytest.
        date: The day of the tests.
        system: The name of the operating system.

    Returns:
        Markdown.
    """
    named = ", ".join(f"`{each}`" for each in tests)
    lines = [
        f"Results of {date.isoformat()} on {system}, for {named}:",
        "",
        "| Python | Twisted | other packages | passed | failed | skipped |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [f"| {r.python} | {r.twisted} | {r.others} | {r.passed} | {r.failed} | {r.skipped} |" for r in rows]
    return "\n".join(lines)


def replaced(page: str, text: str) -> str:
    """
    Return a page with the results of the matrix replaced.

    Args:
        page: The page.
        text: The results.

    Returns:
        The page.

    Raises:
        ValueError: The page has no place for the results.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError(f"the page has no {BEGIN} or no {END}")
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}"


def main(arguments: list[str]) -> int:
    """
    Test, print the results and write them into the page.

    Args:
        arguments: Arguments of pytest; none for `TESTS`.

    Returns:
        The status of the process: 1 if a test has failed.
    """
    oldest = oldest_twisted()
    tests = arguments or [f"tests/{name}" for name in TESTS]

    def result(number: int, python: str, requirements: list[str]) -> Row:
        row = run(environment(PLACE / str(number), python, requirements), tests)
        print(f"{row.python}, Twisted {row.twisted}: {row.passed} passed, {row.failed} failed", flush=True)
        if row.failed:
            print(f"see {PLACE / str(number) / 'report.log'}", flush=True)
        return row

    wanted = [(python, each) for python in pythons() for each in ([f"twisted=={oldest}.*", OLDEST_PYOPENSSL], [])]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = [pool.submit(result, number, *each) for number, each in enumerate(wanted)]
        rows = [each.result() for each in running]
    text = table(rows, tests, datetime.date.today(), f"{platform.system()} ({platform.machine()})")
    print(f"\n{text}")
    if not arguments:
        PAGE.write_text(replaced(PAGE.read_text(), text))
    return int(any(row.failed or not row.passed for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
