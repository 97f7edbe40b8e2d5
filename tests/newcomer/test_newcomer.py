"""
What README.md promises, tried as somebody new would: in a clone, by the blocks as printed.

Its ports are the printed ones, in a network of its own, or other ones where there is none.
"""

from __future__ import annotations

import re
import shutil
import smtplib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docs.page import Page
from tests.docs.story import commands
from tests.inbox.chromium import Chromium
from tests.interop.conftest import need, room  # noqa: F401  # a fixture
from tests.newcomer.clone import Clone, lend, without_pip
from tests.newcomer.terminal import Terminal, converse, terminal_at

PAGE = Page("README.md")
SERVE = PAGE.take("shell", "make test")
SERVER, SERVER_DIALOG = PAGE.take("python", "(LoginBackend)"), PAGE.take("telnet", "AUTH PLAIN")
LMTP, LMTP_DIALOG = PAGE.take("python", "lmtp=True"), PAGE.take("telnet", "LHLO")
SEND = PAGE.take("python", "with one call")
INSTALL_PAGE = Page("docs/install.md")
INSTALL, CHECK = INSTALL_PAGE.take("shell", "venv"), INSTALL_PAGE.take("shell", "--help")

LETTER = b"From: me@example.net\r\nTo: you@example.org\r\nSubject: Hello\r\n\r\nHey <3\r\n"


@pytest.fixture(scope="module")
def clone(room: Callable[[str], Path]) -> Clone:  # noqa: F811
    """It is made once."""
    for program in ("git", "make"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    return Clone(room("a clone"))


@pytest.fixture
def terminal(clone: Clone) -> Iterator[Terminal]:
    with terminal_at(clone) as opened:
        yield opened


def send(port: int, *recipients: str) -> None:
    with smtplib.SMTP("127.0.0.1", port, "client.example", timeout=20) as client:
        assert client.sendmail("me@example.net", recipients or ["you@example.org"], LETTER) == {}


def delivered(directory: Path) -> list[bytes]:
    """The messages in all Maildirs below."""
    return [file.read_bytes() for file in directory.glob("**/new/*")]


def started_by(script: str) -> str:
    """The command of the README that starts an example."""
    (command,) = re.findall(rf"`(\.venv/bin/python examples/{script})`", PAGE.text)
    return command


def test_serve_and_test(clone: Clone, terminal: Terminal) -> None:
    """The two commands, the second for a few tests, since this is one of all of them."""
    serve, test = commands(SERVE.text)
    terminal.port("1025")
    terminal.type(serve)
    send(terminal.port("1025"))
    assert " passed" in terminal.run(f"{test} ARGS='tests/grammar/test_reply.py'")


def test_a_server(clone: Clone, terminal: Terminal) -> None:
    assert SERVER.text == (clone.directory / "examples/smtp_server.py").read_text()
    terminal.port("1025")
    terminal.type(started_by("smtp_server.py"))
    said = converse(terminal, SERVER_DIALOG.text)
    assert said[-1].startswith("250 2.0.0 Ok: queued as ")


def test_an_lmtp_server(clone: Clone, terminal: Terminal) -> None:
    assert LMTP.text == (clone.directory / "examples/lmtp_server.py").read_text()
    terminal.port("1025")
    terminal.type(started_by("lmtp_server.py"))
    converse(terminal, LMTP_DIALOG.text)


def test_send_with_one_call(clone: Clone, terminal: Terminal) -> None:
    """To a server of `make serve`, which stores the message."""
    assert SEND.text == (clone.directory / "examples/send_mail.py").read_text()
    terminal.port("1025")
    terminal.type("make serve ARGS='--backend maildir:Maildir'")
    terminal.type(started_by("send_mail.py"))
    (stored,) = delivered(terminal.directory / "Maildir")
    assert b"Subject: Hello\r\n" in stored


def test_catch_mail_in_a_browser(clone: Clone, terminal: Terminal) -> None:
    need("chromium")
    port = terminal.port("1025")
    terminal.type("make serve ARGS='--backend memory --web 8025'")
    send(port)
    with Chromium() as browser:
        browser.go(f"http://localhost:{terminal.port('8025')}/")
        browser.eventually("document.querySelector('#list .subject')?.innerText === 'Hello'")
        send(port)  # and what comes while one looks
        browser.eventually("document.querySelectorAll('#list .subject').length === 2")


def test_install(clone: Clone, terminal: Terminal, tmp_path: Path) -> None:
    """Into another environment: nothing of the clone is needed then."""
    make, install = commands(INSTALL.text)
    terminal.run(without_pip(make))
    lend(terminal.directory / "environment")
    terminal.environment |= {"PATH": f"{terminal.directory}/environment/bin:{terminal.environment['PATH']}"}
    terminal.run(install)
    installed, terminal.directory = terminal.directory, tmp_path
    said = terminal.run("python -c 'import txsmtpx, twisted.plugins.txsmtpx_plugin as plugin; print(plugin.__file__)'")
    assert said.startswith(f"{installed}/environment/lib/python{sys.version_info[0]}"), said
    terminal.type(CHECK.text)


def test_two_servers_of_twenty_lines_and_a_client() -> None:
    """They are short enough to be read at once; their dialogs are played by the tests of the examples."""
    examples = Path(__file__).parents[2] / "examples"
    for name in ("smtp_server.py", "lmtp_server.py", "send_mail.py"):
        code = [line for line in (examples / name).read_text().splitlines() if line.strip()]
        own = [line for line in code if not line.startswith(("import", "from", '"""', "if __name__"))]
        assert len(own) <= 26, (name, len(own))
