"""The opening of a store: once, however many callers wait for it, and later if it fails."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from txsmtpx.interfaces import StoreError
from txsmtpx.queue.back_off import BackOff
from txsmtpx.queue.queue_store import QueueStore

log = Logger(__name__)

TROUBLE = BackOff(1.0, 30.0)
"""The waits after failures of a store."""


class OpenStore:
    """
    A store that is opened when it is needed.  `txsmtpx.MailQueue` creates it.

    Args:
        store: The store.
        changed: Called when a recipient may have become due.
    """

    def __init__(self, store: QueueStore, changed: Callable[[], None]) -> None:
        self._store = store
        self._changed = changed
        self._lock = DeferredLock()
        self._begun = False  # True from the first attempt to open it
        self._is_open = False

    async def open(self) -> None:
        """
        Open the store, if it is not open.

        Raises:
            StoreError: The store cannot be used.  The next call tries again.
        """
        if self._is_open:
            return
        await self._lock.acquire()
        try:
            if not self._is_open:
                self._begun = True  # its thread may open it though the caller is cancelled
                await self._store.open(self._changed)
                self._is_open = True
        finally:
            self._lock.release()

    async def insist(self, reactor: IReactorTime) -> None:
        """
        Open the store, however long that takes.

        Args:
            reactor: The clock.
        """
        failures = 0
        while True:
            try:
                return await self.open()
            except StoreError as error:
                failures += 1
                wait = TROUBLE.after(failures)
                log.error("the queue cannot be opened, next attempt in {wait:.0f} s: {error}", wait=wait, error=error)
            await deferLater(reactor, wait)

    async def close(self) -> None:
        """Close the store, if it is open or being opened."""
        if self._begun:
            self._begun = self._is_open = False
            await self._store.close()
