"""
The messages of a memory backend as a store of the inbox.

Theory of operation: the backend reports each message that arrives or is deleted.  Until the deletion, this store keeps:

  - its summary, which is computed when the message is first listed or searched
  - its number, if the message was read

While a deletion can be undone, both are kept.  The memory of summaries counts as that of messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from twisted.internet.interfaces import IReactorTime

from txsmtpx.backends.memory import Change, MemoryBackend
from txsmtpx.backends.received import Received
from txsmtpx.inbox.change_reports import ChangeReports
from txsmtpx.inbox.inbox_errors import MessageDeleted
from txsmtpx.inbox.inbox_store import Found, StoreChange
from txsmtpx.inbox.listed_message import ListedMessage
from txsmtpx.inbox.memory_mailboxes import MemoryMailboxes
from txsmtpx.inbox.memory_tags import MemoryTags
from txsmtpx.inbox.message_summary import MessageSummary
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.web.cooperative_work import CooperativeWork
from txsmtpx.web.web_errors import Busy

SEARCH_SECONDS = 60
"""Seconds for a search."""


class MemoryStore(ChangeReports):
    """
    Show the messages of a memory backend; see `InboxStore` for the methods.  `store_of` creates it.

    Attributes:
        backend: The backend that keeps the messages.
        mailboxes: The mailboxes.
        tags: The tags.

    Args:
        backend: The backend that keeps the messages.
        clock: It keeps the time.
    """

    def __init__(self, backend: MemoryBackend, clock: IReactorTime) -> None:
        super().__init__()
        self.backend = backend
        self._clock = clock
        self._summaries: dict[int, MessageSummary] = {}
        self._read: set[int] = set()
        self._deletions: dict[int, set[int]] = {}
        self._restoring = False
        self.mailboxes: MemoryMailboxes = MemoryMailboxes(self._read)
        self.tags: MemoryTags = MemoryTags(backend, self.summary_of, self.report)

    @property
    def total(self) -> int:
        """The number of messages."""
        return len(self.backend.numbers)

    @property
    def unread(self) -> int:
        """The number of messages that were not read."""
        return sum(number not in self._read for number in self.backend.numbers)

    def start(self) -> None:
        """Subscribe to the changes of the backend."""
        self.mailboxes.begin(self.backend.messages)
        self.backend.subscribe(self._changed)

    def stop(self) -> None:
        """Unsubscribe from the backend."""
        self.backend.unsubscribe(self._changed)

    def _changed(self, change: Change, received: Received) -> None:
        if change == "deleted":
            self.mailboxes.remove(received)
            if not any(received.id in numbers for numbers in self._deletions.values()):
                self._forget(received.id)
            self.report(StoreChange("deleted", [received.id]))
            return
        held = self.mailboxes.add(received)
        if not self._restoring:
            names, describe = self.mailboxes.names_of(received), partial(self._listed, received)
            self.report(StoreChange("arrived", [received.id], describe, names, len(received.content)))
            self.hold(received.id, held)
            self._delete(self.mailboxes.overflow(received))

    def _delete(self, numbers: Iterator[int]) -> None:
        for number in list(numbers):
            if number in self.backend:  # otherwise it was deleted by another limit
                self.backend.delete(number)

    def _forget(self, number: int) -> None:
        self._summaries.pop(number, None)
        self._read.discard(number)

    def summary_of(self, received: Received) -> MessageSummary:
        """
        Summarize a message for lists and searches.

        Args:
            received: The message.

        Returns:
            Its summary, which is computed once.
        """
        found = self._summaries.get(received.id)
        if found is None:
            found = MessageSummary(received)
            if received.id in self.backend:
                # It is stored before hold(), which may delete this message and so remove the summary again.
                self._summaries[received.id] = found
                self.backend.hold(received.id, found.held)
        return found

    def _listed(self, received: Received) -> ListedMessage:
        return self.summary_of(received).listed(received, received.id in self._read)

    def listed(self, query: SearchQuery, start: int, limit: int) -> CooperativeWork[Found]:
        """
        Search, and return a part of the list.

        Args:
            query: The query.
            start: The number of messages that are left out before the first.
            limit: The number of messages in the list.

        Returns:
            The messages.

        Yields:
            None after each message.
        """
        found = yield from self.numbers(query)
        total, numbers = len(found), found[start : start + limit]
        del found  # it may be much longer than the list, and would stay in memory as long as the list
        # The summaries are computed here, in steps.  A page needs all of them at once.
        for number in numbers:
            if number in self.backend:
                self.summary_of(self.backend.get(number))
            yield None
        return Found(total, self._existing(numbers), bool(numbers))

    def _existing(self, numbers: list[int]) -> Iterator[ListedMessage]:
        return (self._listed(self.backend.get(number)) for number in numbers if number in self.backend)

    def numbers(self, query: SearchQuery, after: int = 0) -> CooperativeWork[list[int]]:
        """
        Search, and return the numbers of all messages that match.

        Args:
            query: The query.
            after: Search only messages with a greater number.

        Returns:
            The numbers, newest first.

        Yields:
            None after each message.

        Raises:
            Busy: The search takes more than `SEARCH_SECONDS`.
        """
        # The list is a copy: messages may arrive and be deleted during the search.
        numbers = [each.id for each in self.backend.newer(after)][::-1]
        if not query:
            return numbers
        found = []
        deadline = self._clock.seconds() + SEARCH_SECONDS
        for number in numbers:
            if self._matches(query, number):
                found.append(number)
            if self._clock.seconds() > deadline:
                raise Busy
            yield None
        return found

    def _matches(self, query: SearchQuery, number: int) -> bool:
        try:
            received = self.backend.get(number)
        except KeyError:  # the message was deleted during the search
            return False
        return self.summary_of(received).matches(query, received, number in self._read)

    def latest(self) -> CooperativeWork[int]:
        """
        Return the number of the newest message.

        Returns:
            The number; 0 without messages.

        Yields:
            Nothing: the work is done at once.
        """
        yield from ()
        return max(self.backend.numbers, default=0)

    def described(self, number: int) -> CooperativeWork[ListedMessage]:
        """
        Return a message as a list has it.

        Args:
            number: The number of the message.

        Returns:
            The message.

        Yields:
            Nothing: the work is done at once.
        """
        return self._listed((yield from self.message(number)))

    def message(self, number: int) -> CooperativeWork[Received]:
        """
        Return a message.

        Args:
            number: The number of the message.

        Returns:
            The message.

        Yields:
            Nothing: the work is done at once.

        Raises:
            MessageDeleted: There is no such message.
        """
        yield from ()
        if number not in self.backend:
            raise MessageDeleted
        return self.backend.get(number)

    def piece(self, number: int, start: int, size: int) -> CooperativeWork[bytes]:
        """
        Read a piece of a message.

        Args:
            number: The number of the message.
            start: The offset of the first octet.
            size: The octets to read.

        Returns:
            The octets.

        Yields:
            Nothing: the work is done at once.
        """
        return (yield from self.message(number)).content[start : start + size]

    def hold(self, number: int, octets: int) -> bool:
        """
        Count memory that the inbox uses for a message.

        Args:
            number: The number of the message.
            octets: The octets.

        Returns:
            True if the message exists.
        """
        if number in self.backend:
            self.backend.hold(number, octets)
        return number in self.backend

    def mark(self, numbers: Sequence[int], read: bool) -> CooperativeWork[None]:
        """
        Mark messages as read or unread.

        Args:
            numbers: The numbers.
            read: True for read.

        Yields:
            None before the change.
        """
        yield None
        changed = [each for each in numbers if each in self.backend and (each in self._read) != read]
        if changed:
            self._read.symmetric_difference_update(changed)
            self.report(StoreChange("marked", changed))

    def delete(self, numbers: Sequence[int], deletion: int) -> CooperativeWork[int]:
        """
        Delete messages, so that `restore` can undo it.

        Args:
            numbers: The numbers.
            deletion: The number of the deletion.

        Returns:
            The number of messages that were deleted.

        Yields:
            None after each message.
        """
        gone = self._deletions[deletion] = set()
        for number in numbers:
            if number in self.backend:
                gone.add(number)
                self.backend.withdraw(number)
            yield None
        return len(gone)

    def restore(self, deletion: int) -> CooperativeWork[int]:
        """
        Undo a deletion.

        Args:
            deletion: The number of the deletion.

        Returns:
            The number of messages that are back.

        Yields:
            Nothing: the work is done at once.
        """
        yield from ()
        gone = self._deletions.pop(deletion, set())
        self._restoring = True
        try:
            back = self.backend.restore(gone)
        finally:
            self._restoring = False
        for number in gone.difference(back):
            self._forget(number)
        if back:
            self.report(StoreChange("restored", back))
        return len(back)

    def discard(self, deletion: int) -> None:
        """
        Make a deletion final.

        Args:
            deletion: The number of the deletion.
        """
        for number in self._deletions.pop(deletion, set()):
            self._forget(number)
            self.backend.discard(number)

    def expire(self) -> None:
        """Delete the messages that are too old for a mailbox.  A memory backend has no other limit on the age."""
        self._delete(self.mailboxes.outlived(self.backend.now()))
