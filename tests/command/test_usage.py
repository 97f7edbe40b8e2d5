"""The command line, and the text of its help."""

from __future__ import annotations

import re

import pytest

from tests.wire.twistd import run
from txsmtpx.command.groups import GROUPS


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
    assert "  theirs:WORD     somebody else's\n" in listed
    assert "  maildir:PATH " in listed
