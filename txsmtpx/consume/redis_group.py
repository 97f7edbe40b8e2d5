"""
The commands of one consumer of a group: it reads a stream, claims what dead consumers had, and settles.

It has two connections.  One waits in Redis for new messages.  The other one has all commands that do not wait.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from twisted.internet.defer import succeed

from txsmtpx.backends.redis_url import RedisURL
from txsmtpx.consume import redis_scripts
from txsmtpx.interfaces import ClientEndpoint, Reactor, StoreError
from txsmtpx.stores.redis_connection import UNUSABLE, RedisConnection

BLOCK = 0.5
"""Seconds for which Redis holds a request for new messages.  A consumer that is stopped waits for the answer."""

LONGEST = 1024 * 1024 * 1024
"""Octets of the longest answer, which has several messages."""

_FULL = "OOM"
"""The first word of the error of a Redis that is full."""

FORGOTTEN = 3600.0
"""Seconds after which a consumer without messages is forgotten, such as one that was killed."""

Fields = Mapping[str, bytes]


@dataclass(frozen=True)
class Entry:
    """
    An entry that the consumer has.

    Attributes:
        id: Its identifier in the stream.
        fields: Its fields.
        deliveries: The number of times that a consumer has got it, this one included.
    """

    id: str
    fields: Fields
    deliveries: int


class RedisGroup:
    """
    One consumer of a group.  `txsmtpx.consume.redis_source.RedisSource` creates it.

    Args:
        url: The Redis.
        stream: The key of the stream.
        group: The name of the group.
        timeout: The most seconds for a connection, and for an answer.
        endpoint: The endpoint of Redis.  None: that of the URL.
        reactor: The reactor.  None: the global one.

    Attributes:
        name: This Redis and the stream, for the log.
        consumer: The name of the consumer.
    """

    def __init__(
        self,
        url: RedisURL,
        stream: str,
        group: str,
        timeout: float,
        endpoint: ClientEndpoint | None,
        reactor: Reactor | None,
    ) -> None:
        def connection() -> RedisConnection:
            target, login = endpoint or url.endpoint, (url.username, url.password, url.database)
            return RedisConnection(
                target, *login, lambda protocol: succeed(None), timeout, reactor, True, LONGEST, UNUSABLE - {_FULL}
            )

        self._reader = connection()
        self._connection = connection()
        self.name: str = f"{self._connection.name} stream {stream}"
        self.consumer: str = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._keys = (stream, f"{stream}.retry", f"{stream}.dead")
        self._stream = stream
        self._group = group
        self._timeout = timeout

    async def create(self) -> None:
        """
        Create the group, and the stream, if they do not exist.  The group begins with the first entry.

        A Redis that is full refuses this, although the group may exist.  So the next request shows whether it does.

        Raises:
            StoreError: Redis cannot be used.
        """
        try:
            await self._run("XGROUP", "CREATE", self._stream, self._group, "0", "MKSTREAM")
        except StoreError as error:
            if "BUSYGROUP" not in str(error) and not _is_full(error):
                raise

    async def read(self, count: int) -> list[Entry]:
        """
        Wait for new entries for up to `BLOCK` seconds.

        Args:
            count: The most entries.

        Returns:
            The entries.

        Raises:
            StoreError: Redis cannot be used.
        """
        words = ("GROUP", self._group, self.consumer, "COUNT", count, "BLOCK", round(BLOCK * 1000))
        answer = await self._reader.request(
            lambda protocol: protocol.execute_command("XREADGROUP", *words, "STREAMS", self._stream, ">"),
            BLOCK + self._timeout,
        )
        streams = cast(list[tuple[bytes, object]] | None, answer) or []
        return [Entry(id, fields, 1) for _, entries in streams for id, fields in _entries(entries)]

    async def claim(self, idle: float, count: int) -> list[Entry]:
        """
        Claim entries that a consumer has had for a long time without a sign of life.

        Args:
            idle: The seconds.
            count: The most entries.

        Returns:
            The entries.

        Raises:
            StoreError: Redis cannot be used.
        """
        words = (self._stream, self._group, self.consumer, round(idle * 1000), "0", "COUNT", count)
        answer = await self._run("XAUTOCLAIM", *words)
        found = []
        for id, fields in _entries(cast(Sequence[object], answer)[1]):
            pending = await self._run("XPENDING", self._stream, self._group, id, id, 1)
            if pending:
                found.append(Entry(id, fields, cast(list[tuple[bytes, bytes, int, int]], pending)[0][3]))
        return found

    async def handled(self, id: str) -> None:
        """
        Delete an entry that is handled.

        Args:
            id: The entry.

        Raises:
            StoreError: Redis cannot be used.
        """
        await self._script(redis_scripts.HANDLED, self._group, id)

    async def settle(
        self, id: str, retry: Mapping[str, str] | None, delay: float, dead: Mapping[str, str] | None
    ) -> bool:
        """
        Store what is left of an entry, and delete the entry.

        Args:
            id: The entry.
            retry: The changed fields of what is tried again; None for nothing.
            delay: Seconds until then.
            dead: The changed fields of what is given up; None for nothing.

        Returns:
            False if another consumer has settled the entry, or has it now.

        Raises:
            StoreError: Redis cannot be used.
        """
        changes = [-1 if each is None else len(each) for each in (retry, dead)]
        words = [word for each in (retry, dead) if each is not None for pair in each.items() for word in pair]
        milliseconds = round(delay * 1000)
        return await self._script(
            redis_scripts.SETTLE, self._group, self.consumer, id, milliseconds, *changes, *words
        ) == [1]

    async def release(self, id: str) -> None:
        """
        Return an entry to the stream.

        Args:
            id: The entry.

        Raises:
            StoreError: Redis cannot be used.
        """
        await self._script(redis_scripts.RELEASE, self._group, self.consumer, id)

    async def renew(self, ids: Sequence[str]) -> None:
        """
        Keep entries from other consumers.

        Args:
            ids: The entries.

        Raises:
            StoreError: Redis cannot be used.
        """
        if ids:
            await self._script(redis_scripts.RENEW, self._group, self.consumer, *ids)

    async def return_due(self) -> None:
        """
        Return the entries whose time has come to the stream.  They stay where they are while Redis is full.

        Raises:
            StoreError: Redis cannot be used.
        """
        try:
            await self._script(redis_scripts.RETURN_DUE)
        except StoreError as error:
            if not _is_full(error):
                raise

    async def forget(self, itself: bool = False) -> None:
        """
        Forget consumers that have ended.

        Args:
            itself: True to forget this one too, if it has no entry.

        Raises:
            StoreError: Redis cannot be used.
        """
        name = self.consumer if itself else ""
        await self._script(redis_scripts.FORGET, self._group, name, round(FORGOTTEN * 1000))

    def close(self) -> None:
        """Close the connections.  The next command opens another one."""
        self._reader.close()
        self._connection.close()

    async def _script(self, script: str, *arguments: str | int) -> object:
        # Not by its hash: the library would send these with the keys as numbers.
        return await self._run("EVAL", script, len(self._keys), *self._keys, *arguments)

    async def _run(self, *words: str | bytes | int) -> object:
        return await self._connection.request(lambda protocol: protocol.execute_command(*words))


def _is_full(error: StoreError) -> bool:
    """Return whether the memory of Redis is full.  Then entries can be read and deleted, but not added."""
    return str(error.__cause__).startswith(_FULL)


def _entries(answer: object) -> list[tuple[str, Fields]]:
    """Return the entries of an answer.  An entry that was deleted has no fields."""
    found: list[tuple[str, Fields]] = []
    for id, words in cast(list[tuple[bytes, list[bytes] | None]], answer):
        names = [name.decode("utf-8", "replace") for name in (words or [])[::2]]
        found.append((id.decode(), dict(zip(names, (words or [])[1::2], strict=False))))
    return found
