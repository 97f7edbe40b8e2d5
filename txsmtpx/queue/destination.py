"""
The destinations of a queue: for each the connections, the limit on deliveries, and the circuit breaker.

Theory of operation.  A destination begins with `FIRST` delivery at a time.  Each delivered message allows one more,
up to the limit, and each failed connection takes one back.  So a thousand domains that hang do not hold all deliveries
of the queue.  Postfix begins with 5 (initial_destination_concurrency).

A destination without deliveries is forgotten after `IDLE` seconds, and its connections are closed before that.  An open
breaker is remembered until its pause ends, for up to `REMEMBERED` destinations: clients choose the names (guarantee 5).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txsmtpx.queue.back_off import BackOff
from txsmtpx.queue.circuit_breaker import CircuitBreaker
from txsmtpx.queue.queued_mail import Lease
from txsmtpx.wire.pool import SMTPPool

FIRST = 1
"""Deliveries at a time to a destination that has not accepted a message yet."""

IDLE = 90.0
"""Seconds after which an unused destination is forgotten.  Its pool closes a connection after 60 seconds."""

REMEMBERED = 20_000
"""Destinations without deliveries that are remembered because their breaker is open."""


class Destination:
    """
    A destination with its connections.  `Destinations` creates it.

    Attributes:
        key: The domain, or the domain of a route.
        pool: The connections.
        breaker: Decides whether a delivery may connect.
        unsecured_breaker: The same for messages with "TLS-Required: No", which need not fail where others do.
        deliveries: The deliveries that are in progress.
        allowed: The deliveries that may be in progress.
        waiting: Leases that wait for a delivery to end.
        proven: True if it has accepted a message, and no connection has failed since.
        unsecured: The connections for messages with "TLS-Required: No"; None until there is such a message.

    Args:
        key: The key.
        pool: The connections, whose size is the limit on deliveries.
        make_breaker: Makes the breakers.
        make_unsecured: Makes ``unsecured``.
    """

    def __init__(
        self,
        key: str,
        pool: SMTPPool,
        make_breaker: Callable[[], CircuitBreaker],
        make_unsecured: Callable[[], SMTPPool],
    ) -> None:
        self.unsecured: SMTPPool | None = None
        self._make_unsecured = make_unsecured
        self.key = key
        self.pool = pool
        self.breaker: CircuitBreaker = make_breaker()
        self.unsecured_breaker: CircuitBreaker = make_breaker()
        self.deliveries: int = 0
        self.allowed: int = min(FIRST, pool.size)
        self.waiting: deque[Lease] = deque()
        self.proven: bool = False

    @property
    def is_busy(self) -> bool:
        """True if no further delivery may begin now."""
        return self.deliveries >= self.allowed

    @property
    def is_full(self) -> bool:
        """True if no further lease should wait."""
        return len(self.waiting) >= self.allowed

    def pool_for(self, tls_not_required: bool) -> SMTPPool:
        """
        Return the connections for a message.

        Args:
            tls_not_required: True if the message says "TLS-Required: No" (RFC 8689 §3).

        Returns:
            The connections.
        """
        if not tls_not_required:
            return self.pool
        if self.unsecured is None:
            self.unsecured = self._make_unsecured()
            self.unsecured.startService()
        return self.unsecured

    def breaker_for(self, tls_not_required: bool) -> CircuitBreaker:
        """
        Return the breaker for a message.

        Args:
            tls_not_required: As for `pool_for`.

        Returns:
            The breaker.
        """
        return self.unsecured_breaker if tls_not_required else self.breaker

    @property
    def pools(self) -> list[SMTPPool]:
        """All its connections."""
        return [self.pool] if self.unsecured is None else [self.pool, self.unsecured]

    def delivered(self) -> None:
        """Note that the server has accepted a message: one more delivery is allowed."""
        self.allowed = min(self.allowed + 1, self.pool.size)
        self.proven = True

    def failed(self, now: float, reason: str, tls_not_required: bool = False) -> None:
        """
        Note a failed connection: one delivery less is allowed.

        Args:
            now: The time of the clock.
            reason: The failure.
            tls_not_required: As for `pool_for`.
        """
        self.allowed = max(self.allowed - 1, 1)
        self.proven = False
        self.breaker_for(tls_not_required).failed(now, reason)


class Destinations:
    """
    The destinations of a queue that are in use.  `txsmtpx.MailQueue` creates it.

    Args:
        reactor: The clock.
        pool_for: Create the pool of a destination; the second argument is False for messages with "TLS-Required: No".
        failures: Failed connections after which a destination is paused; 0 for never.
        pauses: The pauses.
    """

    def __init__(
        self, reactor: IReactorTime, pool_for: Callable[[str, bool], SMTPPool], failures: int, pauses: BackOff
    ) -> None:
        self._reactor = reactor
        self._pool_for = pool_for
        self._failures = failures
        self._pauses = pauses
        self._known: dict[str, Destination] = {}
        self._leaving: dict[str, IDelayedCall] = {}

    def __iter__(self) -> Iterator[Destination]:
        return iter(list(self._known.values()))

    def get(self, key: str) -> Destination:
        """
        Return a destination.  `release` is called when there is nothing to deliver any more.

        Args:
            key: The key of the destination.

        Returns:
            The destination.
        """
        if key in self._leaving:
            self._leaving.pop(key).cancel()
        found = self._known.get(key)
        if found is None:
            breaker = partial(CircuitBreaker, self._failures, self._pauses)
            found = Destination(key, self._pool_for(key, True), breaker, partial(self._pool_for, key, False))
            found.pool.startService()
            self._known[key] = found
        return found

    def release(self, destination: Destination) -> None:
        """
        Note that there may be nothing to deliver to a destination any more.

        Args:
            destination: The destination.
        """
        if destination.deliveries or destination.waiting or destination.key in self._leaving:
            return
        wait = IDLE
        if len(self._known) < REMEMBERED:
            until = max(destination.breaker.until, destination.unsecured_breaker.until)
            wait += max(until - self._reactor.seconds(), 0.0)
        self._leaving[destination.key] = self._reactor.callLater(wait, self._forget, destination)

    def _forget(self, destination: Destination) -> None:
        del self._leaving[destination.key], self._known[destination.key]
        for pool in destination.pools:
            pool.stopService()

    def full(self) -> list[str]:
        """
        Return the destinations for which enough leases wait.

        Returns:
            Their keys.
        """
        return [each.key for each in self._known.values() if each.is_full]

    def stop(self) -> list[SMTPPool]:
        """
        Forget all destinations.  No delivery may be in progress.

        Returns:
            Their pools, to be stopped.
        """
        for timer in self._leaving.values():
            timer.cancel()
        pools = [pool for each in self._known.values() for pool in each.pools]
        self._leaving, self._known = {}, {}
        return pools
