"""A request that waits for a message (long polling)."""

from __future__ import annotations

from twisted.internet.defer import Deferred


class LongPoll:
    """
    Wait for the next message, or for the end of a time.  `Inbox.wait` creates one for each request.

    Attributes:
        expired: True when the time of the request is over.
    """

    def __init__(self) -> None:
        self.expired: bool = False
        self._event: Deferred[None] | None = None

    def next_event(self) -> Deferred[None]:
        """
        Wait for the next event.

        Returns:
            A Deferred that fires when a message has arrived, or when the time is over.
        """
        self._event = Deferred()
        return self._event

    def wake(self) -> None:
        """Fire the Deferred of `next_event`, since a message has arrived."""
        event, self._event = self._event, None
        if event is not None:
            event.callback(None)

    def expire(self) -> None:
        """Fire the Deferred of `next_event`, since the time is over."""
        self.expired = True
        self.wake()
