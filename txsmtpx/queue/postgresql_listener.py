"""Notifications of PostgreSQL, which the reactor reads: `PostgreSQLListener`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorFDSet, IReactorTime, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.interfaces import Reactor
from txsmtpx.queue.postgresql_schema import CHANNEL

if TYPE_CHECKING:
    import psycopg

log = Logger(__name__)

RECONNECT = 5.0
"""Seconds between two attempts to connect."""


@implementer(IReadDescriptor)
class PostgreSQLListener:
    """
    Call a function at each notification, and whenever one may have been missed.  A lost connection is replaced.

    Args:
        connect: Connect in a thread, and execute a statement.
        notified: The function.
        reactor: The reactor.
    """

    def __init__(
        self,
        connect: Callable[[str], Deferred[psycopg.Connection]],
        notified: Callable[[], None],
        reactor: Reactor,
    ) -> None:
        self._connect = connect
        self._notified = notified
        self._reactor = reactor
        self._connection: psycopg.Connection | None = None
        self._descriptor = -1
        self._again: IDelayedCall | None = None
        self._running = False

    def start(self) -> Deferred[None]:
        """
        Begin to listen.

        Returns:
            A Deferred that fires when notifications are received.  It fails if the database cannot be used.
        """
        self._running = True
        return self._connect(f"LISTEN {CHANNEL}").addCallback(self._connected)

    def stop(self) -> None:
        """Close the connection."""
        self._running = False
        if self._again is not None:
            self._again.cancel()
            self._again = None
        self._close()

    def _connected(self, connection: psycopg.Connection) -> None:
        if not self._running:
            connection.close()
            return
        self._connection = connection
        try:
            # A copy, since libpq closes its descriptor when the connection is lost, before the reactor has removed it.
            self._descriptor = os.dup(connection.fileno())
            cast(IReactorFDSet, self._reactor).addReader(self)
        except BaseException:
            self._close()
            raise
        self._notified()  # of what came before

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            if self._descriptor >= 0:
                cast(IReactorFDSet, self._reactor).removeReader(self)
                os.close(self._descriptor)
                self._descriptor = -1
            connection.close()

    def _retry(self) -> None:
        self._again = None
        self.start().addErrback(self._lost)

    def _lost(self, failure: Failure) -> None:
        log.warn("no notifications of the queue's database: {error}", error=failure.value)
        if self._running:
            self._again = cast(IReactorTime, self._reactor).callLater(RECONNECT, self._retry)

    def fileno(self) -> int:
        """
        Return the descriptor of the connection.

        Returns:
            The descriptor; -1 if there is none.
        """
        return self._descriptor

    def doRead(self) -> None:
        """Read what the database has sent."""
        import psycopg

        assert self._connection is not None
        pgconn = self._connection.pgconn
        try:
            pgconn.consume_input()
            found = False
            while pgconn.notifies() is not None:
                found = True
        except psycopg.Error:
            self.connectionLost(Failure())
            return
        if found:
            self._notified()

    def connectionLost(self, reason: Failure) -> None:
        """
        Connect again.

        Args:
            reason: Why the connection is lost.
        """
        self._close()
        if self._running:
            self._lost(reason)

    def logPrefix(self) -> str:
        """
        Return the name for the log.

        Returns:
            The name.
        """
        return "queue"
