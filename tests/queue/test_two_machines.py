"""The how-to page on two machines: two servers, a real PostgreSQL, and a smart host that is away at first."""

from __future__ import annotations

import re
import shlex
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docs.page import Page
from tests.ports import free_port
from tests.waiting import eventually
from tests.wire.twistd import Twistd

if TYPE_CHECKING:
    from tests.queue.postgresql_server import PostgreSQLServer

pytestmark = pytest.mark.system

PAGE = Page("docs/howto/queue-postgresql.md")
CREATION = PAGE.take("shell", "createdb").text
CONFIGURATION = PAGE.take("toml").text
START = PAGE.take("shell", "twistd").text
LIST = PAGE.take("shell", "list").text
LISTED = PAGE.take("text").text
RETRY = PAGE.take("shell", "retry").text
URL = "postgresql://mail@db.example.org/mail"


class Machines:
    """Two servers of the page, and its commands."""

    def __init__(self, directory: Path, database: PostgreSQLServer) -> None:
        self.url = database.url_of("mail", "mail")
        self.next_port = free_port()
        assert shlex.split(START)[-2:] == ["--config", "queue.toml"]
        self.servers = []
        for name in ("a", "b"):
            (directory / name).mkdir()
            text = CONFIGURATION.replace(URL, self.url).replace("tcp:2525:", "tcp:0:")
            text = text.replace("tcp:smtp.example.com:25", f"tcp:127.0.0.1:{self.next_port}")
            (directory / name / "queue.toml").write_text(text)
            (directory / name / "users").write_text("shop:secret\n")
            self.servers.append(Twistd(directory / name, "--config", "queue.toml", forked=True))

    def send(self, at: int, subject: str) -> None:
        with smtplib.SMTP("127.0.0.1", self.servers[at].port) as client:
            client.login("shop", "secret")
            client.sendmail("ann@example.org", ["bob@example.net"], f"Subject: {subject}\r\n\r\nHi\r\n")

    def run(self, command: str) -> str:
        words = [sys.executable if word == "python" else word.replace(URL, self.url) for word in shlex.split(command)]
        return subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True).stdout


@pytest.fixture
def machines(tmp_path: Path, postgresql: PostgreSQLServer) -> Iterator[Machines]:
    for line in CREATION.splitlines():
        postgresql.command(*shlex.split(line))
    made = Machines(tmp_path, postgresql)
    yield made
    for server in made.servers:
        with server:
            assert server.stop()


@pytest.mark.time_limit(60)
def test_two_machines(machines: Machines, tmp_path: Path) -> None:
    for at, subject in enumerate(("First", "Second")):
        machines.send(at, subject)
    eventually(lambda: machines.run(LIST).count("waiting, 1 attempt, next in ") == 2)
    pattern = re.compile(
        r"[0-9A-F]{12}  \S+Z  \d+ octets  from <ann@example.org>\n"
        r"    waiting, \d attempts?, next in \d+ s  <bob@example.net> by \*\n        .+\n"
    )
    assert len(pattern.findall(machines.run(LIST))) == 2
    assert pattern.match(LISTED) is not None
    assert "2 waiting, 0 held" in machines.run(LIST)

    port = f"tcp:{machines.next_port}:interface=127.0.0.1"
    with Twistd(tmp_path, "--port", port, "--backend", "maildir:mail", forked=True) as smart_host:
        assert smart_host.port
        assert machines.run(RETRY) == "retry: 2 recipients\n"
        eventually(lambda: len(list((tmp_path / "mail" / "new").glob("*"))) == 2)
        assert machines.servers.pop(0).stop()  # the other one goes on
        machines.send(0, "Third")
        eventually(lambda: len(list((tmp_path / "mail" / "new").glob("*"))) == 3)
        eventually(lambda: machines.run(LIST) == "0 messages, 0 octets; recipients: 0 waiting, 0 held\n")
