"""
A queue and the next server behind it, killed at random moments under load: what was acknowledged arrives.

A message that was being sent when one of them was killed may arrive twice: nothing shows whether the next server had
stored it.  No other message does.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

from tests.ports import free_port
from tests.siege.besieged import Besieged
from tests.siege.load import Load
from tests.siege.scale import scale
from tests.siege.test_kill import numbered
from tests.waiting import eventually

KILLS = scale(4, 200)
WAYS = ["plain", "plain+pipelined"]
PER_ROUND = 100_000
CONNECTIONS = 5
VICTIMS = (("queue",), ("next",), ("queue", "next"))


def queue(directory: Path, port: int) -> Besieged:
    return Besieged(
        directory, "--backend", "queue:sqlite:queue.db", "--relay-domain", "localhost",
        "--route", f"* endpoint=tcp:127.0.0.1:{port} connections={CONNECTIONS}",
        "--queue-retry", "500ms", "--queue-retry-most", "2s", "--queue-lease", "2s", "--queue-failures", "0",
    )  # fmt: skip


def next_server(directory: Path, port: int) -> Besieged:
    return Besieged(directory, "--backend", "maildir:Maildir", port=f"tcp:{port}:interface=127.0.0.1")


def test_sender_and_next_hop_killed_at_any_moment(directory, figures):
    port = free_port()
    acknowledged: list[int] = []
    here, there = directory / "here", directory / "there"
    here.mkdir()
    there.mkdir()
    for number in range(KILLS):
        victims = VICTIMS[number % len(VICTIMS)]
        with (
            next_server(there, port) as behind,
            queue(here, port) as server,
            Load(server.port, number * 1_000_000, PER_ROUND, *WAYS) as load,
        ):
            load.begun()
            time.sleep(random.uniform(0, 0.5))
            if "next" in victims:
                behind.process.kill()
            if "queue" not in victims:
                time.sleep(random.uniform(0, 0.3))
            server.process.kill()  # which also ends the load
            acknowledged += load.over()
    with next_server(there, port), queue(here, port):
        eventually(lambda: set(acknowledged) <= set(numbered(there / "Maildir")), seconds=120)
    arrived = numbered(there / "Maildir")
    assert set(acknowledged) - set(arrived) == set()
    doubles = sum(times - 1 for times in arrived.values())
    assert max(arrived.values()) <= 1 + KILLS
    assert doubles <= (KILLS + 1) * CONNECTIONS  # those on their way at a kill
    figures.add(
        f"SIGKILL of a queue and its next server under load, {KILLS} times",
        f"{len(acknowledged)} messages acknowledged, all delivered, {doubles} of them twice",
    )
