"""A stream of Redis, to which messages are added."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txsmtpx.backends.redis_persistence import Confirmer, check_configuration, check_first_file
from txsmtpx.backends.redis_settings import Fsync
from txsmtpx.backends.redis_url import RedisURL
from txsmtpx.interfaces import ClientEndpoint, Reactor
from txsmtpx.stores.redis_connection import RedisConnection
from txsmtpx.stores.redis_protocol import RedisProtocolLike


class RedisStream:
    """
    A stream.  `txsmtpx.backends.redis.RedisBackend` creates it.

    It connects when it is used first, and opens a connection that has failed again a second later.  Until then, each
    message fails at once.

    Args:
        url: The Redis.
        stream: The key of the stream.
        fsync: "checked" to refuse a Redis that does not write each message to the disk.
        replicas: The replicas that must have each message.
        timeout: The most seconds for a connection, and for an answer.
        endpoint: The endpoint of Redis.  None: that of the URL.
        reactor: The reactor.  None: the global one.

    Raises:
        ImportError: txredisapi is not installed.
        ValueError: A value cannot be used.
    """

    def __init__(
        self,
        url: RedisURL,
        stream: str,
        fsync: Fsync,
        replicas: int,
        timeout: float,
        endpoint: ClientEndpoint | None,
        reactor: Reactor | None,
    ) -> None:
        self.connection: RedisConnection = RedisConnection(
            endpoint or url.endpoint, url.username, url.password, url.database, self._prepare, timeout, reactor, True
        )
        self._stream = stream
        self._fsync: Fsync = fsync
        self._replicas = replicas
        self._patience = timeout * 0.8  # so that Redis answers before the time-out
        self._confirmer: Confirmer | None = None

    async def _prepare(self, protocol: RedisProtocolLike) -> None:
        if self._fsync == "checked":
            await check_configuration(protocol)
            await check_first_file(protocol)

    async def add(self, entry: Mapping[str, str | bytes]) -> None:
        """
        Add an entry.

        Args:
            entry: Its fields.

        Raises:
            StoreError: Redis has not stored it, or may not have.
        """
        await self.connection.request(lambda protocol: self._add(protocol, entry))

    def _add(self, protocol: RedisProtocolLike, entry: Mapping[str, str | bytes]) -> Deferred[object]:
        words = [word for pair in entry.items() for word in pair]
        added = protocol.execute_command("XADD", self._stream, "*", *words)
        if self._fsync != "checked" and not self._replicas:
            return added
        if self._confirmer is None or self._confirmer.protocol is not protocol:
            self._confirmer = Confirmer(protocol, self._fsync, self._replicas, self._patience)
        confirmed = self._confirmer.confirmed()

        def failed(failure: Failure) -> Failure:
            confirmed.addErrback(lambda _: None)
            return failure

        return added.addCallbacks(lambda _: confirmed, failed)

    def close(self) -> None:
        """Close the connection.  The next message opens another one."""
        self.connection.close()
