"""
Preemption: a session of a relay gives up its connection when another client waits for one (guarantee 21).

Theory of operation.  A pool serves its callers in order, but only when a connection is given back.  A client that has
sent MAIL and RCPT can hold a connection as long as it sends NOOP.  So while callers wait, the holders are asked every
second to give their connections back, the longest holder first.  Each holder decides whether it can.  While no caller
waits, nothing is done; so a message that meets no other costs no timer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall

from txsmtpx.interfaces import Clock
from txsmtpx.wire.pool import SMTPPool

INTERVAL = 1.0
"""Seconds between two requests to the holders while callers wait."""


class Preemptible(Protocol):
    """A session that holds a connection."""

    def preempt(self, held: float) -> bool:
        """
        Give the connection back, if that is possible.

        Args:
            held: Seconds for which it has been held.

        Returns:
            True if it was given back.
        """


class Preemption:
    """
    The holders of the connections of one relay, which creates it.

    Args:
        clock: The reactor.
        pools: The pools of the relay.
    """

    def __init__(self, clock: Clock, pools: Sequence[SMTPPool]) -> None:
        self._clock = clock
        self._pools = pools
        self._since: dict[Preemptible, tuple[SMTPPool, float]] = {}
        self._next: IDelayedCall | None = None  # not a LoopingCall, which imports the global reactor
        for pool in pools:
            pool.queue_changed = self._queue_changed

    def add(self, holder: Preemptible, pool: SMTPPool) -> None:
        """
        Note that a session holds a connection.

        Args:
            holder: The session.
            pool: The pool that the connection is of.
        """
        self._since[holder] = pool, self._clock.seconds()

    def remove(self, holder: Preemptible) -> None:
        """
        Note that a session has given its connection back.

        Args:
            holder: The session.
        """
        self._since.pop(holder, None)

    def _queue_changed(self) -> None:
        waiting = any(pool.waiting for pool in self._pools)
        if waiting and self._next is None:
            self._request()
        elif self._next is not None and not waiting:
            self._next.cancel()
            self._next = None

    def _request(self) -> None:
        self._next = self._clock.callLater(INTERVAL, self._request)
        now = self._clock.seconds()
        wanted = {pool: pool.waiting for pool in self._pools if pool.waiting}
        for holder, (pool, since) in list(self._since.items()):
            if wanted.get(pool) and holder.preempt(now - since):
                wanted[pool] -= 1
