"""A limit on the octets that are held at a time, and a queue of those that wait for them (guarantee 21)."""

from __future__ import annotations

from collections import deque

from twisted.internet.defer import Deferred, succeed


class OctetBudget:
    """
    Octets that several tasks share.  The tasks get them in the order in which they ask.

    Args:
        octets: All octets.  A task that needs more gets all of them.

    Attributes:
        free: The octets that no task has.

    Example:
        >>> budget = OctetBudget(100)
        >>> budget.take(70).called, budget.take(70).called
        (True, False)
    """

    def __init__(self, octets: int) -> None:
        self.free: int = octets
        self._all = octets
        self._waiting: deque[tuple[int, Deferred[int]]] = deque()

    def take(self, octets: int) -> Deferred[int]:
        """
        Wait for octets.

        Args:
            octets: How many.

        Returns:
            A Deferred of the number to give back.  If it is cancelled, the task has left the queue.
        """
        wanted = min(octets, self._all)
        if not self._waiting and wanted <= self.free:
            self.free -= wanted
            return succeed(wanted)
        waiter: Deferred[int] = Deferred(self._cancelled)
        self._waiting.append((wanted, waiter))
        return waiter

    def give_back(self, octets: int) -> None:
        """
        Give octets back.

        Args:
            octets: The number that `take` has returned.
        """
        self.free += octets
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._waiting[0][0] <= self.free:
            wanted, waiter = self._waiting.popleft()
            self.free -= wanted
            waiter.callback(wanted)

    def _cancelled(self, waiter: Deferred[int]) -> None:
        self._waiting = deque(each for each in self._waiting if each[1] is not waiter)
        self._serve()
