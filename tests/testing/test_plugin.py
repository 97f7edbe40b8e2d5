"""The fixtures, in test suites of other people: pytest is run on them, as they run it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.testing.frameworks import Frameworks
from tests.testing.projects import ASYNCIO, BLOCKING, DJANGO, LAZY, MISTAKES, SCOPES, TWISTED

pytest_plugins = ["pytester"]

TWISTEDS_OWN = "ignore:Passing pyOpenSSL:DeprecationWarning"
STRICT = ("-W", "error", "-W", TWISTEDS_OWN, "-p", "no:cacheprovider", "--strict-markers")


def how_many(suite: str) -> int:
    parametrized = suite.count("@pytest.mark.parametrize")  # each by two
    return len(re.findall(r"^ *(?:async )?def test_", suite, re.MULTILINE)) + parametrized


def test_without_twisted(pytester: pytest.Pytester) -> None:
    """Nothing of Twisted is imported until a fixture is asked for, and its global reactor not even then."""
    pytester.makeconftest(LAZY)
    pytester.makepyfile(test_blocking=BLOCKING, test_scopes=SCOPES)
    result = pytester.runpytest_subprocess("-p", "no:twisted", *STRICT)
    result.assert_outcomes(passed=how_many(BLOCKING) + 7)


def test_with_pytest_twisted(pytester: pytest.Pytester) -> None:
    """What it runs has its servers on its reactor, what blocks has them in a thread, side by side."""
    pytester.makepyfile(test_blocking=BLOCKING, test_scopes=SCOPES, test_twisted=TWISTED)
    result = pytester.runpytest_subprocess(*STRICT)
    result.assert_outcomes(passed=how_many(BLOCKING) + 7 + how_many(TWISTED))


def test_django_and_xdist_and_another_reactor(pytester: pytest.Pytester) -> None:
    """Each worker has a thread, and a reactor, of its own."""
    pytester.makepyfile(test_mail=DJANGO, test_scopes=SCOPES, test_twisted=TWISTED)
    result = pytester.runpytest_subprocess("-n", "2", "--reactor=asyncio", *STRICT)
    result.assert_outcomes(passed=how_many(DJANGO) + 7 + how_many(TWISTED))


@pytest.mark.parametrize("twisted", [("-p", "no:twisted"), ()], ids=["alone", "beside pytest-twisted"])
def test_with_pytest_asyncio(tmp_path: Path, twisted: tuple[str, ...]) -> None:
    """The servers run in a thread, also where pytest-twisted is installed."""
    (tmp_path / "test_asyncio.py").write_text(ASYNCIO)
    options = ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function", *twisted, *STRICT)
    run = Frameworks().run("-m", "pytest", *options, "test_asyncio.py", directory=tmp_path)
    assert "2 passed" in run.stdout, run.stdout


WRONG = [
    "MailServer: tls must be 'starttls', 'implicit' or None, not 'startls'; did you mean 'starttls'?",
    "MailServer has no argument tlss; did you mean tls?",
    "MailServer: users must be a dict of text to text or None, not list",
    "MailServer: require_auth needs users, such as users={'me': 'secret'}",
    "the marker smtp_server takes its options by name: ('starttls',)",
    "MailServer has no argument max_mesage_bytes; did you mean max_message_bytes?",
    "max_message_bytes must be *, not '10'",
    "the marker smtp_server at test_marker_of_another_fixture has no effect: *; give the options to make_smtp*",
    *["the marker smtp_server at TestShared has no effect: *"] * 2,
    "MailServer: tls must be *, not 'IMPLICT'; did you mean 'implicit'?",
    "MailServer: certificate has no effect without tls",
    "MailServer has no argument user; did you mean users?",
    "Clients.connect has no argument timeout; did you mean timeouts?",
    "Script has no argument RCTP; did you mean RCPT?",
    "ScriptedServer: RCPT: '55 5.1.1 No' is no reply; *",
    "ScriptedServer: 'rcpt' is no verb in upper case; did you mean RCPT?",
    "ScriptedServer: tls must be *, not 'starttls'",
]


def test_mistakes(pytester: pytest.Pytester) -> None:
    """Each is an error of its test."""
    pytester.makepyfile(MISTAKES)
    result = pytester.runpytest_subprocess("-p", "no:twisted", "-p", "no:xdist", *STRICT)
    assert sum(result.parseoutcomes().get(outcome, 0) for outcome in ("errors", "failed")) == len(WRONG)
    assert "passed" not in result.parseoutcomes()
    for message in WRONG:
        result.stdout.fnmatch_lines(["*" + message.replace("[", "[[]") + "*"])
