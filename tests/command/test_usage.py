"""The command line, and the text of its help."""

from __future__ import annotations

import re

import pytest

from tests.command.parsing import complaints, parsed
from tests.wire.twistd import run
from txsmtpx.command.groups import GROUPS
from txsmtpx.command.usage import Options


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--help", ["--port", "--lmtp", "--backend", "--auth", "--transcript"]),
        ("--help-backends", ["log", "maildir:PATH", "memory", "null", "DOTTED.NAME"]),
        ("--help-auth", ["memory", "file"]),
    ],
)
def test_help(tmp_path, option, words):
    ended = run(tmp_path, option)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [word for word in words if word not in ended.stdout] == []
    assert all(len(line) <= 120 for line in ended.stdout.splitlines())


def test_help_names_every_option(tmp_path):
    shown = run(tmp_path, "--help").stdout
    listed = re.findall(r"(?m)^(?:([A-Z].*):$|  (?:-.,|   ) --([\w-]+))", shown)
    expected = []
    for group in GROUPS:
        expected += [(group.title, ""), *(("", each.name) for each in (*group.options, *group.actions))]
    assert listed == [*expected, ("Others", ""), ("", "help"), ("", "version")]


PLUGIN = """
from txsmtpx.backends.plugins import BackendPlugin

theirs = BackendPlugin("theirs", "theirs:WORD", "somebody else's", "their_package.make", takes_argument=True)
"""

PACKAGE = """
from txsmtpx import OpenBackend, Session, Reply

class Theirs(Session):
    def __init__(self, word):
        self.word = word

    def mail(self, sender, options):
        return Reply(250, (2, 1, 0), self.word)

def make(word):
    return OpenBackend(lambda connection: Theirs(word))
"""


@pytest.fixture
def their_package(tmp_path):
    """A package of somebody else's, with a backend; the environment in which it is found."""
    plugins = tmp_path / "site" / "twisted" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "their_plugin.py").write_text(PLUGIN)
    (tmp_path / "site" / "their_package.py").write_text(PACKAGE)
    return {"PYTHONPATH": str(tmp_path / "site")}


def test_a_backend_of_another_package_is_listed(tmp_path, their_package):
    listed = run(tmp_path, "--help-backends", extra=their_package).stdout
    assert re.search(r"(?m)^  theirs:WORD +somebody else's$", listed)
    assert "  maildir:PATH " in listed


def test_the_command_line_is_kept_for_the_workers():
    options = parsed("--port", "2525", "--lmtp")
    assert options.arguments == ("--port", "2525", "--lmtp")
    assert not options.is_worker


@pytest.mark.parametrize(("given", "line"), [
    (["--bogus"], "--bogus is no option; twistd smtpx --help lists all options"),
    (["argument"],
     "'argument' is no option; an option begins with --, and twistd smtpx --help lists all options"),
    (["--domain"], "--domain needs a value; write --domain DOMAIN"),
])  # fmt: skip
def test_what_twisted_finds_wrong_is_one_line_too(given, line):
    assert complaints(*given) == [line]


def test_only_the_options_that_were_given_are_in_the_dict():
    """So that a file can give the others."""
    options = parsed("--max-recipients", "5")
    assert options["max-recipients"] == "5"
    assert "max-errors" not in options


def test_an_option_that_may_be_repeated():
    assert parsed("-p", "2525", "--port", "2526")["port"] == ["2525", "2526"]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_help_is_as_wide_as_the_terminal(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    shown = Options().getUsage()
    assert shown == Options().getUsage(width)
    names = [line for line in shown.splitlines() if line.startswith("      --")]
    assert len(names) > 30
    text = [line for line in shown.splitlines() if line.startswith(" " * 28)]
    assert max(map(len, text)) <= max(width, 28 + 30)


def test_check_ends_with_the_report(capsys):
    with pytest.raises(SystemExit) as exit:
        parsed("--check", "--port", "tcp:0:interface=127.0.0.1", "--domain", "mx.example.org")
    assert exit.value.code == 0
    assert capsys.readouterr().out.startswith("One listener:\n  ESMTP at tcp:0:interface=127.0.0.1 as mx.example.org\n")
