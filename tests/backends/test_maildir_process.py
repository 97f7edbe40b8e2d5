"""
``maildir:`` in a process of its own: killed at any moment (guarantee 12), and with messages larger than it may grow.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import re
import smtplib
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.backends import killed
from tests.waiting import PATIENCE
from tests.wire.twistd import LOCAL, Twistd

ROUNDS = 4
CLIENTS = 4

LARGE = int(os.environ.get("TXSMTPX_LARGE_MESSAGE", 200_000_000))
"""Octets of the large message, of which the default keeps a plain run of the tests short."""

MAY_GROW = 16 * 1024 * 1024


def message(number: int) -> bytes:
    """The message of that number: small or large, and one can see whether it is whole."""
    lines = random.Random(number).choice([1, 10, 1000, 20000])
    return b"Subject: %d\r\n\r\n%sthe end of %d\r\n" % (number, b"0123456789\r\n" * lines, number)


def as_sent(path: Path) -> bytes:
    """What stands in a file below the headers that were added."""
    content = path.read_bytes()
    return content[content.index(b"Subject: ") :]


class Load:
    """Clients that deliver as fast as they can, each message to two Maildirs."""

    def __init__(self, port: int, first: int) -> None:
        self.acknowledged: list[int] = []
        self._port = port
        self._numbers = iter(range(first, first + 100_000))
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._deliver) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _deliver(self) -> None:
        with contextlib.suppress(OSError, smtplib.SMTPException):
            client = smtplib.SMTP("127.0.0.1", self._port, timeout=PATIENCE)
            with contextlib.closing(client):
                while True:
                    with self._lock:
                        number = next(self._numbers)
                    client.sendmail("a@client.example", ["b@localhost", "c@localhost"], message(number))
                    self.acknowledged.append(number)

    def wait(self) -> None:
        """Until the server has gone, and all have noticed."""
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()


@pytest.mark.time_limit(120)
def test_killed_at_any_moment(tmp_path):
    acknowledged: list[int] = []
    for number in range(ROUNDS):
        with Twistd(tmp_path, "-p", LOCAL, "-b", "maildir:Maildir/{local}") as server:
            load = Load(server.port, number * 100_000)
            server.eventually(lambda load=load: len(load.acknowledged) >= 10)
            time.sleep(random.uniform(0, 0.3))
            server.process.kill()
            load.wait()
            acknowledged += load.acknowledged
    for name in "bc":
        # Nothing half in new, and all in it that was acknowledged.
        stored = [as_sent(path) for path in (tmp_path / "Maildir" / name / "new").iterdir()]
        numbers = [int(re.match(rb"Subject: (\d+)", content)[1]) for content in stored]
        assert all(content == message(number) for content, number in zip(stored, numbers, strict=True))
        assert sorted(set(acknowledged) - set(numbers)) == []
        assert len(numbers) == len(set(numbers))
        # What is there and was not acknowledged is what was on its way.
        assert len(numbers) <= len(acknowledged) + ROUNDS * CLIENTS


def test_killed_before_each_system_call(tmp_path):
    """Of a group of messages, and of a large one; every process begins with what the one before has left."""
    run = subprocess.run([sys.executable, "-m", "tests.backends.killed", tmp_path], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    seen = [json.loads(line) for line in run.stdout.splitlines()]
    acknowledged: list[int] = []
    for each in seen:
        acknowledged += each["acknowledged"]
        for name, stored in each["stored"].items():
            assert {number for number in acknowledged if name in killed.recipients(number)} <= set(stored)
            assert len(stored) == len(set(stored))
    assert [each["call"] for each in seen][-1] == ""
    assert {each["call"] for each in seen[:-1]} == {*killed.CALLS} - {"unlink"}  # nothing failed
    assert len(seen[-1]["acknowledged"]) == len(killed.RECIPIENTS)


def memory(server: Twistd) -> int:
    """The most memory that it has had so far, in octets."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
@pytest.mark.parametrize("verb", ["DATA", "BDAT"])
def test_a_large_message(tmp_path, verb):
    piece = b"0123456789" * 7 + b"\r\n..dots\r\n" + b"x" * 900 + b"\r\n"
    piece *= 1_000_000 // len(piece)
    pieces = LARGE // len(piece) + 1
    with Twistd(tmp_path, "-p", LOCAL, "-b", "maildir:Maildir", "--max-message-bytes", "0") as server:
        with server.connect() as client:
            client.socket.settimeout(600)
            client.reply()
            for line in ("EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>"):
                assert client.ask(line)[:3] == "250"
            before = memory(server)
            if verb == "DATA":
                assert client.ask("DATA")[:3] == "354"
            else:
                client.say(f"BDAT {pieces * len(piece)} LAST")
            for _ in range(pieces):
                client.socket.sendall(piece)
            if verb == "DATA":
                client.say(".")
            assert client.reply().startswith("250 2.0.0 Ok: queued as ")
            grown = memory(server) - before
        assert server.stop()
    print(f"{pieces * len(piece)} octets by {verb}: VmHWM has grown by {grown / 1024**2:.1f} MiB")
    assert grown < MAY_GROW
    (path,) = (tmp_path / "Maildir" / "new").iterdir()
    stored = hashlib.sha256()
    with path.open("rb") as file:
        head = file.read(4096)
        body = re.search(rb"\A.*?(?=0123456789)", head, re.DOTALL).end()
        stored.update(head[body:])
        while octets := file.read(1_000_000):
            stored.update(octets)
    piece = piece.replace(b"\r\n..", b"\r\n.") if verb == "DATA" else piece
    sent = hashlib.sha256()
    for _ in range(pieces):
        sent.update(piece)
    assert stored.digest() == sent.digest()
    path.unlink()
