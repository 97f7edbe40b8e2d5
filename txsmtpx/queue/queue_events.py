"""The events of a queue: what becomes of each recipient of its messages, as an async iterator."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Literal
from weakref import WeakSet

from twisted.internet.defer import Deferred

from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces.loop_deferred import explained
from txsmtpx.queue.queue_observer import AttemptOutcome
from txsmtpx.queue.queued_mail import NewMail

EventKind = Literal["queued", AttemptOutcome]
"""What has happened to a recipient.  "failed" and "expired" are final, as "delivered" is."""

BUFFERED = 10_000
"""Events that wait for a reader.  Of more, the oldest are dropped, and counted (guarantee 21)."""


@dataclass(frozen=True)
class QueueEvent:
    """
    An event of one recipient of a message.

    Attributes:
        kind: The kind of the event.
        id: The identifier of the message, as `txsmtpx.MailQueue.submit` returns it.
        sender: The sender.
        recipient: The recipient.
        destination: The domain, or the domain of the route.
        reply: The reply of the server, or one that describes an error; None for "queued".
        server: The server, "" if none was reached.
        attempts: The attempts so far.
        missed: Events before this one that were dropped, because the reader is too slow.

    Example:
        >>> event = QueueEvent("queued", "q1", "ann@example.org", "bob@example.net", "example.net")
        >>> event.kind, event.attempts
        ('queued', 0)
    """

    kind: EventKind
    id: str
    sender: str
    recipient: str
    destination: str
    reply: Reply | None = None
    server: str = ""
    attempts: int = 0
    missed: int = 0


class QueueEvents:
    """
    The events of a queue from now on, for one reader.  `txsmtpx.MailQueue.events` creates it.

    It ends when the queue has stopped.

    Args:
        feed: What the queue reports to.

    Example:
        ::

            async for event in queue.events():
                print(event.kind, event.recipient)
    """

    def __init__(self, feed: EventFeed) -> None:
        self._feed = feed
        self._events: deque[QueueEvent] = deque()
        self._missed = 0
        self._waiting: Deferred[None] | None = None
        self._over = False
        feed.readers.add(self)

    def __aiter__(self) -> QueueEvents:
        return self

    async def __anext__(self) -> QueueEvent:
        while not self._events:
            if self._over:
                raise StopAsyncIteration
            self._waiting = Deferred()
            await explained(self._waiting)
        missed, self._missed = self._missed, 0
        event = self._events.popleft()
        return replace(event, missed=missed) if missed else event

    async def aclose(self) -> None:
        """End the iteration."""
        self._feed.readers.discard(self)
        self.end()

    def add(self, event: QueueEvent) -> None:
        """
        Add an event.

        Args:
            event: The event.
        """
        if len(self._events) >= BUFFERED:
            self._events.popleft()
            self._missed += 1
        self._events.append(event)
        self._wake()

    def end(self) -> None:
        """End the iteration after the events that are there."""
        self._over = True
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)


class EventFeed:
    """
    The readers of the events of a queue.  `txsmtpx.MailQueue` creates it.

    Attributes:
        readers: The readers.
    """

    def __init__(self) -> None:
        self.readers: WeakSet[QueueEvents] = WeakSet()  # a reader that is dropped takes no more memory

    def add(self, event: QueueEvent) -> None:
        """
        Give an event to all readers.

        Args:
            event: The event.
        """
        for reader in list(self.readers):
            reader.add(event)

    def queued(self, mail: NewMail) -> None:
        """
        Give the events of a message that is stored to all readers, one for each recipient.

        Args:
            mail: The message.
        """
        sender = mail.envelope.sender
        for recipient, destination in zip(mail.envelope.recipients, mail.destinations, strict=True):
            self.add(QueueEvent("queued", mail.id, sender, recipient.address, destination))

    def end(self) -> None:
        """End all readers."""
        for reader in list(self.readers):
            reader.end()
        self.readers.clear()
