"""The fixtures, in test suites of other people: pytest is run on them, as they run it."""

from __future__ import annotations

import re

import pytest

from tests.testing.projects import BLOCKING, DJANGO, LAZY, TWISTED

pytest_plugins = ["pytester"]

TWISTEDS_OWN = "ignore:Passing pyOpenSSL:DeprecationWarning"
STRICT = ("-W", "error", "-W", TWISTEDS_OWN, "-p", "no:cacheprovider", "--strict-markers")


def how_many(suite: str) -> int:
    parametrized = suite.count("@pytest.mark.parametrize")  # each by two
    return len(re.findall(r"^ *(?:async )?def test_", suite, re.MULTILINE)) + parametrized


def test_without_twisted(pytester: pytest.Pytester) -> None:
    """Nothing of Twisted is imported until a fixture is asked for, and its global reactor not even then."""
    pytester.makeconftest(LAZY)
    pytester.makepyfile(test_blocking=BLOCKING)
    pytester.runpytest_subprocess("-p", "no:twisted", *STRICT).assert_outcomes(passed=how_many(BLOCKING))


def test_with_pytest_twisted(pytester: pytest.Pytester) -> None:
    """What it runs has its servers on its reactor, what blocks has them in a thread, side by side."""
    pytester.makepyfile(test_blocking=BLOCKING, test_twisted=TWISTED)
    pytester.runpytest_subprocess(*STRICT).assert_outcomes(passed=how_many(BLOCKING) + how_many(TWISTED))


def test_django_and_xdist_and_another_reactor(pytester: pytest.Pytester) -> None:
    """Each worker has a thread, and a reactor, of its own."""
    pytester.makepyfile(test_mail=DJANGO, test_twisted=TWISTED)
    result = pytester.runpytest_subprocess("-n", "2", "--reactor=asyncio", *STRICT)
    result.assert_outcomes(passed=how_many(DJANGO) + how_many(TWISTED))


def test_a_marker_with_words_behind_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.smtp_server('starttls')\ndef test_it(smtp_server): pass\n")
    result = pytester.runpytest_subprocess("-p", "no:twisted", *STRICT)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the marker smtp_server takes its options by name: ('starttls',)*"])
