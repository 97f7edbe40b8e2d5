"""
The limit on deliveries at a time, to all destinations.

Theory of operation.  A destination is proven once it has accepted a message, until a connection to it fails.
Deliveries to destinations that are not proven may take half of the slots.  Such a delivery gives its slot back after
`GRACE` seconds, and goes on as a slow one: a connection that waits costs little.  There is a limit on slow deliveries
too.  So hundreds of domains that hang do not stop the others, neither those that are proven nor new ones.

Destinations that get no slot take turns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txsmtpx.queue.destination import Destination

GRACE = 10.0
"""Seconds after which a delivery to a destination that is not proven is a slow one."""

SLOW = 2
"""Slow deliveries at a time, for each slot.  Each has one socket."""

Kind = Literal["proven", "new", "slow"]
"""The kind of a delivery: to a proven destination, to another one, and that one after `GRACE` seconds."""


@dataclass(eq=False)
class Slot:
    """
    The slot of one delivery.

    Attributes:
        kind: The kind of the delivery.
        timer: Makes it a slow one; None if it is to a proven destination.
    """

    kind: Kind
    timer: IDelayedCall | None = None


class DeliverySlots:
    """
    The slots of a dispatcher, which creates it.

    Args:
        reactor: The clock.
        most: Deliveries at a time, without slow ones.
        freed: Called when a slot has become free without `give_back`.
    """

    def __init__(self, reactor: IReactorTime, most: int, freed: Callable[[], object]) -> None:
        self._reactor = reactor
        self._freed = freed
        self._most = most
        self._most_new = max(most // 2, 1)
        self._taken: dict[Kind, int] = {"proven": 0, "new": 0, "slow": 0}
        self._turns: dict[Kind, dict[str, Destination]] = {"proven": {}, "new": {}}

    @property
    def busy(self) -> int:
        """Slots that are taken."""
        return self._taken["proven"] + self._taken["new"]

    def _is_free(self, kind: Kind) -> bool:
        return self.busy < self._most and (kind == "proven" or self._taken["new"] < self._most_new)

    def take(self, destination: Destination) -> Slot | None:
        """
        Take a slot.

        Args:
            destination: The destination.

        Returns:
            The slot; None if there is none.  Then `next_turn` returns the destination later.
        """
        kind: Kind = "proven" if destination.proven else "new"
        if not self._is_free(kind):
            self.line_up(destination)
            return None
        self._taken[kind] += 1
        slot = Slot(kind)
        if kind == "new":
            slot.timer = self._reactor.callLater(GRACE, self._slow_down, slot)
        return slot

    def _slow_down(self, slot: Slot) -> None:
        if self._taken["slow"] >= SLOW * self._most:
            slot.timer = self._reactor.callLater(GRACE, self._slow_down, slot)
            return
        self._taken[slot.kind] -= 1
        slot.kind = "slow"
        self._taken["slow"] += 1
        self._freed()

    def give_back(self, slot: Slot) -> None:
        """
        Give a slot back.

        Args:
            slot: The slot.
        """
        self._taken[slot.kind] -= 1
        if slot.timer is not None and slot.timer.active():
            slot.timer.cancel()

    def line_up(self, destination: Destination) -> None:
        """
        Let a destination wait for its turn, behind those that wait already.

        Args:
            destination: The destination.
        """
        self._turns["proven" if destination.proven else "new"].setdefault(destination.key, destination)

    def next_turn(self) -> Destination | None:
        """
        Return a destination whose turn it is, if there is a slot.

        Returns:
            The destination, which waits no longer; None if there is none.
        """
        for kind, waiting in self._turns.items():
            if waiting and self._is_free(kind):
                return waiting.pop(next(iter(waiting)))
        return None
