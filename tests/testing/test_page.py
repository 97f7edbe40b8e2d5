"""docs/testing.md: each block is a test suite, and is run as the page says."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import shlex
import smtplib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.page import Page
from tests.testing.test_plugin import STRICT, how_many
from tests.waiting import PATIENCE
from tests.wire.twistd import LOCAL, Twistd
from txsmtpx.backends.failing_address import failure_of
from txsmtpx.testing import MailServer, Script

pytest_plugins = ["pytester"]

PAGE = Page("docs/testing.md")
SUITES = [block.text for block in PAGE.take_all("python")]
ERRORS = re.findall(r"^\* `((?:MailServer|Script|ScriptedServer)[: ].*)`$", PAGE.text, re.MULTILINE)
COMMAND = PAGE.take("shell")
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


def test_each_address_of_the_table() -> None:
    table = PAGE.text.partition("| address | effect |")[2].partition("\n\n")[0]
    first = [row.split("|")[1].strip(" `") for row in table.splitlines()[2:]]
    others = re.findall(r"`((?:slow|data)-[^`@]*)`", table)
    assert (len(first), len(others)) == (7, 7)
    found = [failure_of(address) for address in [*first, *(f"{other}@example.net" for other in others)]]
    assert None not in found
    assert [failure for failure in found if failure and failure.reply and failure.reply.code == 501] == []
    assert failure_of("reject-550+alice@example.org") == failure_of("reject-550@example.net")


@pytest.mark.parametrize("mistake", ERRORS)
def test_each_error_of_the_page(mistake: str) -> None:
    calls = {
        "startls": lambda: MailServer(tls="startls"),  # type: ignore[arg-type]
        "tlss": lambda: MailServer(tlss="starttls"),  # type: ignore[call-arg]
        "RCTP": lambda: Script(RCTP="550 5.1.1 No"),  # type: ignore[call-arg]
        "55 No": lambda: Script(RCPT="55 No"),
    }
    assert len(ERRORS) == len(calls)
    (call,) = [call for word, call in calls.items() if word in mistake]
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert str(caught.value) == mistake


def test_the_command_with_addresses_that_fail(tmp_path: Path) -> None:
    """``--backend scripted --web``: accepted messages are in the inbox."""
    options = [LOCAL if each in ("1025", "8025") else each for each in shlex.split(COMMAND.text)]
    assert (options[:3], options.count(LOCAL)) == (["twistd", "-n", "smtpx"], 2)
    with Twistd(tmp_path, *options[3:]) as server:
        mail, web = server.ports(2)
        with smtplib.SMTP("127.0.0.1", int(mail), timeout=PATIENCE) as client:
            refused = client.sendmail("me@example.org", ["reject-550@example.net", "you@example.net"], "Hi")
        assert {address: reply[0] for address, reply in refused.items()} == {"reject-550@example.net": 550}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", int(web), timeout=PATIENCE)) as browser:
            browser.request("GET", "/api/messages")
            assert json.loads(browser.getresponse().read())["total"] == 1
