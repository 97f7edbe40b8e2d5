"""A file of many messages: it opens fast, is searched fast, and its memory has a bound."""

from __future__ import annotations

import itertools
import random
import time
from dataclasses import replace
from pathlib import Path

from tests.inbox.stored_messages import SMALL
from tests.siege.besieged import MIB
from tests.siege.scale import FULL, scale
from txsmtpx.inbox.database_reader import DatabaseReader
from txsmtpx.inbox.database_writer import DatabaseWriter
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.inbox.store_limits import StoreLimits

MESSAGES = scale(2_000, 100_000)

SEARCHES = ("", "invoice", "h", "from:user7@example.org", '"hello here is"', "to:you -zzz", "is:unread invoice",
            "tag:shop", "before:2030-01-01 larger:100 hello", "message-id:77.x")  # fmt: skip


def resident() -> int:
    """The octets of memory of this process."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096


def fill(path: str) -> None:
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 10))) for _ in range(20_000)]
    weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(len(words))))
    writer = DatabaseWriter(path, StoreLimits())
    for start in range(0, MESSAGES, 100):
        batch = []
        for number in range(start, start + 100):
            text = " ".join(chance.choices(words, cum_weights=weights, k=80))
            head = (
                f"From: user{number % 500}@example.org\r\nSubject: Invoice {number}\r\nMessage-ID: <{number}.x@y>\r\n"
            )
            content = f"{head}\r\nHello, here is your invoice\r\n{text}\r\n".encode()
            recipient = f"you{'+shop' if number % 7 == 0 else ''}@example.net"
            batch.append(replace(SMALL, content=content, recipients=(recipient,)))
        writer.keep(batch, 0.0)
    writer.close()


def test_many_messages_in_a_file(directory, figures):
    path = str(directory / "mail.db")
    fill(path)
    before, began = resident(), time.perf_counter()
    writer, reader = DatabaseWriter(path, StoreLimits(messages=MESSAGES)), DatabaseReader(path)
    writer.open()
    assert len(reader.listed(SearchQuery(""), 0, 100, writer.totals.messages, False).rows) == 100
    opened = time.perf_counter() - began
    worst = 0.0
    for text in SEARCHES:
        times = []
        for _ in range(3):  # other processes may have the processor
            began = time.perf_counter()
            assert reader.listed(SearchQuery(text), 0, 100, writer.totals.messages, False).total > 0
            times.append(time.perf_counter() - began)
        worst = max(worst, min(times))
    grown = resident() - before
    writer.keep([SMALL], 0.0)
    reader.close()
    writer.close()
    figures.add(f"inbox: a file of {MESSAGES} messages opens", f"{opened * 1000:.0f} ms")
    figures.add(f"inbox: the slowest of {len(SEARCHES)} searches in it", f"{worst * 1000:.0f} ms")
    assert opened < 1
    assert worst < 0.05
    assert grown < 64 * MIB
    assert FULL or MESSAGES == 2_000
