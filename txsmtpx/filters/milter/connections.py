"""
The connections to a milter: one for each session.

A connection can serve another session after QUIT_NC, which saves the negotiation.  libmilter accepts QUIT_NC only
behind a message that it has answered with "continue"; behind any other answer it ignores the command.  So only such a
connection is kept.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txsmtpx.filters.milter.errors import MilterConnectionError
from txsmtpx.filters.milter.milter_connection import MilterConnection
from txsmtpx.filters.milter.negotiation import Negotiation
from txsmtpx.interfaces import ClientEndpoint, Clock
from txsmtpx.wire.unlogged_factory import UnloggedFactory


class MilterConnections:
    """
    The connections to one milter.  `txsmtpx.filters.milter.Milter` creates it.

    Args:
        endpoint: The endpoint of the milter.
        clock: Measures time.
        timeout: Seconds to connect, and for an answer.
        longest: Seconds for an answer with PROGRESS.
        most: The most connections that are kept for another session.
        idle: Seconds after which a kept connection is closed.
        offer: What the server offers.
    """

    def __init__(
        self,
        endpoint: ClientEndpoint,
        clock: Clock,
        timeout: float,
        longest: float,
        most: int,
        idle: float,
        offer: Negotiation,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._timeout = timeout
        self._longest = longest
        self._most = most
        self._idle = idle
        self._offer = offer
        self._kept: dict[MilterConnection, IDelayedCall] = {}

    @property
    def kept(self) -> tuple[MilterConnection, ...]:
        """The connections that wait for a session, the oldest first."""
        return tuple(self._kept)

    async def take(self, fresh: bool = False) -> MilterConnection:
        """
        Return a connection for a session.

        Args:
            fresh: True for a new connection, although others are kept.

        Returns:
            The connection, which has been negotiated.

        Raises:
            MilterError: There is none.
        """
        while self._kept and not fresh:
            kept = self._taken(next(reversed(self._kept)))
            if kept.usable:
                return kept
        factory = UnloggedFactory.forProtocol(
            lambda: MilterConnection(self._clock, self._timeout, self._longest, self._lost, self._offer)
        )
        connecting = self._endpoint.connect(factory)
        clock = cast(IReactorTime, self._clock)
        try:
            made = cast(MilterConnection, await connecting.addTimeout(self._timeout, clock))
        except CancelledError:
            raise
        except Exception as error:  # an endpoint raises exceptions of many classes
            raise MilterConnectionError(f"the milter cannot be reached: {error}") from error
        await made.negotiate()
        return made

    def give_back(self, connection: MilterConnection) -> None:
        """
        End a session.

        Args:
            connection: The connection, which is kept or closed.
        """
        if connection.quit(keep=len(self._kept) < self._most):
            self._kept[connection] = self._clock.callLater(self._idle, self._expire, connection)

    def close(self) -> None:
        """Close the connections that are not in use."""
        for connection in list(self._kept):
            self._taken(connection).quit(keep=False)

    def _taken(self, connection: MilterConnection) -> MilterConnection:
        timer = self._kept.pop(connection)
        if timer.active():
            timer.cancel()
        return connection

    def _expire(self, connection: MilterConnection) -> None:
        self._taken(connection).quit(keep=False)

    def _lost(self, connection: MilterConnection) -> None:
        if connection in self._kept:
            self._taken(connection)
