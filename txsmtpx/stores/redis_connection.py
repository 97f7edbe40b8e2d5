"""
A connection to Redis, by txredisapi, that is opened again after a failure.  It needs the extra ``txsmtpx[redis]``.

Stores run scripts on it.  The backend and the consumer of a stream send other commands, whose values are octets.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from importlib.util import find_spec
from typing import TypeVar, cast

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.endpoints import clientFromString
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txsmtpx.interfaces import ClientEndpoint, Reactor, StoreError, clock_of
from txsmtpx.setting import shown
from txsmtpx.settling import deferred_call
from txsmtpx.stores.redis_protocol import RedisProtocolLike, protocol_class
from txsmtpx.wire.client_tls import tls_failure
from txsmtpx.wire.unlogged_factory import UnloggedFactory

log = Logger(__name__)

T = TypeVar("T")

RETRY = 1.0
"""Seconds from a failure to the next attempt to connect.  Until then, all requests fail at once."""

LONGEST = 1024 * 1024
"""Octets of the longest answer, by default.  The answers to scripts and to XADD have less than a hundred."""

UNUSABLE = frozenset({
    "BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOAUTH", "NOPERM", "OOM", "READONLY",
})  # fmt: skip
"""Errors that all commands would get, so the connection is closed.  After a failover, a new one may lead elsewhere."""

PROBE = "redis.call('SET', KEYS[1], '1', 'PX', 1000) return {1}"
"""The first script on a connection.  It fails if the user may not write, on a replica, and without free memory."""


Prepare = Callable[[RedisProtocolLike], Awaitable[object]]
"""It is called with a new connection.  If it fails, the connection is closed, and all who wait for it fail with it."""


def writable(key: str) -> Prepare:
    """
    Return a function that checks that scripts can write.

    Args:
        key: The key that it writes.

    Returns:
        The function.
    """
    return lambda protocol: protocol.eval(PROBE, [key], []).addCallback(_numbers)


class RedisConnection:
    """
    A connection that is opened at the first request, and again after a failure.

    Requests share the connection; none waits for the answer of another one.  If an answer does not come in time, the
    connection is closed, and every request on it fails.

    Args:
        endpoint: The endpoint of Redis, or its string.
        username: The user of an ACL; ``""`` for the default user.
        password: The password; ``""`` for none.
        database: The number of the database.
        prepare: It is called with each new connection.
        timeout: The most seconds for a connection that can be used, and for an answer.
        reactor: The reactor.  None: the global one.
        octets: True if texts in answers are octets, and are no numbers.
        longest: The octets of the longest answer.  If Redis sends more, the connection is closed.
        unusable: The words of errors after which the connection is closed.

    Attributes:
        name: The name of this Redis in the log.

    Raises:
        ImportError: txredisapi is not installed.
        ValueError: A value cannot be used.
    """

    def __init__(
        self,
        endpoint: ClientEndpoint | str,
        username: str,
        password: str,
        database: int,
        prepare: Prepare,
        timeout: float,
        reactor: Reactor | None,
        octets: bool = False,
        longest: int = LONGEST,
        unusable: Collection[str] = UNUSABLE,
    ) -> None:
        if find_spec("txredisapi") is None:
            raise ImportError("txredisapi is not installed: pip install 'txsmtpx[redis]'")
        if username and not password:
            raise ValueError(f"a password is needed for the user {username!r}")
        if database < 0:
            raise ValueError(f"database is a number from 0, not {database}")
        if not 0 < timeout < math.inf:
            raise ValueError(f"timeout is a number of seconds above 0, not {timeout}")
        self._clock = clock_of(reactor)
        self.name: str = f"redis {endpoint}"
        self._endpoint: ClientEndpoint = (
            clientFromString(self._clock, endpoint) if isinstance(endpoint, str) else endpoint
        )
        self._username = username
        self._password = password
        self._database = database
        self._prepare = prepare
        self._timeout = timeout
        self._unusable = unusable
        self._factory = UnloggedFactory.forProtocol(partial(protocol_class(), octets, longest))
        self._protocol: RedisProtocolLike | None = None
        self._waiting: list[Deferred[RedisProtocolLike]] | None = None
        """The requests that wait for the attempt to connect; None without an attempt."""
        self._failure = ""
        """The last failure; ``""`` if the connection can be used, or was not tried."""
        self._retry_at = 0.0

    async def run(self, script: str, key: str, *arguments: str) -> list[int]:
        """
        Run a script.

        Args:
            script: The script, in Lua.
            key: Its key.
            arguments: Its arguments.

        Returns:
            The whole numbers that the script returns.

        Raises:
            StoreError: Redis cannot be used, or the script failed.
        """
        return await self.request(lambda protocol: protocol.eval(script, [key], arguments).addCallback(_numbers))

    async def request(self, send: Callable[[RedisProtocolLike], Deferred[T]], timeout: float | None = None) -> T:
        """
        Send commands, and wait for the answer.

        Args:
            send: It sends the commands, and returns a Deferred of the answer.
            timeout: The most seconds for the answer.  None: those of the connection.

        Returns:
            The answer.

        Raises:
            StoreError: Redis cannot be used, or the answer is an error.
        """
        protocol = await self._usable()
        try:
            return await self._timed(send(protocol), timeout)
        except CancelledError:  # the client has gone
            raise
        except Exception as error:
            text = self._text(error, timeout)
            unusable = not _is_answer(error) or text.partition(" ")[0] in self._unusable
            if unusable and protocol is self._protocol:  # otherwise the request before this one has closed it
                self._fail(text)
            raise StoreError(f"{self.name}: {text}") from error

    async def connect(self) -> None:
        """
        Wait for a connection that can be used.

        Raises:
            StoreError: Redis cannot be used.
        """
        await self._usable()

    async def _usable(self) -> RedisProtocolLike:
        if self._protocol is not None and self._protocol.connected:
            return self._protocol
        if self._failure and (self._waiting is not None or self._clock.seconds() < self._retry_at):
            raise StoreError(f"{self.name}: {self._failure}")
        waiter: Deferred[RedisProtocolLike] = Deferred()
        if self._waiting is not None:
            self._waiting.append(waiter)
        else:
            self._waiting = [waiter]
            self._timed(deferred_call(self._open)).addCallbacks(self._connected, lambda it: self._failed(it.value))
        return await waiter

    async def _open(self) -> RedisProtocolLike:
        protocol = cast(RedisProtocolLike, await self._endpoint.connect(self._factory))
        try:
            if self._password:
                await protocol.auth(self._password, self._username or None)
            if self._database:
                await protocol.select(self._database)
            await self._prepare(protocol)
        except BaseException as error:
            protocol.transport.abortConnection()
            lost = protocol.reason
            failure = None if lost is None else tls_failure(None, lost.value, handshaking=True)
            if failure is not None:
                raise failure from error
            raise
        return protocol

    def _connected(self, protocol: RedisProtocolLike) -> None:
        if self._failure:
            log.info("{name} is used again", name=self.name)
        self._protocol, self._failure = protocol, ""
        for waiter in self._waiters():
            waiter.callback(protocol)

    def _failed(self, error: BaseException) -> None:
        text = self._text(error)
        self._fail(text)
        for waiter in self._waiters():
            failure = StoreError(f"{self.name}: {text}")
            failure.__cause__ = error
            waiter.errback(failure)

    def _waiters(self) -> list[Deferred[RedisProtocolLike]]:
        waiting, self._waiting = self._waiting, None
        return waiting or []

    def _fail(self, text: str) -> None:
        if not self._failure:
            log.error("{name} cannot be used: {text}", name=self.name, text=text)
        self._failure = text
        self._retry_at = self._clock.seconds() + RETRY
        self.close()

    def _timed(self, deferred: Deferred[T], timeout: float | None = None) -> Deferred[T]:
        return deferred.addTimeout(timeout or self._timeout, cast(IReactorTime, self._clock))

    def _text(self, error: BaseException, timeout: float | None = None) -> str:
        if isinstance(error, TimeoutError):
            return f"no answer within {timeout or self._timeout:g} seconds"
        return str(error) or type(error).__name__

    def close(self) -> None:
        """Close the connection.  The next request opens another one."""
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.transport.abortConnection()


def refused(error: StoreError) -> bool:
    """
    Return whether Redis has refused a request, so that nothing was changed.

    Args:
        error: The error of the request.

    Returns:
        False also if that is not known.
    """
    return isinstance(error.__cause__, Exception) and _is_answer(error.__cause__)


def _numbers(answer: object) -> list[int]:
    if not isinstance(answer, list) or not all(isinstance(each, int) for each in answer):
        raise ValueError(f"this is no answer of Redis: {shown(answer)}")
    return answer


def _is_answer(error: Exception) -> bool:
    """Return whether an error is an answer of Redis, after which the connection can be used."""
    from txredisapi import ResponseError

    return isinstance(error, ResponseError)
