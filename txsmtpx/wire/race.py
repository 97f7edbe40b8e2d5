"""
Connection attempts to several addresses at staggered times: RFC 8305 §5.

The first attempt that succeeds is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

Address = TypeVar("Address")
Connected = TypeVar("Connected")

ATTEMPT_DELAY = 0.25
"""Seconds between the beginnings of two attempts: RFC 8305 §8 recommends 250 ms."""


class Race(Generic[Address, Connected]):
    """
    Attempts to connect.  A new attempt begins every ATTEMPT_DELAY seconds, and at once when an attempt has failed.

    Attributes:
        left: The addresses that have not failed.  Either no attempt has begun, or another address has won meanwhile.
        failures: The addresses that have failed, each with its error.

    Args:
        reactor: Measures the delay.
        addresses: The addresses, each of them once.
        connect: Begins an attempt.  The attempts that lose are cancelled.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        addresses: Sequence[Address],
        connect: Callable[[Address], Deferred[Connected]],
    ) -> None:
        self.left: list[Address] = list(addresses)
        self.failures: list[tuple[Address, Exception]] = []
        self._reactor = reactor
        self._connect = connect
        self._waiting = list(addresses)
        self._running: dict[Address, Deferred[Connected]] = {}
        self._timer: IDelayedCall | None = None
        self._over: Deferred[tuple[Address, Connected] | None] = Deferred(lambda _: self._stop())

    def run(self) -> Deferred[tuple[Address, Connected] | None]:
        """
        Begin the attempts.

        Returns:
            The address that has won, and its connection.  None if all have failed.
        """
        self._next()
        return self._over

    def _next(self) -> None:
        """Begin another attempt, if an address is left."""
        self._stop_timer()
        if self._over.called:
            return
        if self._waiting:
            address = self._waiting.pop(0)
            if self._waiting:
                self._timer = self._reactor.callLater(ATTEMPT_DELAY, self._next)
            attempt = self._running[address] = self._connect(address)
            attempt.addCallbacks(self._won, self._lost, callbackArgs=(address,), errbackArgs=(address,))
        elif not self._running:
            self._over.callback(None)

    def _won(self, connected: Connected, address: Address) -> None:
        del self._running[address]
        self.left.remove(address)
        self._stop()
        self._over.callback((address, connected))

    def _lost(self, failure: Failure, address: Address) -> None:
        if self._running.pop(address, None) is None:  # cancelled by _stop
            return
        self.left.remove(address)
        if isinstance(failure.value, Exception):
            self.failures.append((address, failure.value))
        self._next()

    def _stop(self) -> None:
        self._stop_timer()
        running, self._running = self._running, {}
        for attempt in running.values():
            attempt.cancel()

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
