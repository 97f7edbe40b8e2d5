"""The pages for users of smtpdfix, pytest-localserver, MailHog and Mailpit: the code runs, and the tables are whole."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.docs.page import Page
from tests.testing.test_plugin import STRICT, how_many
from tests.wire.twistd import LOCAL, Twistd, run

pytest_plugins = ["pytester"]

SMTPDFIX, LOCALSERVER = Page("docs/howto/from-smtpdfix.md"), Page("docs/howto/from-pytest-localserver.md")
MAILHOG = Page("docs/howto/from-mailhog.md")
SUITES = [block.text for page in (SMTPDFIX, LOCALSERVER) for block in page.take_all("python")]
COMMAND, END_TO_END = MAILHOG.take("shell"), MAILHOG.take("python")
OF_PEERS = [block for page in (SMTPDFIX, LOCALSERVER, MAILHOG) for block in page.take_all("text")]


def test_suites(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(**{f"test_{number}": suite for number, suite in enumerate(SUITES)})
    result = pytester.runpytest_subprocess("-p", "no:twisted", *STRICT)
    result.assert_outcomes(passed=sum(map(how_many, SUITES)))


def test_end_to_end(tmp_path: Path) -> None:
    options = shlex.split(COMMAND.text)
    assert options[:3] == ["twistd", "-n", "smtpx"]
    assert [options.index("1025"), options.index("8025")] == [4, 8]
    own_ports = [LOCAL if each in ("1025", "8025") else each for each in options[3:]]
    with Twistd(tmp_path, *own_ports) as server:
        mail, web = server.ports(2)
        text = END_TO_END.text.replace("localhost:8025", f"127.0.0.1:{web}")
        text = text.replace('"localhost", 1025', f'"127.0.0.1", {mail}')
        space: dict[str, object] = {}
        exec(compile(text, "the page", "exec"), space)
        test = space["test_welcome"]
        assert callable(test)
        test()


def names(page: Page) -> set[str]:
    """Every name in the first columns of the tables of a page, and in their code spans."""
    rows = [line for line in page.text.splitlines() if line.startswith("|")]
    return {word for row in rows for span in re.findall(r"`([^`]+)`", row) for word in re.findall(r"[\w.*/-]+", span)}


PEER_NAMES = Path(__file__).with_name("peer_names.txt").read_text()


@pytest.mark.parametrize(
    ("page", "peer"),
    [(SMTPDFIX, "smtpdfix"), (LOCALSERVER, "pytest-localserver"), (MAILHOG, "MailHog"), (MAILHOG, "Mailpit")],
    ids=["smtpdfix", "pytest-localserver", "MailHog", "Mailpit"],
)
def test_tables(page: Page, peer: str) -> None:
    (listed,) = re.findall(rf"^\[{peer} .*\]\n((?:.+\n)+)", PEER_NAMES, re.MULTILINE)
    assert len(listed.split()) > 15
    assert sorted(set(listed.split()) - names(page)) == []


def test_options_of_ours_exist(tmp_path: Path) -> None:
    """Each option of txsmtpx in the tables is one of the command."""
    last = [line.rsplit("|", 2)[1] for line in MAILHOG.text.splitlines() if line.startswith("|")]
    named = {word for cell in last for word in re.findall(r"(?<![\w-])--[a-z][a-z-]+", cell)} - {"--logfile"}
    assert len(named) > 15
    usage = run(tmp_path, "--help").stdout
    assert sorted(option for option in named if option not in usage) == []
