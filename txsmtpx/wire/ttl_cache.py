"""Answers that are kept for a while, a limited number of them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from twisted.internet.interfaces import IReactorTime

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

LONGEST = 86400.0
"""Seconds for which an answer is kept at most.  BIND keeps one for a week by default, Unbound for a day."""


class TTLCache(Generic[K, V]):
    """
    A cache of answers by what was asked.  Filters that ask the DNS create one, and backends that ask an application.

    If the cache is full, the answer that was put first is dropped.

    Args:
        clock: Measures time.
        most: The most answers.

    Example:
        >>> from twisted.internet.task import Clock
        >>> clock = Clock()
        >>> cache = TTLCache(clock, most=100)
        >>> cache.put("192.0.2.1", True, ttl=60)
        >>> cache.get("192.0.2.1")
        True
        >>> clock.advance(60)
        >>> cache.get("192.0.2.1") is None
        True
    """

    def __init__(self, clock: IReactorTime, most: int) -> None:
        self._clock = clock
        self._most = most
        self._kept: dict[K, tuple[float, V]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K) -> V | None:
        """
        Return an answer.

        Args:
            key: What is asked.

        Returns:
            The answer; None if there is none, or if its time has passed.
        """
        found = self._kept.get(key)
        if found is None:
            return None
        if found[0] <= self._clock.seconds():
            del self._kept[key]
            return None
        return found[1]

    def put(self, key: K, answer: V, ttl: float) -> None:
        """
        Keep an answer.

        Args:
            key: What was asked.
            answer: The answer.
            ttl: Seconds for which it is valid; at most `LONGEST` count.  0 or less: it is not kept.
        """
        self._kept.pop(key, None)
        if ttl <= 0 or self._most <= 0:
            return
        while len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (self._clock.seconds() + min(ttl, LONGEST), answer)
