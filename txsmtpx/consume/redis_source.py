"""
The messages of a stream of Redis.  It needs the extra ``txsmtpx[redis]``.

Theory of operation.  Consumers of a group share a stream.  Redis keeps each message for the consumer that has it, until
the message is settled.  A consumer renews its messages.  If it has died, another consumer claims them after a time
without a sign of life.  Each claim counts as an attempt.

A settled message is deleted from the stream, and what is left of it is stored, in one step of Redis.  What is tried
again waits in the sorted set ``mail.retry``.  What is given up goes to the stream ``mail.dead``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import cast

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from txsmtpx.arguments import checked_except
from txsmtpx.backends import redis_entry, redis_settings
from txsmtpx.backends.body_directory import BodyDirectory
from txsmtpx.backends.redis_url import RedisURL
from txsmtpx.consume.message_source import Lease
from txsmtpx.consume.queued_message import QueuedMessage
from txsmtpx.consume.redis_group import Entry, RedisGroup
from txsmtpx.consume.redis_lease import RedisLease
from txsmtpx.interfaces import ClientEndpoint, InThread, Reactor, StoreError, clock_of
from txsmtpx.setting import Setting
from txsmtpx.setting_kinds import Seconds, Text
from txsmtpx.settling import FAILURES

log = Logger(__name__)

RETRY = 1.0
"""Seconds from a failure to the next request."""

FORGET = 300.0
"""Seconds between two looks for consumers that have ended."""

AT_ONCE = 16
"""Messages that one answer of Redis has at most.  With the default of `inline`, these are up to 256 MiB."""

GROUP = Text("group", "mail", "Redis", "The consumer group.", "1 to 200 characters", "(?s:.{1,200})")
IDLE = Seconds(
    "idle", 60.0, "Redis", "Claim the messages of a consumer without a sign of life for this time.", zero=False
)

SETTINGS: tuple[Setting[object], ...] = (*redis_settings.COMMON, GROUP, IDLE)
"""The settings of the source."""


class RedisSource:
    """
    The messages of a stream, for a `txsmtpx.consume.Consumer`.

    Args:
        url: The Redis, such as ``"rediss://USER:PASSWORD@HOST/DATABASE"`` or ``"unix:///run/redis/redis.sock"``.
        stream: The key of the stream.
        group: The consumer group.  All consumers of a stream belong to the same group.
        idle: Seconds after which the messages of a consumer without a sign of life are claimed.
        bodies: The directory of long bodies; ``""`` for none.
        login: The path of a file with one line ``NAME:PASSWORD``, instead of a login in the URL; ``""`` for none.
        trust_roots: A directory of certificates that ``rediss:`` trusts; ``""`` for those of the system.
        timeout: The most seconds for a connection, and for an answer.
        endpoint: The endpoint of Redis.  None: that of the URL.
        in_thread: It calls a function in a thread.  None: `twisted.internet.threads.deferToThread`.
        reactor: The reactor.  None: the global one.

    Attributes:
        name: The Redis and the stream, for the log.

    Raises:
        ImportError: txredisapi is not installed: ``pip install 'txsmtpx[redis]'``.
        TypeError: An argument has the wrong type.
        ValueError: A value cannot be used.

    Example:
        ::

            consumer = Consumer(RedisSource("redis://localhost/0", stream="inbound"), handle)
            consumer.startService()
    """

    @checked_except("stream", "group", "idle", "timeout")
    def __init__(
        self,
        url: str,
        *,
        stream: str = redis_settings.STREAM.default,
        group: str = GROUP.default,
        idle: float = IDLE.default,
        bodies: str = redis_settings.BODIES.default,
        login: str = redis_settings.LOGIN.default,
        trust_roots: str = redis_settings.TRUST_ROOTS.default,
        timeout: float = redis_settings.TIMEOUT.default,
        endpoint: ClientEndpoint | None = None,
        in_thread: InThread | None = None,
        reactor: Reactor | None = None,
    ) -> None:
        redis_settings.STREAM.check(stream)
        GROUP.check(group)
        IDLE.check(idle)
        redis_settings.TIMEOUT.check(timeout)
        self._clock = cast(IReactorTime, clock_of(reactor))
        self._idle = idle
        self._directory = BodyDirectory(bodies) if bodies else None
        self._in_thread: InThread = in_thread or deferToThread
        parsed = RedisURL.parsed(url).completed(login, trust_roots)
        self._group = RedisGroup(parsed, stream, group, timeout, endpoint, reactor)
        self.name: str = self._group.name
        self._receive: Callable[[Lease], None] | None = None
        self._most = 0
        self._at_once = AT_ONCE  # 1 after a failure, since the answer may have been too long; then it doubles
        self._leases: dict[str, RedisLease] = {}
        self._running: Deferred[None] | None = None
        self._paused = False
        self._space: Deferred[None] | None = None  # fires when a lease is settled, while there are too many
        self._pause = min(1.0, idle / 4)  # seconds between two looks at old entries
        self._look = 0.0  # the time of the next one
        self._forget = 0.0
        self._complaint = ""

    def start(self, receive: Callable[[Lease], None], most: int) -> None:
        """
        Connect, and call a function with each message from now on.

        Args:
            receive: The function.
            most: The leases at a time that are not settled.
        """
        self._receive, self._most, self._paused = receive, most, False
        self._running = Deferred.fromCoroutine(self._run())

    def pause(self) -> None:
        """Take no further messages.  Leases can still be settled."""
        self._paused = True
        self._has_space()

    async def stop(self) -> None:
        """Return all leases that are not settled to the stream, and close the connections."""
        self.pause()
        running, self._running = self._running, None
        if running is not None:
            await running
        for lease in tuple(self._leases.values()):
            await lease.returned()
        try:
            await self._group.forget(itself=True)
        except StoreError as error:
            log.warn("{name}: the consumer {consumer} remains: {error}", name=self.name, consumer=self._group.consumer,
                     error=error)  # fmt: skip
        self._group.close()

    async def _run(self) -> None:
        created = False
        while not self._paused:
            try:
                if not created:
                    await self._group.create()
                    created = True
                await self._look_after()
                if self._free > 0:
                    await self._take(self._group.read(self._free))
                else:
                    await self._wait_for_space()
            except FAILURES as error:  # also an answer that is none
                created = False  # the stream may have been deleted
                kind = "" if isinstance(error, StoreError) else f"{type(error).__name__}: "
                self._complain(f"{kind}{error}")
                await deferLater(self._clock, RETRY, lambda: None)
            else:
                self._complain("")

    @property
    def _free(self) -> int:
        """The most messages of the next answer."""
        return min(self._most - len(self._leases), self._at_once)

    def _complain(self, text: str) -> None:
        """Log a failure, unless it is that of the attempt before."""
        if text and text != self._complaint:
            log.error("{name} cannot be read: {text}", name=self.name, text=text)
        self._complaint = text

    async def _look_after(self) -> None:
        """Renew the leases, and find messages that are due, or that a dead consumer had."""
        now = self._clock.seconds()
        if now < self._look:
            return
        self._look = now + self._pause
        await self._group.return_due()
        await self._group.renew(tuple(self._leases))
        if self._free > 0:
            await self._take(self._group.claim(self._idle, self._free))
        if now >= self._forget:
            self._forget = now + FORGET
            await self._group.forget()
            if self._directory is not None:
                await self._in_thread(self._directory.sweep)

    async def _take(self, asked: Awaitable[Sequence[Entry]]) -> None:
        assert self._receive is not None
        try:
            entries = await asked
        except FAILURES:
            self._at_once = 1
            raise
        if entries:
            self._at_once = min(2 * self._at_once, AT_ONCE)
        for entry in entries:
            if not entry.fields:  # it was deleted
                await self._group.handled(entry.id)
                continue
            try:
                message = self._message(entry)
            except LookupError as error:
                log.error("{name} entry={id} stays in the stream: {error}", name=self.name, id=entry.id, error=error)
                continue
            except ValueError as error:
                text = "{name} entry={id} goes to the dead letter stream: {error}"
                log.error(text, name=self.name, id=entry.id, error=error)
                await self._group.settle(entry.id, None, 0, {redis_entry.REASON: str(error)})
                continue
            if await self._is_marked(message):
                await self._group.handled(entry.id)  # again: Redis has lost that it was handled
                continue
            lease = RedisLease(entry, message, self._group, self._directory, self._in_thread, self._forget_lease)
            self._leases[entry.id] = lease
            if self._paused:
                await lease.returned()
            else:
                self._receive(lease)

    async def _is_marked(self, message: QueuedMessage) -> bool:
        """Return whether the body of a message is marked as handled."""
        if self._directory is None or not isinstance(message.body, Path):
            return False
        return bool(await self._in_thread(self._directory.is_marked, message.body.name))

    def _message(self, entry: Entry) -> QueuedMessage:
        """
        Read an entry.

        Returns:
            The message.

        Raises:
            LookupError: Its body is in a directory, which this consumer does not have.
            ValueError: It is malformed.
        """
        fields = entry.fields
        envelope = redis_entry.envelope_of(fields)
        attempt = redis_entry.attempts_in(fields) + entry.deliveries
        id = redis_entry.text_in(fields, redis_entry.ID) or entry.id
        body = fields.get(redis_entry.CONTENT)
        if body is not None:
            return QueuedMessage(id, envelope, attempt, body)
        name = redis_entry.text_in(fields, redis_entry.BODY_FILE)
        if self._directory is None:
            raise LookupError(f"its body is in the file {name!r}; start the consumer with bodies=DIRECTORY")
        return QueuedMessage(id, envelope, attempt, self._directory.path_of(name))

    async def _wait_for_space(self) -> None:
        self._space = Deferred()
        with contextlib.suppress(TimeoutError):  # the leases have to be renewed
            await self._space.addTimeout(self._pause, self._clock)

    def _has_space(self) -> None:
        waiting, self._space = self._space, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)

    def _forget_lease(self, lease: RedisLease) -> None:
        self._leases.pop(lease.entry.id, None)
        self._has_space()
