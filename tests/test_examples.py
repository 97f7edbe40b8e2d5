"""Every example is run as its user runs it, as a process of its own, and talked to over a socket."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import smtplib
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.maildir import stored
from tests.ports import free_port
from tests.waiting import PATIENCE, eventually

EXAMPLES = Path(__file__).parents[1] / "examples"

SIDE_BY_SIDE = 25
"""Connections at a time, where something must never come out otherwise."""


class Example:
    """
    A running example.

    Attributes:
        log: What it prints.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def connect(self, port: int) -> socket.socket:
        """A connection to it, once it listens."""

        def connect() -> socket.socket | None:
            assert self._process.poll() is None, self.log
            with contextlib.suppress(ConnectionRefusedError):
                return socket.create_connection(("127.0.0.1", port), PATIENCE)
            return None

        return eventually(connect, lambda: self.log)

    def telnet(self, port: int) -> Telnet:
        return Telnet(self.connect(port))

    def smtplib(self, port: int) -> smtplib.SMTP:
        self.connect(port).close()
        return smtplib.SMTP("127.0.0.1", port, "localhost", PATIENCE)


@contextlib.contextmanager
def running(directory: Path, *command: str | Path, **environment: str) -> Iterator[Example]:
    """Run ``command`` in ``directory``; it lives until it is told to end, and then ends without complaint."""
    log = directory / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, cwd=directory, env=os.environ | environment, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            yield Example(process, log)
        finally:
            process.terminate()
    said = log.read_text()
    assert process.returncode in (0, -signal.SIGTERM), said
    assert "Traceback" not in said, said
    assert "Unhandled" not in said, said


def on(port: int) -> str:
    return f"tcp:{port}:interface=127.0.0.1"


