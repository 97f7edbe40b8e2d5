"""The contract of a store of a queue: `IQueueStore`, and its type `QueueStore`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import BinaryIO, Literal, Protocol

from twisted.internet.defer import Deferred
from zope.interface import Interface

from txsmtpx.backends.received_body import ReceivedBody
from txsmtpx.queue.queued_mail import Depth, Lease, NewMail, QueuedMail, RecipientOutcome, Selection

Change = Literal["retry", "hold", "release", "delete"]
"""
What an operator does with recipients.

"retry" makes those that wait due now, but for those that are leased.  "hold" stops attempts, "release" allows them
again, due now.  "delete" removes recipients without a report.  An attempt that has begun goes on.
"""

INLINE = 65_536
"""Octets of a message that are stored within the database.  A longer body has a file of its own."""


class IQueueStore(Interface):
    """
    Keep the messages of a queue.

    All times are seconds since the epoch.  Each Deferred fires after its change is on the disk.  Several processes may
    use one store.

    Theory of operation.  A recipient is "waiting" with a time at which it is due.  A lease moves that time to the end
    of the lease, so no other process takes the recipient before.  If the process dies, the recipient is due again when
    the lease ends.  The message may then be delivered a second time, and it is never lost.
    """

    def open(changed: Callable[[], None]) -> Deferred[None]:
        """
        Open the store.

        Args:
            changed: Called in the reactor's thread when a recipient may have become due.  A message was added, or an
                operator or another process has changed something.

        Returns:
            A Deferred that fires when it is open.

        Raises:
            StoreError: The store cannot be used; the Deferred fails.
        """

    def close() -> Deferred[None]:
        """
        Close the store.

        Returns:
            A Deferred that fires when it is closed.
        """

    def body() -> ReceivedBody:
        """
        Begin to receive a body.

        Returns:
            The body.  `NewMail` takes its name if it has one, and otherwise its content.
        """

    def add(mail: NewMail) -> Deferred[None]:
        """
        Store a message.

        Args:
            mail: The message.

        Returns:
            A Deferred that fires when the message is on the disk.

        Raises:
            StoreError: Nothing is stored; the Deferred fails.
        """

    def lease(
        owner: str, now: float, until: float, limit: int, per_destination: int, full: Collection[str]
    ) -> Deferred[list[Lease]]:
        """
        Lease what is due: the highest priority first, then what is due for longest.

        Args:
            owner: The process.
            now: The time.
            until: The end of the leases.
            limit: The most leases.
            per_destination: The most leases for one destination.
            full: Destinations that take no delivery now.

        Returns:
            A Deferred of the leases.
        """

    def renew(leases: Sequence[Lease], until: float) -> Deferred[None]:
        """
        Move the end of leases.

        Args:
            leases: The leases.
            until: Their new end.

        Returns:
            A Deferred that fires when it is moved.
        """

    def finish(lease: Lease, outcomes: Sequence[RecipientOutcome], reports: Sequence[NewMail]) -> Deferred[None]:
        """
        End a lease, and store its outcomes and the reports that they cause: all of it, or nothing.

        A message whose recipients are all final is removed.  A recipient of the lease without an outcome is due now.
        If no outcome counts, no report is stored: an operator has deleted the recipients, or it was stored before.

        Args:
            lease: The lease.  If another process has got the recipients since, their final outcomes count all the same.
            outcomes: An outcome for each recipient.
            reports: Messages to the sender.

        Returns:
            A Deferred that fires when it is on the disk.
        """

    def hand_back(leases: Sequence[Lease]) -> Deferred[None]:
        """
        End leases without an attempt: their recipients are due now, and the attempt does not count.

        Args:
            leases: The leases.

        Returns:
            A Deferred that fires when they have ended.
        """

    def next_due(now: float, full: Collection[str]) -> Deferred[float | None]:
        """
        Find the time at which the next recipient is due, or the next lease ends.

        Args:
            now: The time.
            full: Destinations that take no delivery now.

        Returns:
            A Deferred of the time; `now` if something is due; None if nothing waits.
        """

    def open_body(mail: QueuedMail) -> Deferred[BinaryIO]:
        """
        Open the body of a message.

        Args:
            mail: The message.

        Returns:
            A Deferred of a file, from its first octet.

        Raises:
            StoreError: There is no such body; the Deferred fails.
        """

    def find(selection: Selection, limit: int, after: int = 0) -> Deferred[list[QueuedMail]]:
        """
        List messages, the oldest first.

        Args:
            selection: Selects the recipients.
            limit: The most messages.
            after: The number of the last message of the list before, which may be gone now; 0 for the first list.

        Returns:
            A Deferred of the messages, each with its selected recipients.
        """

    def change(selection: Selection, change: Change, now: float) -> Deferred[int]:
        """
        Change recipients, as an operator asks.

        Args:
            selection: Selects the recipients.
            change: The change.
            now: The time.

        Returns:
            A Deferred of the number of recipients that were changed.
        """

    def depth(now: float) -> Deferred[Depth]:
        """
        Count what is in the queue.

        Args:
            now: The time.

        Returns:
            A Deferred of the counts.
        """


class QueueStore(Protocol):
    """The type of `IQueueStore`."""

    def open(self, changed: Callable[[], None], /) -> Deferred[None]:
        """
        Open the store.

        Returns:
            A Deferred that fires when it is open.
        """

    def close(self) -> Deferred[None]:
        """
        Close the store.

        Returns:
            A Deferred that fires when it is closed.
        """

    def body(self) -> ReceivedBody:
        """
        Begin to receive a body.

        Returns:
            The body.
        """

    def add(self, mail: NewMail, /) -> Deferred[None]:
        """
        Store a message.

        Returns:
            A Deferred that fires when it is on the disk.
        """

    def lease(
        self, owner: str, now: float, until: float, limit: int, per_destination: int, full: Collection[str], /
    ) -> Deferred[list[Lease]]:
        """
        Lease what is due.

        Returns:
            A Deferred of the leases.
        """

    def renew(self, leases: Sequence[Lease], until: float, /) -> Deferred[None]:
        """
        Move the end of leases.

        Returns:
            A Deferred that fires when it is moved.
        """

    def finish(
        self, lease: Lease, outcomes: Sequence[RecipientOutcome], reports: Sequence[NewMail], /
    ) -> Deferred[None]:
        """
        End a lease.

        Returns:
            A Deferred that fires when it is on the disk.
        """

    def hand_back(self, leases: Sequence[Lease], /) -> Deferred[None]:
        """
        End leases without an attempt.

        Returns:
            A Deferred that fires when they have ended.
        """

    def next_due(self, now: float, full: Collection[str], /) -> Deferred[float | None]:
        """
        Find when the next recipient is due.

        Returns:
            A Deferred of the time.
        """

    def open_body(self, mail: QueuedMail, /) -> Deferred[BinaryIO]:
        """
        Open the body of a message.

        Returns:
            A Deferred of a file.
        """

    def find(self, selection: Selection, limit: int, after: int = 0, /) -> Deferred[list[QueuedMail]]:
        """
        List messages.

        Returns:
            A Deferred of the messages.
        """

    def change(self, selection: Selection, change: Change, now: float, /) -> Deferred[int]:
        """
        Change recipients.

        Returns:
            A Deferred of their number.
        """

    def depth(self, now: float, /) -> Deferred[Depth]:
        """
        Count what is in the queue.

        Returns:
            A Deferred of the counts.
        """
