"""README.md is short and true. tests/newcomer runs its blocks; this module runs the commands of CONTRIBUTING.md dry."""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from twisted.scripts.twistd import ServerOptions

from tests.docs import story
from tests.docs.block import texts
from txsmtpx.backends.plugins import plugins
from txsmtpx.sasl.mechanisms import MECHANISMS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def commands(page: str) -> list[str]:
    return story.commands("".join(texts(ROOT / page, "shell")))


def test_dialogs_are_those_of_the_examples() -> None:
    """test_examples plays them."""
    files = [ROOT / "examples" / f"{name}.telnet" for name in ("smtp_server", "lmtp_server")]
    assert texts(ROOT / "README.md", "telnet") == [file.read_text() for file in files]


def test_python_is_that_of_the_examples() -> None:
    """It has the two servers and the client, each as a whole."""
    files = [ROOT / "examples" / f"{name}.py" for name in ("smtp_server", "lmtp_server", "send_mail")]
    assert texts(ROOT / "README.md", "python") == [file.read_text() for file in files]


@pytest.mark.parametrize("command", commands("CONTRIBUTING.md"))
def test_command(command: str) -> None:
    match shlex.split(command):
        case ["make", *arguments]:
            run_dry(*arguments)
        case [".venv/bin/python", script]:
            assert (ROOT / script).is_file()
        case _:
            pytest.fail(f"nobody runs this: {command}")


def run_dry(*arguments: str) -> None:
    """All of it but what it would do: this test is itself part of it."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    command = ["make", "--dry-run", *arguments]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for argument in arguments:
        name, equals, options = argument.partition("=")
        if equals:
            assert name == "ARGS"
            assert options in said
            if arguments[0] == "serve":
                parse("-n", "smtpx", *shlex.split(options))


def parse(*arguments: str) -> None:
    """Everything but listening."""
    ends = any(argument.startswith("--help") for argument in arguments)
    with pytest.raises(SystemExit, match=r"^0$") if ends else contextlib.nullcontext():
        ServerOptions().parseOptions(arguments)


def test_two_commands_come_first() -> None:
    assert commands("README.md")[:2] == ["make serve", "make test"]


def test_mechanisms_are_those_of_the_box() -> None:
    page = (ROOT / "docs/howto/authentication.md").read_text()
    (paragraph,) = re.findall(r"^## Mechanisms\n\n(.*?)\.", page, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"[A-Z][A-Z0-9-]+", paragraph)) == {mechanism.name for mechanism in MECHANISMS}


def test_backends_are_those_of_the_box() -> None:
    page = (ROOT / "docs/tutorial/command.md").read_text()
    (table,) = re.findall(r"^\| backend .*?\n\n", page, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)) == {plugin.syntax for plugin in plugins().values()}


def test_version_is_that_of_the_project() -> None:
    (python,) = re.findall(r"need Python ([0-9.]+) or newer", README)
    assert PROJECT["requires-python"] == f">={python}"


def test_it_is_short() -> None:
    assert len(README.split()) <= 650
