"""
SIGKILL at random moments, and SIGTERM, under load: what was acknowledged is stored, whole, and nothing by half.
"""

from __future__ import annotations

import random
import re
import socket
import time
from pathlib import Path

from tests.maildir import stored
from tests.siege.besieged import Besieged
from tests.siege.client import Client
from tests.siege.load import Load, message, wire
from tests.siege.scale import scale
from tests.waiting import PATIENCE

KILLS = scale(3, 100)
WAYS = ["plain", "plain+pipelined", "tls+pipelined"]
PER_ROUND = 100_000
"""Numbers; nobody sends so many before the end."""


def numbered(maildir: Path) -> dict[int, int]:
    """Messages in ``new``, by number, and how often; each has to be whole, octet by octet."""
    found: dict[int, int] = {}
    for content in stored(maildir):
        content = content[content.index(b"Subject: ") :]
        number = int(re.match(rb"Subject: (\d+)\r\n", content)[1])
        assert content == message(number)
        found[number] = found.get(number, 0) + 1
    return found


def empty(maildir: Path) -> None:
    for path in (maildir / "new").iterdir():
        path.unlink()


def test_killed_at_any_moment(directory, with_tls, figures):
    kept = 0
    for number in range(KILLS):
        with (
            Besieged(directory, "--backend", "maildir:Maildir", *with_tls) as server,
            Load(server.port, number * 1_000_000, PER_ROUND, *WAYS) as load,
        ):
            load.begun()
            time.sleep(random.uniform(0, 0.3))
            server.process.kill()
            acknowledged = load.over()
        there = numbered(directory / "Maildir")
        assert set(acknowledged) - set(there) == set()
        # What is there and was not acknowledged was on its way: at most one message of each client.
        assert len(set(there) - set(acknowledged)) <= len(WAYS)
        assert set(there.values()) == {1}
        kept += len(acknowledged)
        empty(directory / "Maildir")
    figures.add(f"SIGKILL under load, {KILLS} times", f"{kept} messages acknowledged, all stored, no partial message")


def test_stopped_under_load(directory, with_tls, figures):
    rounds, kept, slowest = scale(2, 20), 0, 0.0
    for number in range(rounds):
        last = number * 1_000_000 + 999_999
        with (
            Besieged(directory, "--backend", "maildir:Maildir", *with_tls) as server,
            Load(server.port, number * 1_000_000, PER_ROUND, *WAYS) as load,
            Client(server.port) as within,
        ):
            load.begun()
            within.envelope()
            within.ask(b"DATA\r\n", b"354")
            time.sleep(random.uniform(0, 0.2))
            began, port = time.monotonic(), server.port
            server.process.terminate()
            acknowledged = load.over()
            within.socket.sendall(wire(last)[:9])
            server.eventually(lambda port=port: refused(port))
            within.ask(wire(last)[9:])  # nobody is cut within a transaction
            assert within.reply()[:9] == b"421 4.3.2"
            assert server.ended()  # with 0
            slowest = max(slowest, time.monotonic() - began)
        there = numbered(directory / "Maildir")
        assert set(acknowledged) | {last} == set(there)
        assert set(there.values()) == {1}
        kept += len(there)
        empty(directory / "Maildir")
    figures.add(
        f"SIGTERM under load, {rounds} times", f"{kept} messages acknowledged, all stored; ended in {slowest:.1f} s"
    )


def refused(port: int) -> bool:
    """Whether nobody listens any more."""
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False
