"""Address look-ups of one host: A and AAAA are queried at the same time, and neither delays the other (RFC 8305 §3)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

RESOLUTION_DELAY = 0.05
"""Seconds that addresses of one family wait for those of the other: RFC 8305 §8 recommends 50 ms."""


class AddressLookup:
    """
    The look-ups for the addresses of one host.

    Attributes:
        failures: The errors of the look-ups that have failed so far.

    Args:
        clock: Measures the resolution delay.
        lookups: One look-up for each address family, the preferred family first.
    """

    def __init__(self, clock: IReactorTime, lookups: Sequence[Deferred[list[str]]]) -> None:
        self.failures: list[Exception] = []
        self._clock = clock
        self._found: list[list[str]] = [[] for _ in lookups]
        self._open = dict(enumerate(lookups))
        self._news: Deferred[None] | None = None
        for number, lookup in list(self._open.items()):
            lookup.addCallbacks(self._came, self._failed, callbackArgs=(number,), errbackArgs=(number,))

    async def next_batch(self) -> list[str]:
        """
        Wait for addresses.

        Returns:
            The addresses that have arrived since the last call, the families interleaved.  An empty list when all
            look-ups are finished.
        """
        while self._open and not any(self._found):
            await self._wait(None)
        if self._open:
            await self._wait(RESOLUTION_DELAY)
        found, self._found = self._found, [[] for _ in self._found]
        return [each for turn in itertools.zip_longest(*found) for each in turn if each is not None]

    def stop(self) -> None:
        """Cancel the look-ups that are not finished."""
        running, self._open = self._open, {}
        for lookup in running.values():
            lookup.cancel()

    def _wait(self, seconds: float | None) -> Deferred[None]:
        """Wait until another look-up is finished, or until a time has passed."""
        news: Deferred[None] = Deferred(self._forget)
        self._news = news
        if seconds is not None:
            timer = self._clock.callLater(seconds, self._tell)
            news.addBoth(_stopped, timer)
        return news

    def _forget(self, news: Deferred[None]) -> None:
        self._news = None

    def _tell(self) -> None:
        news, self._news = self._news, None
        if news is not None:
            news.callback(None)

    def _came(self, addresses: list[str], number: int) -> None:
        if self._open.pop(number, None) is not None:
            self._found[number] = addresses
            self._tell()

    def _failed(self, failure: Failure, number: int) -> None:
        if self._open.pop(number, None) is None:  # cancelled by stop
            return
        if isinstance(failure.value, Exception):
            self.failures.append(failure.value)
        self._tell()


def _stopped(result: object, timer: IDelayedCall) -> object:
    if timer.active():
        timer.cancel()
    return result
