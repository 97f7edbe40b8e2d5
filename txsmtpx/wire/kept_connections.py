"""Connections of a pool that are kept for the next message."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from txsmtpx.wire.client import SMTPClient

log = Logger(__name__)

PROBE = 10.0
"""Seconds that a kept connection has to answer RSET.  If it is silent, it is aborted; no message is lost."""


class KeptConnections:
    """
    Connections that are kept for a while.  `txsmtpx.SMTPPool` creates it.

    Args:
        reactor: Measures time.
        idle: Seconds that a connection is kept.
        expired: Called with each connection that was not used for so long.
    """

    def __init__(self, reactor: IReactorTime, idle: float, expired: Callable[[SMTPClient], object]) -> None:
        self._reactor = reactor
        self._idle = idle
        self._expired = expired
        self._kept: dict[SMTPClient, IDelayedCall] = {}

    def add(self, client: SMTPClient) -> None:
        """
        Keep a connection.

        Args:
            client: The connection.
        """
        self._kept[client] = self._reactor.callLater(self._idle, self._expire, client)

    def take(self) -> SMTPClient | None:
        """
        Take out the connection that was kept last.

        Returns:
            The connection, which may be closed; None if there is none.
        """
        if not self._kept:
            return None
        client, timer = self._kept.popitem()
        timer.cancel()
        return client

    async def answers(self, client: SMTPClient) -> bool:
        """
        Ask whether a connection that was kept can still be used: it must answer RSET.

        Args:
            client: The connection, which was taken out.  It is aborted if it cannot be used.

        Returns:
            True if it can be used.
        """
        if not client.usable:
            return False
        try:
            await client.reset().addTimeout(PROBE, self._reactor)
        except CancelledError:
            raise
        except Exception as error:  # the server has closed it or rejects RSET, and nothing has been sent
            log.debug("a kept connection was of no use: {error}", error=error)
            client.abort()
            return False
        return client.usable  # the server may have sent more than the reply

    def _expire(self, client: SMTPClient) -> None:
        del self._kept[client]
        self._expired(client)
