"""docs/configuration.md: the file in it is good, and what it shows is what C{--check} says."""

from __future__ import annotations

import contextlib
import re
import shlex
from pathlib import Path

import pytest
from twisted.scripts.twistd import ServerOptions

from tests.test_readme import commands
from tests.wire.twistd import run
from txsmtpx.testing import issue

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
(FILE,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
GOOD, WRONG = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def directory(tmp_path):
    """Where the command of the page is run."""
    pem = issue(tmp_path)
    pem.certificate.rename(tmp_path / "fullchain.pem")
    pem.key.rename(tmp_path / "privkey.pem")
    return tmp_path


def test_the_file_is_good(directory):
    (directory / "mail.toml").write_text(FILE)
    ended = run(directory, "--config", "mail.toml", "--check")
    assert ended.stderr == ""
    assert ended.stdout.startswith(GOOD)
    assert [line for line in ended.stdout.splitlines() if line[0] != " "] == [
        f"listener {name}:" for name in re.findall(r"\[listener\.(\w+)\]", FILE)
    ]


def test_commands(directory, monkeypatch, capsys):
    monkeypatch.chdir(directory)
    (directory / "mail.toml").write_text(FILE)
    said = commands(PAGE)
    assert len(said) == 3
    for command in said:
        twistd, *arguments = shlex.split(command)
        assert twistd == "twistd"
        with pytest.raises(SystemExit, match=r"^0$") if "--check" in arguments else contextlib.nullcontext():
            ServerOptions().parseOptions(arguments)
    assert capsys.readouterr().out.startswith(GOOD)


def test_what_is_wrong(directory):
    lines = FILE.split("\n")
    lines[9] = lines[9].replace("connections", "connection")
    lines[17] = lines[17].replace("true", '"yes"')
    (directory / "mail.toml").write_text("\n".join(lines))
    ended = run(directory, "--config", "mail.toml", "--check")
    assert (ended.returncode, ended.stderr) == (1, WRONG)
