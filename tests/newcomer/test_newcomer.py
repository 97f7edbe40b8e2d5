"""
What README.md promises, tried as somebody new would: from a clone, in its own environment, by the blocks as printed.

Only ports, and paths below C{/run} and C{/srv}, are other ones here.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import smtplib
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docs.story import Story, commands
from tests.interop import servers
from tests.interop.certificates import Certificate
from tests.interop.conftest import certificate, need, room  # noqa: F401  # fixtures
from tests.interop.process import eventually
from tests.newcomer.clone import Clone
from tests.web.chromium import Chromium

LETTER = b"From: me@example.net\r\nTo: you@example.org\r\nSubject: Hello\r\n\r\nHey <3\r\n"


@pytest.fixture(scope="module")
def clone(room: Callable[[str], Path]) -> Clone:  # noqa: F811
    """It is made once; each test has a directory of its own to work in, but where C{make} runs."""
    for program in ("git", "make"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    return Clone(room("clone"))


class Terminal(Story):
    """Where commands of the README are typed."""

    def __init__(self, clone: Clone, directory: Path) -> None:
        super().__init__(directory)
        self.environment = clone.environment | {"PYTHONUNBUFFERED": "1"}

    def port(self, printed: str) -> int:
        """What a port of the page is here."""
        return int(self.at_home(f"--port {printed}").split()[1])

    def type(self, text: str) -> None:
        """Commands, each until it ends or serves."""
        for command in commands(self.at_home(text)):
            self.run(command)


@pytest.fixture
def terminal(clone: Clone, tmp_path: Path) -> Iterator[Terminal]:
    with _open(clone, tmp_path) as opened:
        yield opened


@pytest.fixture
def at_the_clone(clone: Clone) -> Iterator[Terminal]:
    with _open(clone, clone.directory) as opened:
        yield opened


@contextlib.contextmanager
def _open(clone: Clone, directory: Path) -> Iterator[Terminal]:
    terminal = Terminal(clone, directory)
    try:
        yield terminal
    finally:
        terminal.end()


def send(port: int, *recipients: str) -> None:
    with smtplib.SMTP("127.0.0.1", port, "client.example", timeout=20) as client:
        assert client.sendmail("me@example.net", recipients or ["you@example.org"], LETTER) == {}


def delivered(directory: Path) -> list[bytes]:
    """The messages in all Maildirs below."""
    return [file.read_bytes() for file in directory.glob("**/new/*")]


def test_serve_and_test(clone: Clone, at_the_clone: Terminal) -> None:
    """The two commands, the second for a few tests, since this is one of all of them."""
    serve, test = commands(clone.blocks("shell", "make serve")[0])
    port = at_the_clone.port("1025")
    at_the_clone.type(f"{serve} ARGS='--port {port}'")
    send(port)
    assert " passed" in at_the_clone.run(f"{test} ARGS='tests/grammar'")


def test_keep_mail_and_see_what_is_said(clone: Clone, at_the_clone: Terminal) -> None:
    serve = clone.block("shell", "make serve", "--transcript").strip()
    port = at_the_clone.port("1025")
    at_the_clone.type(serve.replace("ARGS='", f"ARGS='--port {port} "))
    send(port)
    (stored,) = delivered(at_the_clone.directory / "Maildir")
    assert stored.endswith(b"\r\n" + LETTER)


def test_what_else_there_is(clone: Clone, terminal: Terminal) -> None:
    option, backend = map(terminal.run, commands(clone.block("shell", "--help-backends")))
    assert "--backend" in option
    assert "maildir:PATH" in backend


def test_catch_mail_in_a_browser(clone: Clone, at_the_clone: Terminal) -> None:
    serve = clone.block("shell", "make serve", "--web").strip()
    port = at_the_clone.port("1025")
    at_the_clone.type(serve.replace("ARGS='", f"ARGS='--port {port} "))
    send(port)
    need("chromium")
    with Chromium() as browser:
        browser.go(f"http://localhost:{at_the_clone.port('8025')}/")
        browser.eventually("document.querySelector('#list .subject')?.innerText === 'Hello'")
        send(port)  # and what comes while one looks
        browser.eventually("document.querySelectorAll('#list .subject').length === 2")


def test_receive_into_a_maildir(clone: Clone, terminal: Terminal, tmp_path: Path, certificate: Certificate) -> None:  # noqa: F811
    shutil.copy(certificate.certificate, tmp_path / "fullchain.pem")
    shutil.copy(certificate.key, tmp_path / "privkey.pem")
    (tmp_path / "passwords").write_text("me:secret\n")
    terminal.type(clone.block("shell", "--port 25 ", "maildir:", "--tls-certificate"))
    send(terminal.port("25"), "you@example.org", "them@example.com")
    for mailbox in ("example.org/you", "example.com/them"):
        (stored,) = delivered(tmp_path / "srv/mail" / mailbox)
        assert stored.endswith(b"\r\n" + LETTER)
    with smtplib.SMTP("127.0.0.1", terminal.port("587"), "client.example", timeout=20) as client:
        client.starttls(context=ssl.create_default_context(cafile=certificate.certificate))
        client.login("me", "secret")
        assert client.sendmail("me@example.net", ["you@example.org"], LETTER) == {}


def test_lmtp_behind_postfix(clone: Clone, room: Callable[[str], Path], certificate: Certificate) -> None:  # noqa: F811
    need("postfix")
    directory = room("behind")
    directory.chmod(0o777)
    serve = clone.block("shell", "--lmtp", "mode=666")
    printed = clone.block("ini", "virtual_transport").replace("/run/", f"{directory}/run/")
    settings = dict(re.findall(r"^(\w+) = (.*)$", printed, re.MULTILINE))
    with _open(clone, directory) as terminal:
        (directory / "run/txsmtpx").mkdir(parents=True)
        terminal.type(serve)
        with servers.postfix(room("newcomers-postfix"), certificate, {}, **settings) as postfix:
            send(postfix.port)
            (stored,) = eventually(lambda: delivered(directory / "srv/mail/example.org/you"), lambda: postfix.end)
    assert b"\r\nSubject: Hello\r\n" in stored
    assert stored.endswith(b"\r\n\r\nHey <3\r\n")


def test_relay_to_a_cluster_behind_haproxy(clone: Clone, terminal: Terminal, tmp_path: Path) -> None:
    need("haproxy")
    (tmp_path / "haproxy.cfg").write_text(terminal.at_home(clone.block("ini", "listen cluster")))
    *cluster, relay = commands(clone.block("shell", "--relay-domain"))
    terminal.type("\n".join([*cluster, "haproxy -db -f haproxy.cfg", relay]))
    send(terminal.port("25"))
    (stored,) = [*delivered(tmp_path / "one"), *delivered(tmp_path / "two")]
    assert stored.endswith(b"\r\n" + LETTER)


def test_send_with_one_call(clone: Clone, terminal: Terminal, tmp_path: Path) -> None:
    terminal.type("twistd -n smtpx --port 1025 --backend maildir:Maildir")
    (tmp_path / "send_mail.py").write_text(terminal.at_home(clone.block("python", "with one call")))
    assert terminal.run("python send_mail.py").startswith("you@example.net: 250 2.0.0 ")
    (stored,) = delivered(tmp_path / "Maildir")
    assert b"Subject: Hello\r\n" in stored


def test_a_django_project(clone: Clone, at_the_clone: Terminal) -> None:
    need("django")
    assert clone.block("python", "django.core.mail") == (clone.directory / "examples/django_mail.py").read_text()
    assert " 1 passed" in at_the_clone.run(clone.block("shell", "pytest").strip())


def test_add_an_extension(clone: Clone, terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "own_command.py").write_text(terminal.at_home(clone.block("python", "Verb(")))
    terminal.type("python own_command.py")
    with smtplib.SMTP("127.0.0.1", terminal.port("1025"), timeout=20) as client:
        client.ehlo()
        assert client.has_extn("XTIME")
        assert client.docmd("XTIME") == (250, b"2.0.0 High time")


def test_two_servers_of_twenty_lines_and_a_client() -> None:
    """They are short enough to be read at once; their dialogs are played by the tests of the examples."""
    examples = Path(__file__).parents[2] / "examples"
    for name in ("smtp_server.py", "lmtp_server.py", "send_mail.py"):
        code = [line for line in (examples / name).read_text().splitlines() if line.strip()]
        own = [line for line in code if not line.startswith(("import", "from", '"""', "if __name__"))]
        assert len(own) <= 26, (name, len(own))
