"""A store of counts and times in the memory of one process."""

from __future__ import annotations

from collections import OrderedDict

from zope.interface import implementer

from txsmtpx.arguments import checked
from txsmtpx.interfaces import IStore, Reactor, Sighting, clock_of

MOST = 50_000
"""Buckets, and names of each table, that are kept by default.  The only name of an owner takes 600 octets."""

OWNERS = 100
"""The owners that can fill a table: none keeps more than this share, so one client cannot displace all others."""


@implementer(IStore)
class MemoryStore:
    """
    A store of counts and times for one process.  All its counts are lost when the process ends.

    Args:
        most: The most buckets, and the most names of each table, from 100.  The one that was unused for the longest
            time is forgotten first.  One owner has a hundredth of the names of a table at most.
        reactor: The reactor.  None: the global one.

    Attributes:
        shared: False.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: ``most`` is less than 100.

    Example:
        >>> from twisted.internet.task import Clock
        >>> store = MemoryStore(reactor=Clock())
        >>> store.take("192.0.2.1", 1, 60), store.take("192.0.2.1", 1, 60)
        (0.0, 60.0)
    """

    shared = False

    @checked
    def __init__(self, *, most: int = MOST, reactor: Reactor | None = None) -> None:
        if most < OWNERS:
            raise ValueError(f"most is a number from {OWNERS}, not {most}")
        self._clock = clock_of(reactor)
        self._most = most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._tables: dict[str, _Table] = {}

    def take(self, name: str, number: float, seconds: float) -> float:
        """
        Take one token from a bucket.  A new bucket is full.

        Args:
            name: The name of the bucket.
            number: The tokens in a full bucket.
            seconds: The seconds in which an empty bucket becomes full.

        Returns:
            0 if there was a token, otherwise the seconds until there is one.
        """
        # A bucket is the seconds until it is full, at a time.  A token takes one interval to come back.
        now = self._clock.seconds()
        left, then = self._buckets.pop(name, (0.0, now))
        left = max(0.0, left - max(0.0, now - then))
        interval = seconds / number
        wait = left + interval - seconds
        if wait <= interval / 1000:  # floating-point numbers are inexact
            wait = 0.0
            left += interval
        self._buckets[name] = (left, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return wait

    def look(self, table: str, owner: str, name: str, keep: float) -> Sighting:
        """
        Look up a name.

        Args:
            table: The table.
            owner: The owner of the name.
            name: The name.
            keep: The seconds after which the names of this table are forgotten.

        Returns:
            The age of the name, and the number of names.
        """
        now = self._clock.seconds()
        names = self._table(table).names(owner, now - keep)
        return _sighting(names, name, now)

    def note(self, table: str, owner: str, name: str, keep: float, renew: bool = False) -> Sighting:
        """
        Store a name with the present time.

        Args:
            table: The table.
            owner: The owner of the name.
            name: The name.
            keep: The seconds after which the names of this table are forgotten.
            renew: True if a name that the store has gets the present time.

        Returns:
            The age of the name, and the number of names.
        """
        now = self._clock.seconds()
        names = self._table(table).add(owner, name, now, now - keep, renew)
        return _sighting(names, name, now)

    def _table(self, name: str) -> _Table:
        return self._tables.setdefault(name, _Table(self._most))


_Names = OrderedDict[str, float]
"""The names of an owner with their times, the oldest first."""


def _sighting(names: _Names, name: str, now: float) -> Sighting:
    at = names.get(name)
    return Sighting(None if at is None else now - at, len(names))


class _Table:
    """The names of each owner.  `MemoryStore` creates it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._each = most // OWNERS
        self._size = 0
        self._owners: OrderedDict[str, _Names] = OrderedDict()
        """The owner that was unused for the longest time is the first."""

    def names(self, owner: str, since: float) -> _Names:
        """Return the names of an owner that are not older than ``since``."""
        names = self._owners.get(owner)
        if names is None:
            return OrderedDict()
        self._owners.move_to_end(owner)
        self._forget_before(owner, names, since)
        return names

    def add(self, owner: str, name: str, now: float, since: float, renew: bool) -> _Names:
        """Add a name, and return the names of its owner."""
        names = self.names(owner, since)
        self._owners[owner] = names
        if name not in names:
            names[name] = now
            self._size += 1
        elif renew:
            names[name] = now
            names.move_to_end(name)
        if len(names) > self._each:
            names.popitem(last=False)
            self._size -= 1
        # Two steps for each name that is added, so that owners that do not return take no memory for long.
        for _ in range(2):
            oldest = next(iter(self._owners))
            self._forget_before(oldest, self._owners[oldest], since)
            if self._size > self._most:
                self._size -= len(self._owners.pop(oldest))
        return names

    def _forget_before(self, owner: str, names: _Names, since: float) -> None:
        while names and next(iter(names.values())) <= since:
            names.popitem(last=False)
            self._size -= 1
        if not names:
            self._owners.pop(owner)
