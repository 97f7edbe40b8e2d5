"""A store of a queue that a test has opened."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tests.queue.mails import NOW
from txsmtpx.queue.queued_mail import Lease, QueuedMail
from txsmtpx.queue.threaded_queue_store import ThreadedQueueStore

UNTIL = NOW + 600
"""The end of the leases."""


class Opened:
    """A store, and how often it has reported a change."""

    def __init__(self, store: ThreadedQueueStore) -> None:
        self.store = store
        self.changes = 0

    def changed(self) -> None:
        self.changes += 1

    async def lease(
        self, now: float = NOW, limit: int = 100, each: int = 100, full: tuple[str, ...] = ()
    ) -> list[Lease]:
        return await self.store.lease("me", now, UNTIL, limit, each, full)


def named(leases: list[Lease]) -> list[tuple[str, str, list[int]]]:
    return [(each.mail.id, each.destination, [one.number for one in each.mail.recipients]) for each in leases]


async def content(store: ThreadedQueueStore, mail: QueuedMail) -> bytes:
    with await store.open_body(mail) as file:
        return file.read()


async def chunks(*octets: bytes) -> AsyncIterator[bytes]:
    for each in octets:
        yield each
