"""The how-to page on DKIM: its key, its program and its server; opendkim accepts the signatures."""

from __future__ import annotations

import shlex
import smtplib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.internet.threads import deferToThread

from tests.docs.page import Page
from tests.interop import milter_programs
from tests.interop.conftest import need, room  # noqa: F401  # fixtures
from tests.interop.milter_page import OPENDKIM_VERIFIES
from tests.maildir import stored
from tests.ports import free_port
from tests.wire.twistd import Twistd
from txsmtpx.wire.dkim_key import DKIMKeys

pytestmark = pytest.mark.system

PAGE = Page("docs/howto/dkim.md")
KEYGEN = PAGE.take("shell", "keygen").text
RECORD = PAGE.take("text").text
RECEIVER = PAGE.take("shell", "maildir").text
PROGRAM = PAGE.take("python").text
SERVER = PAGE.take("shell", "--filter dkim").text


class Signing:
    """The directory of the page, with a key, and a server that keeps what it gets, and has it verified."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.next_port = free_port()
        for line in KEYGEN.splitlines():
            words = [sys.executable if word == "python" else word for word in shlex.split(line)]
            self.printed = subprocess.run(words, cwd=directory, check=True, text=True, stdout=subprocess.PIPE).stdout
        (self.key,) = DKIMKeys(directory / "keys").of("example.org")

    def receiver(self, verifier: Path) -> Twistd:
        words = shlex.split(RECEIVER.replace(":2526", f":{self.next_port}"))
        added = ("--domain", "mx.example.net", "--filter", f"milter:unix:{verifier}")
        options = (*words[words.index("smtpx") + 1 :], *added)
        return Twistd(self.directory, *options, log="next", forked=True)

    @property
    def received(self) -> bytes:
        return stored(self.directory / "mail")[-1]


@pytest.fixture
def signing(tmp_path: Path, room: Callable[[str], Path]) -> Iterator[Signing]:  # noqa: F811
    need("opendkim")
    made = Signing(tmp_path)
    dns = f"{made.key.record_name} {made.key.record}\n"
    with (
        milter_programs.opendkim(room(f"dkim-{tmp_path.name[-12:]}"), OPENDKIM_VERIFIES, dns) as verifier,
        made.receiver(verifier) as receiver,
    ):
        assert receiver.port
        yield made


def test_the_record_is_as_printed(signing: Signing) -> None:
    printed, shown = signing.printed.splitlines(), RECORD.splitlines()
    assert printed[:2] == shown[:2]
    assert printed[2].startswith(shown[2].partition("...")[0][:40])


async def test_a_program_signs(signing: Signing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(signing.directory)
    source = "\n".join(f"    {line}" for line in PROGRAM.replace(":2526", f":{signing.next_port}").splitlines())
    names: dict[str, object] = {}
    exec(f"async def program():\n{source}", names)
    await names["program"]()  # type: ignore[operator]
    assert await deferToThread(lambda: b"dkim=pass" in signing.received)


def test_a_server_signs(signing: Signing) -> None:
    (signing.directory / "users").write_text("ann:secret\n")
    words = shlex.split(SERVER.replace(":2526", f":{signing.next_port}").replace("tcp:2525", "tcp:0"))
    with Twistd(signing.directory, *words[words.index("smtpx") + 1 :], forked=True) as server:
        with smtplib.SMTP("127.0.0.1", server.port) as client:
            client.login("ann", "secret")
            message = b"From: ann@example.org\r\n\r\n" + b"x" * 3000 + b"\r\n.dot\r\n\xfc\r\n\r\n"
            client.sendmail("ann@example.org", ["bob@example.net"], message)
        assert b"dkim=pass" in signing.received
        assert server.stop()
