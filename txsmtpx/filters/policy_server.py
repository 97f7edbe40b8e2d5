"""A maker of filters that ask a policy server of Postfix, such as postgrey or policyd-spf (SMTPD_POLICY_README)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from twisted.internet.interfaces import IReactorTime

from txsmtpx.arguments import checked
from txsmtpx.filters.policy_filter import KINDS, PolicyFilter
from txsmtpx.filters.policy_pool import PolicyPool
from txsmtpx.filters.policy_request import State
from txsmtpx.filters.seconds import check_seconds
from txsmtpx.interfaces import ClientEndpoint, Connection, Reactor, clock_of
from txsmtpx.wire.service_endpoint import service_endpoint

_STAGES: tuple[State, ...] = ("RCPT",)
"""The stages at which a server is asked by default."""


class PolicyServer:
    """
    A maker of filters for `txsmtpx.FilterBackend`, which ask a policy server.

    If the server cannot be reached, or its answer cannot be used, the filter fails.

    Args:
        endpoint: The endpoint of the server, or its string, such as ``"unix:/run/postgrey.sock"``.
        stages: The stages at which the server is asked.  Most servers answer at "RCPT" only.
        context: The value of the attribute "policy_context".
        timeout: Seconds for an answer, with the time to connect.  The default is Postfix's.
        connections: The most connections at a time.  Further requests wait.
        idle: Seconds after which a connection without a request is closed.
        reactor: The reactor.  None: the global one.

    Attributes:
        holds: True if the server is asked at the end of the message.  Then it can change the message.
        call_timeout: Seconds for each call of a filter; a little more than ``timeout``.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A value cannot be used.

    Example:
        >>> from twisted.internet import reactor
        >>> from txsmtpx import FilterBackend, MemoryBackend
        >>> backend = FilterBackend(MemoryBackend(), PolicyServer("unix:/run/postgrey.sock", reactor=reactor))
    """

    @checked
    def __init__(
        self,
        endpoint: ClientEndpoint | str,
        *,
        stages: Sequence[State] = _STAGES,
        context: str = "",
        timeout: float = 100,
        connections: int = 20,
        idle: float = 60,
        reactor: Reactor | None = None,
    ) -> None:
        if not stages:
            raise ValueError(f"stages has none; name one or more of {', '.join(KINDS)}")
        if connections < 1:
            raise ValueError(f"connections is a number from 1, not {connections!r}")
        check_seconds("timeout", timeout)
        check_seconds("idle", idle)
        clock = clock_of(reactor)
        self.stages: frozenset[State] = frozenset(stages)
        self.holds: bool = "END-OF-MESSAGE" in stages
        self.call_timeout: float = timeout + 5
        self.context = context
        self.pool = PolicyPool(service_endpoint(clock, endpoint), cast(IReactorTime, clock), timeout, connections, idle)

    def __call__(self, connection: Connection) -> PolicyFilter:
        """Return the filter for a connection."""
        return PolicyFilter(connection, self.pool, self.stages, self.context)

    async def check(self) -> str:
        """
        Connect to the server, for ``twistd smtpx --check``.  The protocol has no request without an effect.

        Returns:
            What the server does, and the stages at which it is asked.

        Raises:
            PolicyError: The server cannot be reached.
        """
        await self.pool.check()
        return f"accepts connections, and is asked at {', '.join(each for each in KINDS if each in self.stages)}"
