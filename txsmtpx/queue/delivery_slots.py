"""
The limit on deliveries at a time, to all destinations.

Theory of operation.  A destination is proven once it has accepted a message, until a connection to it fails.
Deliveries to destinations that are not proven may take half of the slots.  So any number of domains that hang leaves
the other half to those that work.  A destination that gets no slot waits for its turn.
"""

from __future__ import annotations

from txsmtpx.queue.destination import Destination


class DeliverySlots:
    """
    The slots of a dispatcher, which creates it.

    Args:
        most: Deliveries at a time.

    Example:
        >>> slots = DeliverySlots(1)
        >>> slots.busy
        0
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._most_unproven = max(most // 2, 1)
        self._taken = {True: 0, False: 0}  # by whether the destination is proven
        self._turns: dict[bool, dict[str, Destination]] = {True: {}, False: {}}

    @property
    def busy(self) -> int:
        """Slots that are taken."""
        return self._taken[True] + self._taken[False]

    def _is_free(self, proven: bool) -> bool:
        return self.busy < self._most and (proven or self._taken[False] < self._most_unproven)

    def take(self, destination: Destination) -> bool | None:
        """
        Take a slot.

        Args:
            destination: The destination.

        Returns:
            What `give_back` needs; None if there is no slot.  Then `next_turn` returns the destination later.
        """
        proven = destination.proven
        if not self._is_free(proven):
            self._turns[proven][destination.key] = destination
            return None
        self._taken[proven] += 1
        return proven

    def give_back(self, slot: bool) -> None:
        """
        Give a slot back.

        Args:
            slot: What `take` has returned.
        """
        self._taken[slot] -= 1

    def next_turn(self) -> Destination | None:
        """
        Return a destination that waits for a slot, if there is a slot.

        Returns:
            The destination, which waits no longer; None if there is none.
        """
        for proven, waiting in self._turns.items():
            if waiting and self._is_free(proven):
                return waiting.pop(next(iter(waiting)))
        return None
