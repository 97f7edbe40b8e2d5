"""
What the web inbox does with the messages of a store: wait for them, read them, mark and delete them.

Theory of operation: the store keeps the messages, and reports each change to `Inbox`.  `Inbox` wakes the requests that
wait, and reports the change to its own subscribers.  A deletion can be undone for `UNDO_SECONDS`.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import LoopingCall

from txsmtpx.grammar import asciitext
from txsmtpx.inbox.faults import Faults
from txsmtpx.inbox.inbox_counts import InboxCounts
from txsmtpx.inbox.inbox_errors import MessageDeleted
from txsmtpx.inbox.inbox_reactor import IInboxReactor
from txsmtpx.inbox.inbox_store import ChangeSubscriber, InboxStore, StoreChange
from txsmtpx.inbox.long_poll import LongPoll
from txsmtpx.inbox.mail_release import MailRelease
from txsmtpx.inbox.message_parser import MessageParser
from txsmtpx.inbox.message_tools import MessageTools
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.web.cooperative_work import CooperativeWork
from txsmtpx.web.web_errors import Busy

UNDO_SECONDS = 10
"""Seconds in which a deletion can be undone.  A browser shows the button for this time."""

EXPIRE = 60
"""Seconds between two looks for messages that are too old."""


class Inbox:
    """
    Handle the messages of a store.  `InboxService` creates one.

    Attributes:
        store: The store of the messages.
        parser: The parser of messages that are opened.
        release: It sends messages on to real recipients; None if the operator does not allow this.
        faults: The faults on demand; None if the operator does not allow them.
        tools: What the operator allows beyond showing a message.
        counts: What has happened since the start.
        subscribers: Functions that are called with each change, after this object is up to date.

    Args:
        store: The store of the messages.
        reactor: It keeps the time, and starts the process that parses long messages.
        release: See the attributes.
        faults: See the attributes.
        tools: See the attributes.
    """

    def __init__(
        self,
        store: InboxStore,
        reactor: IInboxReactor,
        release: MailRelease | None = None,
        faults: Faults | None = None,
        tools: MessageTools | None = None,
    ) -> None:
        self.tools: MessageTools = tools or MessageTools()
        self.store = store
        self.release = release
        self.faults = faults
        self.subscribers: list[ChangeSubscriber] = []
        self._reactor = reactor
        self.parser: MessageParser = MessageParser(store, reactor)
        self._polls: set[LongPoll] = set()
        self.counts: InboxCounts = InboxCounts(reactor.seconds())
        self._newest = 0
        self._deletion = 0
        self._expiring = LoopingCall(store.expire)
        self._expiring.clock = reactor
        self._undo_timers: dict[int, IDelayedCall] = {}
        self._deleted: dict[int, int] = {}
        store.subscribe(self._changed)

    @property
    def uptime(self) -> float:
        """The seconds since the inbox was started."""
        return self._reactor.seconds() - self.counts.started

    def start(self) -> None:
        """Begin to follow the changes of the store, and to delete messages that are too old."""
        self.store.start()
        self._expiring.start(EXPIRE)

    def stop(self) -> None:
        """Make all deletions final, and end the process that parses long messages."""
        for deletion in list(self._undo_timers):
            self._undo_timers[deletion].cancel()
            self._discard(deletion)
        self._expiring.stop()
        self.store.stop()
        self.parser.stop()

    def _changed(self, change: StoreChange) -> None:
        self.counts.add(change)
        if change.kind == "deleted":
            for number in change.numbers:
                self.parser.forget(number)
        elif change.kind == "arrived":
            self._newest = max(self._newest, *change.numbers)
            for poll in list(self._polls):
                poll.wake()
        # A copy, since a subscriber may unsubscribe while it is called.
        for each in list(self.subscribers):
            each(change)

    def wait(self, query: SearchQuery, number: int, seconds: float, most: int) -> CooperativeWork[list[int]]:
        """
        Wait for messages that match a query.  Each new message is searched once.

        Args:
            query: The query.
            number: The number of the newest message that is not searched.
            seconds: The longest time to wait.
            most: The number of requests that may wait at the same time.

        Returns:
            The numbers of the messages, newest first.  The list is empty if the time is over.

        Yields:
            What the search yields, and a Deferred that fires when there may be new messages.

        Raises:
            Busy: Too many requests wait.
        """
        if len(self._polls) >= most:
            raise Busy
        poll = LongPoll()
        self._polls.add(poll)
        timeout = self._reactor.callLater(seconds, poll.expire)
        try:
            while True:
                newest = max(number, self._newest)
                found = yield from self.store.numbers(query, number)
                if found or poll.expired:
                    return found
                # Messages may have arrived during the search.  So the loop looks for new ones before it waits.
                number = newest
                if number >= self._newest:
                    yield poll.next_event()
        finally:
            self._polls.discard(poll)
            if timeout.active():
                timeout.cancel()

    def delete(self, numbers: Sequence[int]) -> CooperativeWork[int]:
        """
        Delete messages.  `restore` undoes it within `UNDO_SECONDS`.

        Args:
            numbers: Their numbers.  Messages that were deleted before are skipped.

        Returns:
            The number of the deletion; 0 if no message was deleted.

        Yields:
            Deferreds to wait for.
        """
        self._deletion += 1
        deletion = self._deletion
        try:
            self._deleted[deletion] = deleted = yield from self.store.delete(numbers, deletion)
        finally:
            # Also after a failure in the middle, which leaves messages that are hidden.
            self._undo_timers[deletion] = self._reactor.callLater(UNDO_SECONDS, self._discard, deletion)
        return deletion if deleted else 0

    def _discard(self, deletion: int) -> None:
        del self._undo_timers[deletion]
        self._deleted.pop(deletion, None)
        self.store.discard(deletion)

    def undoable(self, deletion: int) -> int:
        """
        Return the number of messages that `restore` would return.

        Args:
            deletion: The number of the deletion.

        Returns:
            The number of messages; 0 if the time is over.
        """
        return self._deleted.get(deletion, 0)

    def restore(self, deletion: int) -> CooperativeWork[int]:
        """
        Undo a deletion.

        Args:
            deletion: The number of the deletion.

        Returns:
            The number of messages that are back; 0 if the time is over, or there was no such deletion.

        Yields:
            Deferreds to wait for.
        """
        timer = self._undo_timers.pop(deletion, None)
        if timer is None:
            return 0
        timer.cancel()
        self._deleted.pop(deletion, None)
        return (yield from self.store.restore(deletion))

    def number_of(self, name: str) -> CooperativeWork[int]:
        """
        Return the number of the message that a path names.

        Args:
            name: The number of the message, or "latest".

        Returns:
            The number of a message that exists.

        Yields:
            Deferreds to wait for.

        Raises:
            MessageDeleted: There is no such message.
        """
        if name == "latest":
            number = yield from self.store.latest()
        else:
            # The number of digits is limited, since the time of int() grows with its square.
            number = int(name) if asciitext.is_number(name) and len(name) < 16 else 0
        if not number:
            raise MessageDeleted
        return number
