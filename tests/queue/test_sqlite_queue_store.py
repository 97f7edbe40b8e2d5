"""The store of a queue in SQLite: its files, its commits, and what it makes of other processes."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import Clock

from tests.queue.mails import NOW, envelope, new_mail
from tests.queue.opened import Opened, chunks, content
from txsmtpx.interfaces import StoreError
from txsmtpx.queue.mail_queue import MailQueue
from txsmtpx.queue.queued_mail import NewMail, RecipientOutcome, Selection
from txsmtpx.queue.sqlite_queue_store import ORPHAN, POLL, SQLiteQueueStore
from txsmtpx.testing import Outcome


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_twisted.async_yield_fixture
async def opened(tmp_path: Path, clock: Clock) -> AsyncIterator[Opened]:
    made = Opened(SQLiteQueueStore(str(tmp_path / "queue.db"), clock))
    await made.store.open(made.changed)
    yield made
    await made.store.close()


@pytest.fixture
def store(opened: Opened) -> SQLiteQueueStore:
    assert isinstance(opened.store, SQLiteQueueStore)
    return opened.store


async def test_a_long_body_has_a_file_as_long_as_the_message_is_there(opened: Opened, tmp_path: Path) -> None:
    body = opened.store.body()
    await body.read(chunks(b"x" * 65_536))
    await opened.store.add(new_mail(body=body.name, size=body.size))
    body.close()
    (file,) = (tmp_path / "queue.db-bodies").iterdir()
    (lease,) = await opened.lease()
    await opened.store.finish(lease, [RecipientOutcome(0, "delivered")], [])
    assert not file.exists()


async def test_messages_that_come_together_are_stored_by_few_commits(store: SQLiteQueueStore) -> None:
    commits: list[str] = []
    store._queue._connection.set_trace_callback(commits.append)
    twice = new_mail()
    stored = [store.add(each) for each in (new_mail(), twice, twice, new_mail())]
    outcomes = [Outcome(each) for each in stored]
    await gatherResults([each for at, each in enumerate(stored) if at != 2])
    assert commits.count("COMMIT") == 2
    with pytest.raises(StoreError, match="UNIQUE constraint failed"):
        outcomes[2].result()
    assert len(await store.find(Selection(), 10)) == 3


async def test_bodies_without_a_message_are_removed_at_the_start(tmp_path: Path, clock: Clock) -> None:
    first = Opened(SQLiteQueueStore(str(tmp_path / "queue.db"), clock))
    directory = tmp_path / "queue.db-bodies"
    await first.store.open(first.changed)
    body = first.store.body()
    await body.read(chunks(b"x" * 70_000))
    await first.store.add(new_mail(body=body.name, size=body.size))
    body.close()
    await first.store.close()
    for name, old in (("a.eml", True), ("b.eml.part", True), ("c.eml", False), ("other", True)):
        (directory / name).touch()
        if old:
            os.utime(directory / name, (0, 0))
    os.utime(directory / body.name, (0, 0))
    assert ORPHAN >= 86_400
    second = Opened(SQLiteQueueStore(str(tmp_path / "queue.db"), clock))
    await second.store.open(second.changed)
    assert {each.name for each in directory.iterdir()} == {body.name, "c.eml", "other"}
    await second.store.close()


async def test_a_change_by_another_process_is_noticed(
    opened: Opened, store: SQLiteQueueStore, tmp_path: Path, clock: Clock
) -> None:
    other = Opened(SQLiteQueueStore(str(tmp_path / "queue.db"), Clock()))
    await other.store.open(other.changed)
    await other.store.add(new_mail())
    await other.store.depth(NOW)
    assert (other.changes, opened.changes) == (1, 0)
    await looked(store, clock)
    assert opened.changes == 1
    await looked(store, clock)
    assert opened.changes == 1
    await other.store.close()


async def looked(store: SQLiteQueueStore, clock: Clock) -> None:
    """Wait until the store has looked at the file."""
    clock.advance(POLL)
    await store.depth(NOW)  # the thread does one after the other
    await store.depth(NOW)


async def test_a_disk_that_is_full_stores_nothing(store: SQLiteQueueStore) -> None:
    pages = store._queue._connection.execute("PRAGMA page_count").fetchone()[0]
    store._queue._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    outcomes = [Outcome(store.add(new_mail(body=b"x" * 60_000))) for _ in range(3)]
    await store.depth(NOW)
    await store.depth(NOW)
    for each in outcomes:
        with pytest.raises(StoreError, match="database or disk is full"):
            each.result()
    assert (await store.depth(NOW)).messages == 0
    store._queue._connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
    await store.add(new_mail())
    assert (await store.depth(NOW)).messages == 1


def test_a_path_that_cannot_be_used(tmp_path: Path) -> None:
    for wrong, why in (("nowhere/queue.db", "there is no directory"), (".", "Is a directory")):
        with pytest.raises(ValueError, match=why):
            SQLiteQueueStore(str(tmp_path / wrong))
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE x (y)").connection.close()
    with pytest.raises(ValueError, match="is a database of another program; name a new file"):
        SQLiteQueueStore(str(tmp_path / "other.db"))
    with pytest.raises(TypeError):
        SQLiteQueueStore(42)  # type: ignore[arg-type]


def test_its_representation(tmp_path: Path) -> None:
    assert repr(SQLiteQueueStore(str(tmp_path / "queue.db"))) == f"<SQLiteQueueStore {tmp_path / 'queue.db'}>"


async def test_a_client_is_lost_while_its_message_is_stored(store: SQLiteQueueStore) -> None:
    """The message may be stored all the same.  Then its body is there too."""
    queue = MailQueue(store)
    adding: Deferred[None] = Deferred()
    add = store.add

    gate = threading.Event()

    def added(mail: NewMail) -> Deferred[None]:
        store._call(gate.wait)
        reactor.callLater(0, adding.callback, None)  # type: ignore[attr-defined]
        return add(mail)

    store.add = added  # type: ignore[method-assign]
    storing = Deferred.fromCoroutine(queue.store_message(envelope("bob@example.net"), chunks(b"x" * 70_000)))
    await adding
    storing.cancel()
    with pytest.raises(CancelledError):
        await storing
    gate.set()
    (mail,) = await store.find(Selection(), 10)
    assert await content(store, mail) == b"x" * 70_000