class Telnet:
    """What a person with telnet sees."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._replies = connection.makefile("rb")

    def __enter__(self) -> Telnet:
        return self

    def __exit__(self, *exception: object) -> None:
        self._replies.close()
        self._connection.close()

    def type(self, *lines: str) -> None:
        self._connection.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def reply(self) -> list[str]:
        """The lines of the next reply."""
        lines: list[str] = []
        while not lines or lines[-1][3:4] == "-":
            line = self._replies.readline()
            assert line.endswith(b"\r\n"), line
            lines.append(line[:-2].decode())
        return lines

    def rest(self) -> list[str]:
        """Everything until the server hangs up."""
        octets = self._replies.read()
        assert octets.endswith(b"\r\n")
        return octets[:-2].decode().split("\r\n")


def dialogue(name: str) -> tuple[list[str], list[str]]:
    """What is typed, and which replies are shown at its end."""
    lines = (EXAMPLES / name).read_text().splitlines()
    assert lines.pop(0) == "$ telnet localhost 1025"
    shown = [line for line in lines if re.match(r"[2-5][0-9]{2} ", line)]
    typed = lines[: len(lines) - len(shown)]
    assert typed + shown == lines
    assert typed[-1] == "."
    return typed, shown


def typed_slowly(telnet: Telnet, lines: list[str]) -> list[str]:
    """Type a line, wait for its reply, type the next; the first line of each reply but those to the data."""
    replies = telnet.reply()
    head, body = lines[: lines.index("DATA") + 1], lines[lines.index("DATA") + 1 :]
    for line in head:
        telnet.type(line)
        replies.append(telnet.reply()[0])
    telnet.type(*body)
    return replies


GREETING = "220 localhost ESMTP txsmtpx"
AUTHENTICATED = "235 2.7.0 Authentication succeeded"
SENDER, RECIPIENT = "250 2.1.0 Sender ok", "250 2.1.5 Recipient ok"
GO_ON = "354 End data with <CR><LF>.<CR><LF>"
QUEUED = re.compile(r"250 2\.0\.0 Ok: queued as [0-9A-F]+")
BYE = "221 2.0.0 localhost closing the connection"


# smtp_server.py


@pytest.fixture
def smtp_server(tmp_path: Path) -> Iterator[tuple[Example, int]]:
    port = free_port()
    with running(tmp_path, sys.executable, EXAMPLES / "smtp_server.py", on(port)) as example:
        yield example, port


def test_smtp_dialogue(smtp_server: tuple[Example, int]) -> None:
    example, port = smtp_server
    typed, shown = dialogue("smtp_server.telnet")
    assert not shown
    with example.telnet(port) as telnet:
        replies = typed_slowly(telnet, typed)
        assert replies == [GREETING, "250-localhost", "334 ", AUTHENTICATED, SENDER, RECIPIENT, GO_ON]
        assert QUEUED.fullmatch(telnet.reply()[0])
    assert r"root@nsa.gov to ('root@gchq.gov.uk',): b'Hey <3\r\n'" in example.log


def test_smtp_dialogue_pasted(smtp_server: tuple[Example, int]) -> None:
    example, port = smtp_server
    with example.telnet(port) as telnet:
        telnet.type(*dialogue("smtp_server.telnet")[0], "QUIT")
        *replies, queued, bye = [line for line in telnet.rest() if line[3] == " "]
    assert replies[0] == GREETING
    assert replies[2:] == ["334 ", AUTHENTICATED, SENDER, RECIPIENT, GO_ON]
    assert QUEUED.fullmatch(queued)
    assert bye == BYE


def test_smtp_settings(smtp_server: tuple[Example, int]) -> None:
    """What the example sets is what its peers are told."""
    example, port = smtp_server
    with example.telnet(port) as telnet:
        telnet.reply()
        telnet.type("EHLO localhost")
        offered = {line[4:] for line in telnet.reply()}
        assert {"SIZE 1048576", "LIMITS RCPTMAX=50", "AUTH PLAIN LOGIN"} <= offered
        telnet.type("MAIL FROM:<root@nsa.gov>")
        assert telnet.reply() == ["530 5.7.0 Authentication required"]
        telnet.type("AUTH PLAIN AHVzZXJuYW1lAHdyb25n")
        assert telnet.reply() == ["535 5.7.8 Authentication credentials invalid"]


def test_smtp_default_port(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 1025))
        except OSError:
            pytest.skip("port 1025 is in use")
    command = [sys.executable, EXAMPLES / "smtp_server.py"]
    with running(tmp_path, *command) as example, example.telnet(1025) as telnet:
        assert telnet.reply() == [GREETING]


# lmtp_server.py


@pytest.fixture
def lmtp_server(tmp_path: Path) -> Iterator[tuple[Example, int]]:
    port = free_port()
    with running(tmp_path, sys.executable, EXAMPLES / "lmtp_server.py", on(port)) as example:
        yield example, port


def test_lmtp_dialogue(lmtp_server: tuple[Example, int]) -> None:
    example, port = lmtp_server
    typed, shown = dialogue("lmtp_server.telnet")
    assert len(shown) == 3
    with example.telnet(port) as telnet:
        replies = typed_slowly(telnet, typed)
        assert replies == ["220 localhost LMTP txsmtpx", "250-localhost", SENDER, *[RECIPIENT] * 3, GO_ON]
        telnet.type("QUIT")
        assert telnet.rest() == [*shown, BYE]


def test_lmtp_outcomes_are_always_these(lmtp_server: tuple[Example, int]) -> None:
    """The second delivery takes just as long as its time-out, which must win each time."""
    example, port = lmtp_server
    typed, shown = dialogue("lmtp_server.telnet")
    with contextlib.ExitStack() as stack:
        telnets = [stack.enter_context(example.telnet(port)) for _ in range(SIDE_BY_SIDE)]
        for telnet in telnets:
            telnet.type(*typed, "QUIT")
        for telnet in telnets:
            assert telnet.rest()[-4:] == [*shown, BYE]


# The others

MESSAGE = b"Subject: Caf\xc3\xa9 <b>\r\n\r\nHey <3\r\n"


def test_server_tac(tmp_path: Path) -> None:
    port = free_port()
    twistd = Path(sysconfig.get_path("scripts"), "twistd")
    command = [sys.executable, twistd, "--nodaemon", "--python", EXAMPLES / "server.tac"]
    with running(tmp_path, *command, MAIL_ENDPOINT=on(port)) as example, example.smtplib(port) as client:
        assert client.sendmail("me@example.org", ["You@example.net", "me@localhost"], MESSAGE) == {}
    for maildir in ("mail/example.net/you", "mail/localhost/me"):
        assert the_message(tmp_path / maildir).endswith(b"\r\n" + MESSAGE)


def test_web_and_mail(tmp_path: Path) -> None:
    web, mail = free_port(), free_port()
    command = [sys.executable, EXAMPLES / "web_and_mail.py", on(web), on(mail)]
    with running(tmp_path, *command) as example:
        with example.smtplib(mail) as client:
            with pytest.raises(smtplib.SMTPRecipientsRefused, match="No such mailbox here"):
                client.sendmail("me@example.org", ["you@example.org"], MESSAGE)
            client.sendmail("me@example.org", ["board@example.org"], MESSAGE)
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", web, PATIENCE)) as browser:
            browser.request("GET", "/")
            answer = browser.getresponse()
            assert answer.status == 200
            assert "<li>me@example.org: Café &lt;b&gt;</li>" in answer.read().decode()


def test_fastapi_mail(tmp_path: Path) -> None:
    """It receives what a client of SMTP and what its own users send."""
    web, mail = free_port(), free_port()
    command = [sys.executable, "-m", "uvicorn", "fastapi_mail:app", "--port", str(web), "--app-dir", str(EXAMPLES)]

    def ask(method: str, content: object = None) -> tuple[int, Any]:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", web, PATIENCE)) as browser:
            browser.request(method, "/messages", json.dumps(content), {"Content-Type": "application/json"})
            answer = browser.getresponse()
            return answer.status, json.loads(answer.read())

    hello = {"to": "you@example.org", "subject": "Hello", "text": "Hello."}
    with running(tmp_path, *command, PORT=str(mail)) as example:
        with example.smtplib(mail) as client:
            client.sendmail("me@example.net", ["board@example.org"], MESSAGE)
            with pytest.raises(smtplib.SMTPRecipientsRefused, match="Not relaying"):
                client.sendmail("me@example.net", ["you@example.net"], MESSAGE)
        example.connect(web).close()
        assert ask("POST", hello) == (202, {"accepted": 1})
        status, refused = ask("POST", hello | {"to": "you@example.net"})
        assert (status, refused) == (422, {"detail": "<you@example.net>: RCPT: 550 5.7.1 Not relaying to that domain"})
        status, messages = ask("GET")
        assert (status, len(messages)) == (200, 2)
        assert messages[0]["to"] == "board@example.org"
        assert messages[1] == hello


def test_portal(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, sys.executable, EXAMPLES / "portal.py", on(port)) as example:
        with example.smtplib(port) as stranger:
            stranger.sendmail("you@example.net", ["alice@localhost"], MESSAGE)
            with pytest.raises(smtplib.SMTPRecipientsRefused, match="Log in"):
                stranger.sendmail("you@example.net", ["me@example.org"], MESSAGE)
        guesser = example.smtplib(port)
        with pytest.raises(smtplib.SMTPResponseException):  # it tries by every mechanism, until there is a 421
            guesser.login("alice", "guess")
        guesser.close()
        with example.smtplib(port) as alice:
            alice.login("alice", "secret")
            alice.sendmail("alice@localhost", ["me@example.org"], MESSAGE)
            with pytest.raises(smtplib.SMTPSenderRefused, match="You are alice"):
                alice.sendmail("bob@localhost", ["me@example.org"], MESSAGE)
    assert f"alice@localhost: {len(MESSAGE)} octets" in example.log
    assert "alice has gone" in example.log


# The client's


def said_by(directory: Path, *command: str | Path) -> str:
    """What an example prints that ends by itself."""
    done = subprocess.run([sys.executable, *command], cwd=directory, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@contextlib.contextmanager
def tac(directory: Path, name: str, port: int, **environment: str) -> Iterator[Example]:
    """An application, which listens."""
    twistd = Path(sysconfig.get_path("scripts"), "twistd")
    command = [sys.executable, twistd, "--nodaemon", "--pidfile=", "--python", EXAMPLES / name]
    with running(directory, *command, MAIL_ENDPOINT=on(port), **environment) as example:
        example.connect(port).close()
        yield example


def the_message(maildir: Path) -> bytes:
    """The only message there."""
    (message,) = stored(maildir)
    return message


def test_send_mail(tmp_path: Path) -> None:
    port = free_port()
    with tac(tmp_path, "server.tac", port):
        endpoint = f"tcp:localhost:{port}"
        assert QUEUED.fullmatch(said_by(tmp_path, EXAMPLES / "send_mail.py", endpoint).split(": ", 1)[1].rstrip())
        said = said_by(tmp_path, EXAMPLES / "send_mail.py", endpoint, "I@example.org", "a@localhost", "b@localhost")
    assert [line.split(":")[0] for line in said.splitlines()] == ["a@localhost", "b@localhost"]
    letter = b"From: me@example.org\r\nTo: you@example.net\r\nSubject: Hello\r\n"
    assert letter in the_message(tmp_path / "mail/example.net/you")
    assert the_message(tmp_path / "mail/example.net/you").endswith(b"\r\n\r\nHey <3\r\n")
    assert b"To: a@localhost, b@localhost\r\n" in the_message(tmp_path / "mail/localhost/b")


def test_client(tmp_path: Path) -> None:
    port = free_port()
    big, small = tmp_path / "big", tmp_path / "small"
    big.write_bytes(MESSAGE + b"x" * 40_000_000)
    small.write_bytes(MESSAGE)
    arguments = [f"tcp:localhost:{port}", "me@example.org", "a@localhost,b@localhost", big, small]
    with tac(tmp_path, "server.tac", port):
        refused, *accepted = said_by(tmp_path, EXAMPLES / "client.py", *arguments).splitlines()
    assert refused.startswith(f"{big}: refused: the server accepts ")
    assert [line[: line.index(": 250 ")] for line in accepted] == [
        f"{small}: {recipient}: accepted" for recipient in ("a@localhost", "b@localhost")
    ]
    assert the_message(tmp_path / "mail/localhost/a").endswith(b"\r\n" + MESSAGE)


def test_client_by_lmtp(lmtp_server: tuple[Example, int], tmp_path: Path) -> None:
    example, port = lmtp_server
    example.connect(port).close()
    file = tmp_path / "file"
    file.write_bytes(MESSAGE)
    arguments = ["--lmtp", f"tcp:localhost:{port}", "me@example.org", "a@localhost,b@localhost", file]
    assert said_by(tmp_path, EXAMPLES / "client.py", *arguments).splitlines() == [
        f"{file}: a@localhost: accepted: 250 2.0.0 <a@localhost> Finished",
        f"{file}: b@localhost: refused: BDAT: 420 4.4.7 <b@localhost> Error: timeout reached",
    ]


def test_relay(tmp_path: Path) -> None:
    port, following = free_port(), free_port()
    relay = tmp_path / "relay"
    relay.mkdir()
    with (
        tac(tmp_path, "server.tac", following),
        tac(relay, "relay.tac", port, NEXT_ENDPOINTS=f"tcp:localhost:{following}") as example,
        example.smtplib(port) as client,
    ):
        refused = client.sendmail("me@example.com", ["you@example.net", "you@elsewhere.test"], MESSAGE)
    assert refused == {"you@elsewhere.test": (550, b"5.7.1 Relaying denied")}
    assert the_message(tmp_path / "mail/example.net/you").count(b"Received: from") == 2
    assert the_message(tmp_path / "mail/example.net/you").endswith(b"\r\n" + MESSAGE)
    assert [file.name for file in relay.iterdir()] == ["log"]


def test_django_mail(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:twisted", EXAMPLES / "django_mail.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout


def test_every_example_is_run() -> None:
    # Those for operators are run by tests of the command, and "cluster" by one of the benchmarks.
    tests = "".join(file.read_text() for file in [Path(__file__), *Path(__file__).parent.glob("command/*.py")])
    for example in EXAMPLES.iterdir():
        name = example.name
        assert f'"{name}"' in tests or f'"{example.stem}:' in tests or name == "__pycache__"


def test_the_page_has_every_example() -> None:
    page = (EXAMPLES.parent / "docs/examples.md").read_text()
    assert [each.name for each in EXAMPLES.iterdir() if f"`examples/{each.name}" not in page] in ([], ["__pycache__"])


def test_own_extension(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "own_extension.py"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "offered: ['RED', 'GREEN', 'BLUE']",
        "RED is to be had",
        "GREEN is to be had",
        "BLUE is to be had",
        "me@example.org sends something red",
    ]


def test_own_command(tmp_path: Path) -> None:
    """The page on extensions has all of the example."""
    assert (EXAMPLES / "own_command.py").read_text() in (EXAMPLES.parent / "docs/howto/extension.md").read_text()
    port = free_port()
    twistd = Path(sysconfig.get_path("scripts"), "twistd")
    command = [sys.executable, twistd, "-n", "smtpx", "--port", on(port), "--backend", "own_command.Backend"]
    with running(tmp_path, *command, PYTHONPATH=str(EXAMPLES)) as example, example.telnet(port) as telnet:
        telnet.reply()
        telnet.type("EHLO localhost")
        assert any(line[4:] == "XTIME" for line in telnet.reply())
        telnet.type("XTIME")
        assert telnet.reply() == ["250 2.0.0 High time"]
