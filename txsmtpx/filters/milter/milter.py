"""The maker of filters that ask a milter, such as opendkim or rspamd."""

from __future__ import annotations

import math

from txsmtpx.arguments import checked
from txsmtpx.filters.milter.connections import MilterConnections
from txsmtpx.filters.milter.macros import MacroSource
from txsmtpx.filters.milter.milter_filter import MilterFilter
from txsmtpx.filters.milter.negotiation import WITHOUT_CHANGES, Negotiation, description
from txsmtpx.interfaces import ClientEndpoint, Connection, Reactor, clock_of
from txsmtpx.wire.service_endpoint import service_endpoint

TIMEOUT = 30.0
"""Seconds for an answer, by default: as milter_command_timeout of Postfix."""

LONGEST = 300.0
"""Seconds for an answer that PROGRESS delays, by default: as milter_content_timeout of Postfix."""

KEPT = 10
"""Connections that are kept for another session, by default."""

IDLE = 60.0
"""Seconds for which a connection is kept, by default.  libmilter closes it after two hours."""


class Milter:
    """
    A maker of filters for `txsmtpx.FilterBackend`, which ask a milter.

    Each connection of a client has a connection to the milter.  A message is held until the milter has seen its end,
    since the milter may change it.

    Args:
        endpoint: The endpoint of the milter, or its string, such as ``"unix:/run/opendkim.sock"`` or
            ``"tcp:127.0.0.1:11332"``.
        timeout: Seconds for the connection, and for each answer.  PROGRESS of the milter begins them anew.
        longest: Seconds for an answer that PROGRESS delays.
        kept: The most connections that are kept for another session, 0 to 1000.
        idle: Seconds for which a connection is kept.
        daemon_name: The value of the macro ``{daemon_name}``.  ``""``: the domain of the server, as in Postfix.
        holds: True if messages are held until their end.  False for a milter that changes no message: then the backend
            receives the message while the milter does, and the milter is offered no changes.
        reactor: The reactor.  None: the global one.

    Attributes:
        holds: As in the arguments.
        connections: The connections to the milter.
        call_timeout: Seconds for each call of a filter: enough for the last piece of a body and the answer to its end.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of its range, or the endpoint is malformed.

    Example:
        >>> from twisted.internet.task import Clock
        >>> from txsmtpx import FilterBackend, MemoryBackend
        >>> milter = Milter("unix:/run/opendkim/opendkim.sock", reactor=Clock())
        >>> backend = FilterBackend(MemoryBackend(), milter)
    """

    @checked
    def __init__(
        self,
        endpoint: ClientEndpoint | str,
        *,
        timeout: float = TIMEOUT,
        longest: float = LONGEST,
        kept: int = KEPT,
        idle: float = IDLE,
        daemon_name: str = "",
        holds: bool = True,
        reactor: Reactor | None = None,
    ) -> None:
        clock = clock_of(reactor)
        for name, seconds in (("timeout", timeout), ("longest", longest), ("idle", idle)):
            if not 0 < seconds < math.inf:
                raise ValueError(f"{name} is a number of seconds above 0, not {seconds!r}")
        if not 0 <= kept <= 1000:
            raise ValueError(f"kept is a number of connections from 0 to 1000, not {kept!r}")
        made = service_endpoint(clock, endpoint)
        self.holds = holds
        self.call_timeout: float = longest + 2 * timeout
        self._daemon_name = daemon_name
        offer = Negotiation() if holds else Negotiation(actions=WITHOUT_CHANGES)
        self.connections = MilterConnections(made, clock, timeout, longest, kept, idle, offer)

    def __call__(self, connection: Connection) -> MilterFilter:
        """Return the filter for a connection."""
        return MilterFilter(connection, self.connections, MacroSource(connection, self._daemon_name))

    async def check(self) -> str:
        """
        Connect to the milter, negotiate, and close the connection (`txsmtpx.interfaces.filter_plugin.ICheckedFilter`).

        Returns:
            What was negotiated, such as ``"milter version 6, may add header fields"``.

        Raises:
            MilterError: The milter cannot be reached, or does not agree.
        """
        connection = await self.connections.take(fresh=True)
        connection.quit(keep=False)
        return description(connection.dialog.agreement)

    def close(self) -> None:
        """Close the kept connections."""
        self.connections.close()
