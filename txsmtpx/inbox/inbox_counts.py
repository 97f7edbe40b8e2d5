"""The counts of an inbox: what has happened since it was started."""

from __future__ import annotations

from txsmtpx.inbox.inbox_store import StoreChange


class InboxCounts:
    """
    Count the changes of a store.  `Inbox` creates one.

    Attributes:
        started: When the inbox was started, in seconds of the clock.
        arrived: The messages that have arrived.
        octets: Their octets.
        deleted: The messages that were deleted.

    Args:
        started: See the attributes.
    """

    def __init__(self, started: float) -> None:
        self.started = started
        self.arrived: int = 0
        self.octets: int = 0
        self.deleted: int = 0

    def add(self, change: StoreChange) -> None:
        """
        Count a change.

        Args:
            change: The change.
        """
        if change.kind == "arrived":
            self.arrived += len(change.numbers)
            self.octets += change.octets
        elif change.kind == "deleted":
            self.deleted += len(change.numbers)
