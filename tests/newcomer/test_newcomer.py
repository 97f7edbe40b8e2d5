"""
What README.md promises, tried as somebody new would: in a clone, by the blocks as printed.

Its ports are the printed ones, in a network of its own, or other ones where there is none.
"""

from __future__ import annotations

import re
import shutil
import smtplib
import sys
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docs.page import Page
from tests.docs.story import commands
from tests.inbox.chromium import Chromium
from tests.interop import servers
from tests.interop.conftest import certificate, need, room  # noqa: F401  # fixtures
from tests.newcomer.clone import Clone, lend
from tests.newcomer.terminal import Terminal, converse, terminal_at
from tests.waiting import eventually
from txsmtpx.testing import Pem

PAGE = Page("README.md")
SERVE = PAGE.take("shell", "make test")
KEEP = PAGE.take("shell", "--transcript")
SERVER, SERVER_DIALOG = PAGE.take("python", "(LoginBackend)"), PAGE.take("telnet", "AUTH PLAIN")
LMTP, LMTP_DIALOG = PAGE.take("python", "lmtp=True"), PAGE.take("telnet", "LHLO")
SEND = PAGE.take("python", "with one call")
BEHIND_POSTFIX, POSTFIX = PAGE.take("shell", "--lmtp"), PAGE.take("ini", "virtual_transport")
CLUSTER, HAPROXY = PAGE.take("shell", "--relay-domain"), PAGE.take("ini", "listen cluster")
CATCH = PAGE.take("shell", "--web")
DJANGO = PAGE.take("python", "django.core.mail")
EXTEND, EXTENDED = PAGE.take("python", "Verb("), PAGE.take("shell", "own_command")
EXTENSION_DIALOG = PAGE.take("telnet", "XTIME")
INSTALL = PAGE.take("shell", "pip install .")

LETTER = b"From: me@example.net\r\nTo: you@example.org\r\nSubject: Hello\r\n\r\nHey <3\r\n"


