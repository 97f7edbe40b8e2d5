"""A message of a stream that a consumer has."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txsmtpx.backends import redis_entry
from txsmtpx.backends.body_directory import BodyDirectory
from txsmtpx.consume.message_source import Remainder, Settlement, SourceError
from txsmtpx.consume.queued_message import QueuedMessage
from txsmtpx.consume.redis_group import Entry, RedisGroup
from txsmtpx.interfaces import InThread, StoreError

log = Logger(__name__)


class RedisLease:
    """
    A message that this consumer has, until it is settled.  `txsmtpx.consume.redis_source.RedisSource` creates it.

    Args:
        entry: The entry of the stream.
        message: The message.
        group: The group of the consumer.
        directory: The directory of long bodies; None for none.
        in_thread: It calls a function in a thread.
        forget: It is called with the lease when that is over.  If the message is not settled then, it comes again
            after a time.

    Attributes:
        entry: As in the arguments.
        message: As in the arguments.
    """

    def __init__(
        self,
        entry: Entry,
        message: QueuedMessage,
        group: RedisGroup,
        directory: BodyDirectory | None,
        in_thread: InThread,
        forget: Callable[[RedisLease], None],
    ) -> None:
        self.entry = entry
        self.message = message
        self._group = group
        self._directory = directory
        self._in_thread = in_thread
        self._forget = forget
        self._returning: Deferred[None] | None = None

    async def settle(self, settlement: Settlement) -> None:
        """
        Store the remainders, and delete the message, in one step.

        Args:
            settlement: What becomes of the message.

        Raises:
            SourceError: Redis cannot be used.
        """
        name = redis_entry.text_in(self.entry.fields, redis_entry.BODY_FILE)
        try:
            if settlement.retry is None and settlement.dead is None:
                await self._handled(name)
                return
            again, given_up = self._changes(settlement.retry), self._changes(settlement.dead)
            if name and again is not None and given_up is not None:
                given_up[redis_entry.BODY_FILE] = await self._second(name)
            await self._group.settle(self.entry.id, again, settlement.delay, given_up)
        except (StoreError, OSError) as error:
            raise SourceError(f"{self._group.name}: {error}") from error
        finally:
            self._forget(self)

    def _changes(self, remainder: Remainder | None) -> dict[str, str] | None:
        """Return the fields of the entry that differ in a remainder of it."""
        if remainder is None:
            return None
        return redis_entry.changes_of(remainder.envelope, remainder.reason, self.message.attempt)

    async def _second(self, name: str) -> str:
        """Return a second name of the body."""
        assert self._directory is not None
        return cast(str, await self._in_thread(self._directory.link, name))

    async def _handled(self, name: str) -> None:
        """Delete the message, and its body.  The mark remains, since a Redis that has failed may return the message."""
        if not name:
            await self._group.handled(self.entry.id)
            return
        assert self._directory is not None
        await self._in_thread(self._directory.mark, name)
        await self._group.handled(self.entry.id)
        try:
            await self._in_thread(self._directory.remove, name)
        except OSError as error:
            log.warn("{name}: the file of a handled message remains: {error}", name=self._group.name, error=error)

    def release(self) -> None:
        """Return the message to the stream now."""
        if self._returning is None:
            self._returning = Deferred.fromCoroutine(self._release())

    async def returned(self) -> None:
        """Return the message to the stream, and wait until it is there."""
        self.release()
        assert self._returning is not None
        await self._returning

    async def _release(self) -> None:
        try:
            await self._group.release(self.entry.id)
        except StoreError as error:
            text = "{name} message={id} comes again later: {error}"
            log.warn(text, name=self._group.name, id=self.message.id, error=error)
        self._forget(self)
