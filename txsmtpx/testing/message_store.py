"""A backend that keeps messages, as tests use it, and the wait for its messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from txsmtpx.backends.memory import Subscriber
from txsmtpx.backends.received import Received
from txsmtpx.interfaces import Clock


class KeepsMessages(Protocol):
    """A backend that keeps messages, such as `txsmtpx.MemoryBackend`."""

    @property
    def messages(self) -> Sequence[Received]:
        """The messages, the oldest first."""

    def clear(self) -> None:
        """Delete the messages."""

    def subscribe(self, subscriber: Subscriber) -> None:
        """
        Call a function for each change.

        Args:
            subscriber: The function.
        """

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """
        Stop calling a function.

        Args:
            subscriber: The function.
        """


def arrival(store: KeepsMessages, count: int, patience: float, clock: Clock) -> Deferred[list[Received]]:
    """
    Return a Deferred of messages.

    Args:
        store: The backend.
        count: The number of messages.
        patience: The seconds after which the Deferred fails.
        clock: The clock of these seconds.

    Returns:
        A Deferred of all messages of the backend.  It fails with `TimeoutError` if there are fewer in time.
    """

    def look(*change: object) -> None:
        if len(store.messages) >= count and not arrived.called:
            arrived.callback(None)

    def over(result: Failure | None) -> Failure | None:
        store.unsubscribe(look)
        return result

    def too_late(result: object, seconds: float) -> None:
        raise TimeoutError(f"{len(store.messages)} of {count} messages in {seconds} seconds")

    arrived: Deferred[None] = Deferred()
    store.subscribe(look)
    look()
    arrived.addTimeout(patience, cast(IReactorTime, clock), too_late)
    return arrived.addBoth(over).addCallback(lambda _: list(store.messages))
