"""docs/testing.md: each block is a test suite, and is run as the page says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.page import Page
from tests.testing.test_plugin import STRICT, how_many

pytest_plugins = ["pytester"]

PAGE = Page("docs/testing.md")
SUITES = [block.text for block in PAGE.take_all("python")]
(SIMPLE,) = [suite for suite in SUITES if "SimpleTestCase" in suite]

# What pytest-django, or manage.py, does for a project.
CONFTEST = """
import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()
"""


def test_with_pytest(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(settings="SECRET_KEY = 'x'\n", **{f"test_{n}": suite for n, suite in enumerate(SUITES)})
    result = pytester.runpytest_subprocess(*STRICT, "-p", "no:randomly")
    result.assert_outcomes(passed=sum(map(how_many, SUITES)))


def test_with_djangos_own_runner(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text("SECRET_KEY = 'x'\n")
    (tmp_path / "tests.py").write_text(SIMPLE)
    command = [sys.executable, "-m", "django", "test", "--settings=settings", f"--pythonpath={tmp_path}"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (run.returncode, "Ran 1 test" in run.stderr) == (0, True), run.stderr