@pytest.fixture(scope="module")
def clone(room: Callable[[str], Path]) -> Clone:  # noqa: F811
    """It is made once."""
    for program in ("git", "make"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    return Clone(room("clone"))


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
    """How the README says that an example is started."""
    (command,) = re.findall(rf"`(\.venv/bin/python examples/{script})`", PAGE.text)
    return command


def test_serve_and_test(clone: Clone, terminal: Terminal) -> None:
    """The two commands, the second for a few tests, since this is one of all of them."""
    serve, test = commands(SERVE.text)
    terminal.port("1025")
    terminal.type(serve)
    send(terminal.port("1025"))
    assert " passed" in terminal.run(f"{test} ARGS='tests/grammar'")


def test_receive_into_a_maildir(clone: Clone, terminal: Terminal) -> None:
    """And see what is said, and what else there is."""
    serve, options, backends = commands(KEEP.text)
    assert "--backend" in terminal.run(options)
    assert "maildir:PATH" in terminal.run(backends)
    port = terminal.port("1025")
    terminal.type(serve)
    send(port)
    (stored,) = delivered(terminal.directory / "Maildir")
    assert stored.endswith(b"\r\n" + LETTER)


def test_a_server(clone: Clone, terminal: Terminal) -> None:
    assert SERVER.text == (clone.directory / "examples/smtp_server.py").read_text()
    terminal.port("1025")
    terminal.type(started_by("smtp_server.py"))
    said = converse(terminal, SERVER_DIALOG.text)
    assert said[-1].startswith("250 2.0.0 Ok: queued as ")


def test_an_lmtp_server(clone: Clone, terminal: Terminal) -> None:
    """The README has the part that is not as in the other server."""
    assert LMTP.text in (clone.directory / "examples/lmtp_server.py").read_text()
    terminal.port("1025")
    terminal.type(started_by("lmtp_server.py"))
    converse(terminal, LMTP_DIALOG.text)


def test_send_with_one_call(clone: Clone, terminal: Terminal) -> None:
    assert SEND.text == (clone.directory / "examples/send_mail.py").read_text()
    terminal.port("1025")
    terminal.type(commands(KEEP.text)[0])
    terminal.type(started_by("send_mail.py"))
    (stored,) = delivered(terminal.directory / "Maildir")
    assert b"Subject: Hello\r\n" in stored


def test_catch_mail_in_a_browser(clone: Clone, terminal: Terminal) -> None:
    need("chromium")
    port = terminal.port("1025")
    terminal.type(CATCH.text)
    send(port)
    with Chromium() as browser:
        browser.go(f"http://localhost:{terminal.port('8025')}/")
        browser.eventually("document.querySelector('#list .subject')?.innerText === 'Hello'")
        send(port)  # and what comes while one looks
        browser.eventually("document.querySelectorAll('#list .subject').length === 2")


def test_lmtp_behind_postfix(
    clone: Clone,
    room: Callable[[str], Path],  # noqa: F811
    certificate: Pem,  # noqa: F811
    terminal: Terminal,
) -> None:
    need("postfix")
    settings = dict(re.findall(r"^(\w+) = (.*)$", terminal.at_home(POSTFIX.text), re.MULTILINE))
    terminal.type(BEHIND_POSTFIX.text)
    with servers.postfix(room("newcomers-postfix"), certificate, {}, **settings) as postfix:
        send(postfix.port)
        (stored,) = eventually(lambda: delivered(terminal.directory / "mail/example.org/you"), lambda: postfix.end)
    assert b"\r\nSubject: Hello\r\n" in stored
    assert stored.endswith(b"\r\n\r\nHey <3\r\n")


def test_relay_to_a_cluster_behind_haproxy(clone: Clone, terminal: Terminal) -> None:
    need("haproxy")
    (terminal.directory / "haproxy.cfg").write_text(terminal.at_home(HAPROXY.text))
    port = terminal.port("1025")
    terminal.type(CLUSTER.text)
    send(port)
    (stored,) = [each for server in ("one", "two") for each in delivered(terminal.directory / server)]
    assert stored.endswith(b"\r\n" + LETTER)


def test_a_django_project(clone: Clone, terminal: Terminal) -> None:
    need("django")
    assert DJANGO.text == (clone.directory / "examples/django_mail.py").read_text()
    (command,) = re.findall(r"`(make test ARGS=examples/\S+)`", PAGE.text)
    assert " 1 passed" in terminal.run(command)


def test_add_an_extension(clone: Clone, terminal: Terminal) -> None:
    assert EXTEND.text == (clone.directory / "examples/own_command.py").read_text()
    terminal.port("1025")
    terminal.type(EXTENDED.text)
    assert "250-XTIME" in {line.replace(" ", "-", 1) for line in converse(terminal, EXTENSION_DIALOG.text)}


def test_install(clone: Clone, terminal: Terminal, tmp_path: Path) -> None:
    """Into another environment: nothing of the clone is needed then."""
    venv.create(tmp_path / "environment", symlinks=True)
    lend(tmp_path / "environment")
    terminal.environment |= {"PATH": f"{tmp_path}/environment/bin:{terminal.environment['PATH']}"}
    terminal.type(INSTALL.text)
    terminal.directory = tmp_path
    said = terminal.run("python -c 'import txsmtpx, twisted.plugins.txsmtpx_plugin as plugin; print(plugin.__file__)'")
    assert said.startswith(f"{tmp_path}/environment/lib/python{sys.version_info[0]}"), said
    assert "--backend" in terminal.run("twistd smtpx --help")


def test_two_servers_of_twenty_lines_and_a_client() -> None:
    """They are short enough to be read at once; their dialogs are played by the tests of the examples."""
    examples = Path(__file__).parents[2] / "examples"
    for name in ("smtp_server.py", "lmtp_server.py", "send_mail.py"):
        code = [line for line in (examples / name).read_text().splitlines() if line.strip()]
        own = [line for line in code if not line.startswith(("import", "from", '"""', "if __name__"))]
        assert len(own) <= 26, (name, len(own))
