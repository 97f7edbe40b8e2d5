"""The check of a Redis at the start of a server: if it does not keep messages, the process ends."""

from __future__ import annotations

from typing import cast

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorCore
from twisted.logger import Logger

from txsmtpx.backends.redis_persistence import NotPersistent
from txsmtpx.backends.redis_stream import RedisStream
from txsmtpx.interfaces import Reactor, StoreError, clock_of
from txsmtpx.settling import deferred_call

log = Logger(__name__)


class RedisStart(Service):
    """
    A service that connects to Redis at the start of a server, and closes the connection at its end.

    If Redis does not keep messages, it stops the reactor.  If Redis does not answer, the server runs: each message is
    rejected by 451 until Redis answers, and keeps messages.

    Args:
        stream: The stream of the backend.
        loses: True if the operator accepts that messages are lost.
        reactor: The reactor.  None: the global one.
    """

    def __init__(self, stream: RedisStream, loses: bool, reactor: Reactor | None) -> None:
        self._stream = stream
        self._loses = loses
        self._reactor = reactor
        self._checking: Deferred[None] | None = None

    def startService(self) -> None:
        """Start the check."""
        super().startService()  # type: ignore[no-untyped-call]  # of Twisted
        if self._loses:
            log.warn("{name}: fsync=none: Redis may lose messages that clients have a 250 for", name=self._name)
        self._checking = deferred_call(self._check)

    @property
    def _name(self) -> str:
        return self._stream.connection.name

    async def _check(self) -> None:
        try:
            await self._stream.connection.connect()
        except CancelledError:
            return
        except StoreError as error:
            if isinstance(error.__cause__, NotPersistent):
                log.critical("the server does not start: {error}", error=error)
                cast(IReactorCore, clock_of(self._reactor)).stop()

    def stopService(self) -> None:
        """Close the connection."""
        super().stopService()  # type: ignore[no-untyped-call]
        checking, self._checking = self._checking, None
        if checking is not None:
            checking.cancel()
        self._stream.close()
