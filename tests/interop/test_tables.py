"""Tables beside Postfix: postsrsd, whose tcp_table it asks; and postmap, which asks tables of our codecs."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop import peers
from tests.interop.conftest import need
from tests.interop.smtpx import smtpx
from tests.maildir import stored
from tests.ports import free_port
from tests.waiting import PATIENCE, eventually
from txsmtpx.tables.netstring import NetstringReader, encoded

pytestmark = pytest.mark.system

TABLE = {
    "ann@example.org": "Ann.B@store.example.org", "@old.example.org": "@example.org",
    '"100% a b"@example.org': "b@example.org", "bücher@example.org": "c@example.org",
}  # fmt: skip
"""What our tables have."""


@contextlib.contextmanager
def postsrsd(directory: Path) -> Iterator[tuple[int, int]]:
    """postsrsd, and the ports of its tables: for senders, and for recipients."""
    (directory / "secret").write_text("secret\n")
    ports = free_port(), free_port()
    options = [f"-s{directory}/secret", "-dsrs.example.org", f"-f{ports[0]}", f"-r{ports[1]}", "-4", "-l127.0.0.1"]
    with (directory / "output").open("wb") as output:
        process = subprocess.Popen([peers.program("postsrsd"), *options], stdout=output, stderr=output)
    try:
        eventually(lambda: all(map(listens, ports)), (directory / "output").read_text)
        yield ports
    finally:
        process.kill()
        process.wait()


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), PATIENCE):
        return True
    return False


def test_addresses_go_to_srs_and_back(room: Callable[[str], Path]) -> None:
    """A sender of another domain gets an address of ours, and a bounce to that address goes to the sender."""
    need("postsrsd")
    directory, port = room("srs"), free_port()
    with postsrsd(directory) as (forward, back):
        options = ["--port", f"tcp:{port}:interface=127.0.0.1", "--backend", "maildir:Maildir/{domain}"]
        options += ["--rewrite-sender", f"tcp:127.0.0.1:{forward}", "--rewrite", f"tcp:127.0.0.1:{back}"]
        with smtpx(directory, port, *options) as server:
            with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
                for sender in ("Me@Example.com", "you@example.net", "us@srs.example.org"):
                    client.sendmail(sender, ["list@example.org"], b"Subject: hi\r\n\r\n")
            messages = stored(directory / "Maildir/example.org")
            senders = {message.partition(b"\r\n")[0].decode() for message in messages}
            assert "Return-Path: <us@srs.example.org>" in senders  # its own domain stays
            (srs,) = [each[14:-1] for each in senders if each.lower().endswith("=example.com=me@srs.example.org>")]
            with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
                client.sendmail("", [srs], b"Subject: bounce\r\n\r\n")
                client.sendmail("", ["no-srs@example.net"], b"Subject: bounce\r\n\r\n")
            (bounce,) = stored(directory / "Maildir/example.com")
            assert b"me@example.com" in bounce.lower()
            assert len(stored(directory / "Maildir/example.net")) == 1, server.text


def test_a_table_that_is_down_defers_until_it_is_back(room: Callable[[str], Path]) -> None:
    need("postsrsd")
    directory, port = room("srs-down"), free_port()
    with postsrsd(directory) as (_, back):
        pass
    options = ["--port", f"tcp:{port}:interface=127.0.0.1", "--backend", "maildir:Maildir", "--rewrite"]
    with (
        smtpx(directory, port, *options, f"tcp:127.0.0.1:{back}") as server,
        smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client,
    ):
        client.ehlo()
        client.mail("a@example.com")
        assert client.rcpt("b@example.org") == (451, b"4.3.0 Temporary lookup failure")
        server.logged(r"tcp:127\.0\.0\.1:\d+: no answer about b@example\.org: cannot connect: Connection refused")


class Postmap:
    """``postmap -q`` of Postfix."""

    def __init__(self, table: str) -> None:
        self._table = table

    def __call__(self, key: str) -> str | None:
        command = [peers.program("postmap"), "-q", key, self._table]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert ended.stderr == ""
        return ended.stdout.removesuffix("\n") if ended.returncode == 0 else None


class _Socketmap(socketserver.StreamRequestHandler):
    """A table ``virtual`` by our own netstrings."""

    def handle(self) -> None:
        reader = NetstringReader(1000)
        while octets := self.request.recv(1000):
            request = reader.feed(octets)
            if request is not None:
                name, _, key = request.decode().partition(" ")
                value = TABLE.get(key) if name == "virtual" else None
                self.request.sendall(encoded(b"NOTFOUND " if value is None else f"OK {value}".encode()))


@pytest.mark.parametrize("key", [*TABLE, "nobody@example.org"])
def test_postfix_understands_our_netstrings(tmp_path_factory: pytest.TempPathFactory, key: str) -> None:
    """The framing is one codec for both directions."""
    need("postfix")
    path = tmp_path_factory.mktemp("m") / "s"
    with socketserver.ThreadingUnixStreamServer(str(path), _Socketmap) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            assert Postmap(f"socketmap:unix:{path}:virtual")(key) == TABLE.get(key)
        finally:
            server.shutdown()
            thread.join()
