"""
The messages of a memory backend, with what the web inbox knows of each: its summary, its details, whether it was read.

Theory of operation: the backend keeps the messages, and calls `Inbox` when one arrives or is deleted.  All state that
`Inbox` keeps for a message ends when the message is deleted:

  - The summary is computed when the message is first listed or searched.
  - `MessageParser` keeps the details of the message that was opened last.
  - The numbers of the messages that were read are kept.

The memory of summaries and details counts as memory of the message (`MemoryBackend.hold`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from txsmtpx.backends.memory import Change, MemoryBackend
from txsmtpx.backends.received import Received
from txsmtpx.grammar import asciitext
from txsmtpx.inbox.cooperative_work import CooperativeWork
from txsmtpx.inbox.inbox_errors import Busy, MessageDeleted
from txsmtpx.inbox.inbox_reactor import IInboxReactor
from txsmtpx.inbox.json_text import JsonValue
from txsmtpx.inbox.long_poll import LongPoll
from txsmtpx.inbox.message_parser import MessageParser
from txsmtpx.inbox.message_summary import MessageSummary
from txsmtpx.inbox.search_query import SearchQuery

PIECE = 16 * 1024
"""Octets of a source in one piece."""

SEARCH_SECONDS = 60
"""Seconds for a search."""


class Inbox:
    """
    List, search and delete the messages of a backend.  `InboxService` creates one.

    Attributes:
        backend: The backend that keeps the messages.
        parser: The parser of messages that are opened.
        subscribers: Functions that are called with each change and its message, after this object is up to date.

    Args:
        backend: The backend that keeps the messages.
        reactor: It keeps the time, and starts the process that parses long messages.
    """

    def __init__(self, backend: MemoryBackend, reactor: IInboxReactor) -> None:
        self.backend = backend
        self.subscribers: list[Callable[[Change, Received], object]] = []
        self._reactor = reactor
        self.parser: MessageParser = MessageParser(backend, reactor)
        self._summaries: dict[int, MessageSummary] = {}
        self._read: set[int] = set()
        self._polls: set[LongPoll] = set()

    def start(self) -> None:
        """Subscribe to the changes of the backend."""
        self.backend.subscribe(self._changed)

    def stop(self) -> None:
        """Unsubscribe from the backend, and end the process that parses long messages."""
        self.backend.unsubscribe(self._changed)
        self.parser.stop()

    def _changed(self, change: Change, received: Received) -> None:
        if change == "deleted":
            self._summaries.pop(received.id, None)
            self._read.discard(received.id)
            self.parser.forget(received.id)
        else:
            for poll in list(self._polls):
                poll.wake()
        # A copy, since a subscriber may unsubscribe while it is called.
        for each in list(self.subscribers):
            each(change, received)

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

    def search(self, query: SearchQuery) -> CooperativeWork[list[int]]:
        """
        Find the messages that match a query.

        Args:
            query: The query.  An empty one matches all messages.

        Returns:
            The numbers of the messages, newest first.

        Yields:
            None after each message.

        Raises:
            Busy: The search takes more than `SEARCH_SECONDS`.
        """
        # The list is a copy: messages may arrive and be deleted during the search.
        numbers = self.backend.numbers[::-1]
        if not query:
            return numbers
        found = []
        deadline = self._reactor.seconds() + SEARCH_SECONDS
        for number in numbers:
            if self._matches(query, number):
                found.append(number)
            if self._reactor.seconds() > deadline:
                raise Busy
            yield None
        return found

    def _matches(self, query: SearchQuery, number: int) -> bool:
        try:
            received = self.backend.get(number)
        except KeyError:  # the message was deleted during the search
            return False
        return self.summary_of(received).matches(query, received)

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
            None after each message, and a Deferred that fires when there may be new ones.

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
                found = []
                fresh = [each.id for each in self.backend.newer(number)]
                for number in fresh:
                    if self._matches(query, number):
                        found.append(number)
                    yield None
                if found or poll.expired:
                    return found[::-1]
                # Messages may have arrived during the search.  So the loop looks for new ones before it waits.
                if not fresh:
                    yield poll.next_event()
        finally:
            self._polls.discard(poll)
            if timeout.active():
                timeout.cancel()

    def delete(self, numbers: list[int]) -> CooperativeWork[None]:
        """
        Delete messages.

        Args:
            numbers: Their numbers.  Messages that were deleted before are skipped.

        Yields:
            None after each message.
        """
        for number in numbers:
            if number in self.backend:
                self.backend.delete(number)
            yield None

    def named(self, name: str) -> Received:
        """
        Return the message that a path names.

        Args:
            name: The number of the message, or "latest".

        Returns:
            The message.

        Raises:
            KeyError: There is no such message.
        """
        if name == "latest":
            return self.backend.get(max(self.backend.numbers, default=0))
        # The number of digits is limited, since the time of int() grows with its square.
        if not (asciitext.is_number(name) and len(name) < 16):
            raise KeyError(name)
        return self.backend.get(int(name))

    def message(self, number: int) -> Received:
        """
        Return a message that existed when the request began.

        Args:
            number: The number of the message.

        Returns:
            The message.

        Raises:
            MessageDeleted: The message was deleted since.
        """
        if number not in self.backend:
            raise MessageDeleted
        return self.backend.get(number)

    def source(self, number: int) -> Generator[bytes, None, None]:
        """
        Read the octets of a message.  The message may be deleted meanwhile: a slow client does not keep it in memory.

        Args:
            number: The number of the message.

        Yields:
            The octets in pieces.

        Raises:
            MessageDeleted: The message was deleted meanwhile.
        """
        for at in range(0, len(self.message(number).content), PIECE):
            yield self.message(number).content[at : at + PIECE]

    def mark_read(self, received: Received) -> None:
        """
        Mark a message as read, unless it was deleted.

        Args:
            received: The message.
        """
        if received.id in self.backend:
            self._read.add(received.id)

    def is_read(self, number: int) -> bool:
        """
        Check the mark of `mark_read`.

        Args:
            number: The number of the message.

        Returns:
            True if a page has shown the message.  Requests of the API do not count.
        """
        return number in self._read

    @property
    def unread(self) -> int:
        """The number of messages that were not read."""
        return len(self.backend.numbers) - len(self._read)

    def summary_json(self, received: Received) -> dict[str, JsonValue]:
        """
        Return the summary of a message for the API.

        Args:
            received: The message.

        Returns:
            The values of `MessageSummary.as_json`, and ``read``.
        """
        return self.summary_of(received).as_json(received) | {"read": self.is_read(received.id)}
