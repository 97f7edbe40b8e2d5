"""
The backend ``redis://HOST``: it adds each message to a stream of Redis.

The reply 250 means that Redis keeps the message: it is on its disk, or replicas have it, as configured (guarantee 12).
Every failure before that is 451, and the client keeps the message.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.arguments import checked_except
from txsmtpx.backends import redis_entry, redis_settings
from txsmtpx.backends.body_directory import BodyDirectory
from txsmtpx.backends.envelope_fields import fields_of
from txsmtpx.backends.maildir import disk_full_452
from txsmtpx.backends.received_body import ReceivedBody
from txsmtpx.backends.redis_settings import Fsync
from txsmtpx.backends.redis_start import RedisStart
from txsmtpx.backends.redis_stream import RedisStream
from txsmtpx.backends.redis_url import RedisURL
from txsmtpx.backends.session import OpenBackend, Session
from txsmtpx.errors import SMTPError, message_too_big
from txsmtpx.grammar import replies
from txsmtpx.grammar.options import MailOptions
from txsmtpx.interfaces import ClientEndpoint, DataContext, InThread, Message, Reactor, StoreError
from txsmtpx.stores.redis_connection import refused
from txsmtpx.wire.octet_budget import OctetBudget

log = Logger(__name__)

HELD = 64 * 1024 * 1024
"""Octets of bodies that are on their way to Redis.  Further messages wait on the disk."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class RedisBackend(OpenBackend):
    """
    A backend that adds each message to a stream of Redis 5 or newer.  Consumers need Redis 6.2.

    Args:
        url: The Redis, such as ``"rediss://USER:PASSWORD@HOST/DATABASE"`` or ``"unix:///run/redis/redis.sock"``.
        stream: The key of the stream.
        fsync: "checked" refuses a Redis that does not write each message to the disk.  "assumed" trusts that it does.
            "none" accepts that it does not.
        replicas: The replicas that must have each message.
        inline: The octets of the longest body in the stream.
        bodies: The directory for longer bodies, which consumers share; ``""`` rejects them.
        login: The path of a file with one line ``NAME:PASSWORD``, instead of a login in the URL; ``""`` for none.
        trust_roots: A directory of certificates that ``rediss:`` trusts; ``""`` for those of the system.
        timeout: The most seconds for a connection, and for an answer.
        endpoint: The endpoint of Redis.  None: that of the URL.
        in_thread: It calls a function in a thread.  None: `twisted.internet.threads.deferToThread`.
        reactor: The reactor.  None: the global one.

    Attributes:
        pools: A service that stops the process if Redis does not keep messages.

    Raises:
        ImportError: txredisapi is not installed: ``pip install 'txsmtpx[redis]'``.
        TypeError: An argument has the wrong type.
        ValueError: A value cannot be used.

    Example:
        ::

            backend = RedisBackend("redis://localhost/0", stream="inbound", bodies="/srv/bodies")
    """

    @checked_except("stream", "fsync", "replicas", "inline", "timeout")
    def __init__(
        self,
        url: str,
        *,
        stream: str = redis_settings.STREAM.default,
        fsync: Fsync = redis_settings.FSYNC.default,
        replicas: int = redis_settings.REPLICAS.default,
        inline: int = redis_settings.INLINE.default,
        bodies: str = redis_settings.BODIES.default,
        login: str = redis_settings.LOGIN.default,
        trust_roots: str = redis_settings.TRUST_ROOTS.default,
        timeout: float = redis_settings.TIMEOUT.default,
        endpoint: ClientEndpoint | None = None,
        in_thread: InThread | None = None,
        reactor: Reactor | None = None,
    ) -> None:
        redis_settings.STREAM.check(stream)
        redis_settings.FSYNC.check(fsync)
        redis_settings.REPLICAS.check(replicas)
        redis_settings.INLINE.check(inline)
        redis_settings.TIMEOUT.check(timeout)
        self._inline = inline
        self._directory = BodyDirectory(bodies) if bodies else None
        self._in_thread: InThread = in_thread or deferToThread
        parsed = RedisURL.parsed(url).completed(login, trust_roots)
        self._stream = RedisStream(parsed, stream, fsync, replicas, timeout, endpoint, reactor)
        self._held = OctetBudget(HELD)
        self.pools: Sequence[IService] = (RedisStart(self._stream, fsync == "none" and not replicas, reactor),)
        super().__init__(lambda connection: RedisSession(self))

    async def ask(self) -> str:
        """
        Ask Redis whether it keeps messages, for ``twistd smtpx --check``.

        Returns:
            A part of a sentence about it.

        Raises:
            StoreError: Redis cannot be used, or does not keep messages.
        """
        await self._stream.connection.connect()
        return f"{self._stream.connection.name} can be used"

    def close(self) -> None:
        """Close the connection to Redis.  The next message opens another one."""
        self._stream.close()

    def check_size(self, size: int | None) -> None:
        """
        Check the size of a message before it is received.

        Args:
            size: The octets that the client has estimated; None if it has not.

        Raises:
            SMTPError: 552 5.3.4 if the message is too long.
        """
        if size is not None and size > self._inline and self._directory is None:
            raise message_too_big()

    async def store(self, message: Message, context: DataContext) -> None:
        """
        Add a message to the stream.

        Args:
            message: The message.
            context: The envelope.

        Raises:
            StoreError: Redis has not stored it, or may not have.
            SMTPError: 552 5.3.4 if it is too long.
            OSError: It cannot be written to the directory of bodies.
        """
        await self._stream.connection.connect()  # until then, the client waits with the body
        body = ReceivedBody(self._inline, self._directory, self._in_thread)
        referred = False  # Redis may have an entry that refers to the file
        try:
            await body.read(message)
            held = await self._held.take(0 if body.name else body.size)
            try:
                entry = redis_entry.entry_of(fields_of(context), b"" if body.name else body.content(), body.name)
            except BaseException:
                self._held.give_back(held)
                raise
            referred = True
            await self._sent(entry, held)
        except StoreError as error:
            referred = referred and not refused(error)
            raise
        finally:
            body.close()
            if not referred:
                body.discard()
        context.note(redis=self._stream.connection.name)

    def _sent(self, entry: Mapping[str, str | bytes], held: int) -> Deferred[None]:
        """Add an entry.  If the client goes meanwhile, the octets count as held until Redis has answered."""
        waiting: Deferred[None] = Deferred()

        def ended(result: Failure | None) -> None:
            self._held.give_back(held)
            if not waiting.called:
                waiting.callback(result)

        Deferred.fromCoroutine(self._stream.add(entry)).addBoth(ended)
        return waiting


