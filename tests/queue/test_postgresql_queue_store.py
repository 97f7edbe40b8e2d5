"""A queue in a real PostgreSQL, which several processes share, and which is restarted."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from tests.queue.mails import NOW, new_mail
from tests.queue.opened import UNTIL, Opened, chunks
from txsmtpx.interfaces import StoreError
from txsmtpx.queue.postgresql_queue_store import PostgreSQLQueueStore
from txsmtpx.queue.queued_mail import RecipientOutcome, Selection
from txsmtpx.queue.spool_directory import LOCK
from txsmtpx.queue.threaded_queue_store import ThreadedQueueStore

if TYPE_CHECKING:
    from tests.queue.postgresql_server import PostgreSQLServer

pytestmark = pytest.mark.system


class Waiting(Opened):
    """A store, and a Deferred that fires at its next change."""

    def __init__(self, server: PostgreSQLServer) -> None:
        super().__init__(PostgreSQLQueueStore(server.url, reactor))
        self._next: Deferred[None] = Deferred()

    def changed(self) -> None:
        super().changed()
        following, self._next = self._next, Deferred()
        following.callback(None)

    @property
    def next_change(self) -> Deferred[None]:
        return self._next


@pytest_twisted.async_yield_fixture
async def pair(postgresql: PostgreSQLServer) -> AsyncIterator[tuple[Waiting, Waiting]]:
    postgresql.run("DROP SCHEMA IF EXISTS txsmtpx_queue CASCADE")
    made = Waiting(postgresql), Waiting(postgresql)
    await gatherResults([each.store.open(each.changed) for each in made])
    yield made
    await gatherResults([each.store.close() for each in made])


async def test_another_process_is_notified(pair: tuple[Waiting, Waiting]) -> None:
    first, second = pair
    change = second.next_change
    await first.store.add(new_mail())
    await change
    (lease,) = await second.lease()
    change = first.next_change
    await second.store.hand_back([lease])
    await change
    assert len(await first.lease()) == 1


async def test_no_two_processes_lease_the_same(pair: tuple[Waiting, Waiting]) -> None:
    first, second = pair
    for number in range(40):
        await first.store.add(new_mail(f"a@{number}.example", f"b@{number}.example"))
    found = await gatherResults(
        [each.store.lease(name, NOW, UNTIL, 5, 5, ()) for name, each in (("1", first), ("2", second)) for _ in range(4)]
    )
    leased = [lease.mail.id for leases in found for lease in leases]
    assert len(leased) == len(set(leased)) > 5
    assert all(len(lease.mail.recipients) == 2 for leases in found for lease in leases)


async def test_the_last_two_recipients_end_at_once(pair: tuple[Waiting, Waiting]) -> None:
    """Each process sees that the other one has finished, or waits for it; so the message goes in the end."""
    first, second = pair
    for _ in range(10):
        await first.store.add(new_mail("a@example.net", "b@example.com"))
        (one,), (other,) = await first.lease(limit=1), await second.lease(limit=1)
        await gatherResults(
            [
                each.store.finish(lease, [RecipientOutcome(lease.mail.recipients[0].number, "delivered")], [])
                for each, lease in ((first, one), (second, other))
            ]
        )
    assert await first.store.find(Selection(), 1) == []


@pytest.mark.time_limit(60)
async def test_the_database_is_restarted(
    pair: tuple[Waiting, Waiting], postgresql: PostgreSQLServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("txsmtpx.queue.postgresql_listener.RECONNECT", 0.2)
    first, second = pair
    kept = new_mail()
    await first.store.add(kept)
    (lease,) = await first.lease()
    for number in (signal.SIGINT, signal.SIGQUIT):  # which closes the connections, or ends like a crash
        postgresql.stop(number)
        with pytest.raises(StoreError, match="the queue cannot be used"):
            await first.store.add(new_mail())
        with pytest.raises(StoreError, match="the queue cannot be used"):
            await first.store.renew([lease], UNTIL + 1)
        postgresql.start()
        assert [each.id for each in await first.store.find(Selection(), 10)] == [kept.id]
    await first.store.finish(lease, [RecipientOutcome(0, "delivered")], [])
    assert isinstance(second.store, PostgreSQLQueueStore)
    while second.store._listener is None or second.store._listener.fileno() < 0:  # it comes back by itself
        await deferLater(reactor, 0.05)
    change = second.next_change
    await first.store.add(new_mail())
    await change


@pytest.mark.time_limit(60)
async def test_the_database_crashes_under_load(pair: tuple[Waiting, Waiting], postgresql: PostgreSQLServer) -> None:
    acknowledged: list[str] = []
    refused: list[str] = []
    running = True

    async def load(store: ThreadedQueueStore) -> None:
        while running:
            mail = new_mail()
            try:
                await store.add(mail)
                acknowledged.append(mail.id)
            except StoreError:
                refused.append(mail.id)
                await deferLater(reactor, 0.01)

    async def progress() -> None:
        enough = len(acknowledged) + 20
        while len(acknowledged) < enough:
            await deferLater(reactor, 0.01)

    loads = [Deferred.fromCoroutine(load(each.store)) for each in pair for _ in range(3)]
    for number in (signal.SIGQUIT, signal.SIGINT):
        await progress()
        await deferToThread(postgresql.stop, number)
        await deferToThread(postgresql.start)
    await progress()
    running = False
    await gatherResults(loads)
    stored = {each.id for each in await pair[0].store.find(Selection(), 100_000)}
    assert refused
    assert set(acknowledged) - stored == set()
    assert stored - set(acknowledged) <= set(refused)  # whose answer was lost; the client sends them again


async def test_bodies_that_were_received_are_in_the_database_only(pair: tuple[Waiting, Waiting]) -> None:
    first, second = pair
    assert isinstance(first.store, PostgreSQLQueueStore)
    body = first.store.body()
    await body.read(chunks(b"x" * 70_000))
    assert body.name
    await first.store.add(new_mail(body=body.name, size=body.size))
    body.close()
    assert [each.name for each in first.store._spool.path.iterdir()] == [LOCK]
    (found,) = await second.store.find(Selection(), 1)
    with await second.store.open_body(found) as file:
        assert file.read() == b"x" * 70_000


async def test_a_nul_in_a_reply_of_a_server(pair: tuple[Waiting, Waiting]) -> None:
    first, _ = pair
    await first.store.add(new_mail())
    (lease,) = await first.lease()
    await first.store.finish(lease, [RecipientOutcome(0, "waiting", "451 a\0b")], [])
    (found,) = await first.store.find(Selection(), 1)
    assert found.recipients[0].reply == "451 a?b"


async def test_a_database_that_cannot_be_used() -> None:
    store = PostgreSQLQueueStore("postgresql://me:secret@/mail?host=/nowhere")
    assert repr(store) == "<PostgreSQLQueueStore user=me host=/nowhere dbname=mail>"
    why = r"^the queue cannot be used: .*connection to server on socket .* failed: [^\n]*$"
    with pytest.raises(StoreError, match=why) as raised:
        await store.open(lambda: None)
    assert "secret" not in str(raised.value)
    await store.close()
    assert not store._spool.path.exists()


async def test_the_tables_of_a_later_version(pair: tuple[Waiting, Waiting], postgresql: PostgreSQLServer) -> None:
    postgresql.run("UPDATE txsmtpx_queue.version SET version = 2")
    store = PostgreSQLQueueStore(postgresql.url)
    with pytest.raises(StoreError, match="the tables were created by a later version of txsmtpx"):
        await store.open(lambda: None)
    await store.close()


@pytest.mark.parametrize("url", ["postgresql://me:secret@[::1", "no=such setting", "x"])
def test_a_malformed_url(url: str) -> None:
    with pytest.raises(ValueError, match=r"^the URL of the database is malformed; write postgresql://USER@HOST/NAME$"):
        PostgreSQLQueueStore(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:s3/cret@127.0.0.1:1/db", "postgresql://u:se:cr@et@127.0.0.1:1/db",
        "postgresql://u:s3cret@127.0.0.1:x/db", "postgresql://u:s3cret@127.0.0.1:65536/db",
        "postgresql://u:s3cret@a:1,b:0/db", "postgresql://u:s3cret@127.0.0.1:-1/db", "postgresql://u:5432/cr@et@h/db",
    ],
)  # fmt: skip
def test_a_url_that_libpq_splits_within_the_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"in a password, write / as %2F, @ as %40$") as raised:
        PostgreSQLQueueStore(url)
    assert not any(each in str(raised.value) for each in ("s3", "cr", "et", "5432"))


@pytest.mark.parametrize("url", ["postgresql://u:x@a:1,b:65535/db", "postgresql:///", "postgresql://u:%2F%40@[::1]/db"])
def test_urls_that_libpq_accepts(url: str) -> None:
    assert "x" not in PostgreSQLQueueStore(url).name


def test_a_typo_in_a_parameter() -> None:
    expected = r"^the URL of the database has no parameter sslmod; did you mean sslmode\?$"
    with pytest.raises(ValueError, match=expected):
        PostgreSQLQueueStore("postgresql://me:secret@h/db?connect_timeout=3&sslmod=require")


def test_psycopg_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("txsmtpx.queue.postgresql_queue_store.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"^psycopg is not installed: pip install 'txsmtpx\[queue\]'$"):
        PostgreSQLQueueStore("postgresql://me@host/mail")


async def test_an_opening_without_descriptors_leaves_nothing_and_is_tried_again(
    pair: tuple[Waiting, Waiting], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    assert isinstance(first.store, PostgreSQLQueueStore)
    await first.store.close()
    queue, made = first.store._queue, []
    connected = queue.connected

    def recorded() -> Any:
        made.append(connected())
        return made[-1]

    def dup(descriptor: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(queue, "connected", recorded)
    with monkeypatch.context() as patched:
        patched.setattr(os, "dup", dup)
        with pytest.raises(StoreError, match=r"^the queue cannot be used: Too many open files$"):
            await first.store.open(first.changed)
    with pytest.raises(StoreError, match="syntax error"):
        await first.store._connect("LISTEN")
    assert [each.closed for each in made] == [False, True, True]  # the first one is that of the queue
    await first.store.open(first.changed)
    change = first.next_change
    await second.store.add(new_mail())
    await change
