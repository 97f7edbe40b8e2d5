"""POP3 clients read the mail of the web inbox: poplib, curl, fetchmail and mpop."""

from __future__ import annotations

import poplib
import smtplib
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.conftest import need
from tests.interop.peers import program
from tests.waiting import PATIENCE
from tests.wire.twistd import LOCAL, Twistd

CONTENT = b"Subject: x\r\n\r\n.dot\r\n..\r\n" + b".line\r\n" * 100_000


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    directory = tmp_path_factory.mktemp("pop3")
    with Twistd(directory, "--port", LOCAL, "--web", LOCAL, "--web-pop3", LOCAL, "--tls-self-signed") as server:
        smtp, _, pop3 = server.ports(3)
        with smtplib.SMTP("127.0.0.1", int(smtp)) as client:
            client.sendmail("a@example.org", ["b@example.net"], CONTENT)
        yield int(pop3)
        assert "Traceback" not in server.log


def test_poplib(port):
    client = poplib.POP3("127.0.0.1", port, timeout=PATIENCE)
    client.stls(ssl._create_unverified_context())
    client.user("b@example.net")
    client.pass_("any")
    assert b"".join(line + b"\r\n" for line in client.retr(1)[1]) == CONTENT
    client.quit()


def test_curl(port):
    need("curl")
    command = [program("curl"), "-s", f"pop3://127.0.0.1:{port}/1", "--user", "me:any"]
    assert subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE).stdout == CONTENT


def test_fetchmail(port, tmp_path: Path):
    need("fetchmail")
    file, found = tmp_path / "rc", tmp_path / "found"
    poll = f'poll 127.0.0.1 service {port} protocol pop3 user "me" password "x" keep fetchall'
    file.write_text(f'{poll} sslproto "" mda "cat >> {found}"\n')
    file.chmod(0o600)
    command = [program("fetchmail"), "-f", str(file), "--nodetach", "--pidfile", str(tmp_path / "pid")]
    subprocess.run(command, check=True, timeout=PATIENCE, capture_output=True)
    assert found.read_bytes().endswith(CONTENT.partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n"))


def test_mpop(port, tmp_path: Path):
    need("mpop")
    login = ["--host=127.0.0.1", f"--port={port}", "--user=me", "--passwordeval=echo x", "--auth=apop"]
    files = [f"--delivery=mbox,{tmp_path}/mbox", f"--uidls-file={tmp_path}/uidls", "--keep=on"]
    command = [program("mpop"), *login, *files]
    subprocess.run(command, check=True, timeout=PATIENCE, capture_output=True)
    assert (tmp_path / "mbox").read_bytes().count(b"\n.line") == 100_000