class RedisSession(Session):
    """
    A session whose messages are added to a stream.  `RedisBackend` creates it.

    Args:
        backend: The backend.
    """

    def __init__(self, backend: RedisBackend) -> None:
        self._backend = backend

    def mail(self, sender: str, options: MailOptions) -> None:
        """
        Handle MAIL: check the size of the message.

        Args:
            sender: The address.
            options: The parameters.

        Raises:
            SMTPError: 552 5.3.4 if the message is too long.
        """
        self._backend.check_size(options.size)

    async def data(self, message: Message, context: DataContext) -> None:
        """
        Handle DATA: add the message to the stream.

        Args:
            message: The message.
            context: The envelope.

        Raises:
            SMTPError: 451 4.3.0 if Redis has not stored it; 452 4.3.1 if the disk is full; 552 5.3.4 if it is too long.
        """
        try:
            await self._backend.store(message, context)
        except (StoreError, OSError) as error:
            session_id, queue_id = context.connection.session_id, context.queue_id
            log.error(
                "session={session} queue={queue} not stored: {error}", session=session_id, queue=queue_id, error=error
            )
            full = isinstance(error, OSError) and error.errno in _FULL
            reply = disk_full_452(queue_id) if full else replies.local_error_451(queue_id)
            raise SMTPError.from_reply(reply) from error
