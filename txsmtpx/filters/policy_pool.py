"""
The connections to a policy server.

The protocol allows one request at a time on a connection.  So each request has a connection for itself, and connections
are kept for the next requests, as each smtpd process of Postfix keeps one.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import NoReturn, TypeVar, cast

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txsmtpx.filters.policy_connection import PolicyConnection, Unanswered
from txsmtpx.filters.policy_message import PolicyError
from txsmtpx.interfaces import ClientEndpoint
from txsmtpx.wire.unlogged_factory import UnloggedFactory

T = TypeVar("T")


class PolicyPool:
    """
    Connections to one policy server.  `txsmtpx.filters.policy_server.PolicyServer` creates it.

    Args:
        endpoint: The endpoint of the server.
        clock: Measures time.
        timeout: Seconds for an answer, with the time to connect and to wait for a connection.
        connections: The most connections at a time.  Further requests wait.
        idle: Seconds after which a connection without a request is closed.
    """

    def __init__(
        self, endpoint: ClientEndpoint, clock: IReactorTime, timeout: float, connections: int, idle: float
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._timeout = timeout
        self._turns = DeferredSemaphore(connections)
        self._idle = idle
        self._kept: dict[PolicyConnection, IDelayedCall] = {}

    def ask(self, request: bytes) -> Deferred[str]:
        """
        Send a request.

        If a kept connection turns out to be closed, the request is sent once more, on a new connection.

        Args:
            request: Its octets.

        Returns:
            A Deferred of the action.  It fails with `PolicyError`.  To cancel it aborts the connection.
        """
        asking: Coroutine[Deferred[object], object, str] = self._ask(request)
        return self._within(Deferred.fromCoroutine(asking))

    async def check(self) -> None:
        """
        Connect, and close the connection.

        Raises:
            PolicyError: The server cannot be reached.
        """
        connection = await self._within(Deferred.fromCoroutine(self._connect()))
        connection.abort()

    def close(self) -> None:
        """Close the connections that are not in use."""
        for connection in list(self._kept):
            self._take(connection).abort()

    def _within(self, waiting: Deferred[T]) -> Deferred[T]:
        def silent(_: object, seconds: float) -> NoReturn:
            raise PolicyError(f"the policy server has not answered within {seconds:g} seconds")

        return waiting.addTimeout(self._timeout, self._clock, silent)

    async def _ask(self, request: bytes) -> str:
        await self._turns.acquire()
        try:
            if self._kept:
                kept = self._take(next(reversed(self._kept)))
                try:
                    return await self._answer(kept, request)
                except Unanswered:  # the server has closed it, perhaps long ago
                    pass
            return await self._answer(await self._connect(), request)
        finally:
            self._turns.release()

    async def _answer(self, connection: PolicyConnection, request: bytes) -> str:
        action = await connection.ask(request)
        if connection.usable:  # the server has not sent more than the answer
            self._kept[connection] = self._clock.callLater(self._idle, self._expire, connection)
        return action

    async def _connect(self) -> PolicyConnection:
        factory = UnloggedFactory.forProtocol(lambda: PolicyConnection(self._closed))
        try:
            return cast(PolicyConnection, await self._endpoint.connect(factory))
        except CancelledError:
            raise
        except Exception as error:  # an endpoint raises exceptions of many classes
            raise PolicyError(f"the policy server cannot be reached: {error}") from error

    def _take(self, connection: PolicyConnection) -> PolicyConnection:
        timer = self._kept.pop(connection)
        if timer.active():
            timer.cancel()
        return connection

    def _expire(self, connection: PolicyConnection) -> None:
        self._take(connection).abort()

    def _closed(self, connection: PolicyConnection) -> None:
        if connection in self._kept:
            self._take(connection)
