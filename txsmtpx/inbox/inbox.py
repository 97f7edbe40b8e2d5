"""
The messages of a memory backend, as they are looked at: listed, found, opened, read and thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.backends.memory import Change, MemoryBackend, Received
from txsmtpx.grammar import asciitext
from txsmtpx.inbox.message_detail import MessageDetail, parsed_content, rendered_view
from txsmtpx.inbox.message_summary import MessageSummary
from txsmtpx.inbox.parsed_message import ParsedMessage
from txsmtpx.inbox.parser_process import Busy, LimitExceeded, MessageDeleted, ParserProcess
from txsmtpx.inbox.search_query import SearchQuery

log = Logger(__name__)

T = TypeVar("T")

CooperativeWork = Generator[Deferred[Any] | None, None, T]
"""
Work that lets others have their turn: it yields after each step of up to 10 milliseconds, and yields a Deferred to wait
for it.
"""

MAX_IN_PROCESS = 32 * 1024
"""Octets up to which a message is opened at once, which takes 25 ms at worst; a longer one is opened elsewhere."""

PIECE = 16 * 1024
"""Octets of a source that are given at a time."""

SEARCH_SECONDS = 60
"""Seconds that a search may take."""


def result(deferred: Deferred[T]) -> CooperativeWork[T]:
    """Wait for ``deferred``, and return its result; it is cancelled if the request ends before."""
    outcome: list[Any] = []
    deferred.addBoth(outcome.append)
    try:
        yield deferred
    finally:
        deferred.cancel()
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()
    found: T = outcome[0]
    return found


class Inbox:
    """
    Attributes:
        backend: What keeps the messages.
        changed: Told what has happened and to which message, after the inbox itself knows it.

    Args:
        reactor: Has the time, and starts processes.
    """

    def __init__(self, backend: MemoryBackend, reactor: Any) -> None:
        self.backend = backend
        self.changed: list[Callable[[Change, Received], object]] = []
        self._reactor = reactor
        self._opener = ParserProcess(reactor)
        self._glances: dict[int, MessageSummary] = {}
        self._opened: tuple[int, MessageDetail] | None = None
        self._too_heavy: set[int] = set()
        self._read: set[int] = set()
        self._polls: set[_Poll] = set()

    def start(self) -> None:
        """Follow the backend."""
        self.backend.subscribe(self._changed)

    def stop(self) -> None:
        """Follow it no more, and end the process that opens messages."""
        self.backend.unsubscribe(self._changed)
        self._opener.stop()

    def ended(self) -> Deferred[None]:
        """Fires when that process has ended."""
        return self._opener.ended()

    def _changed(self, change: Change, received: Received) -> None:
        if change == "deleted":
            self._glances.pop(received.id, None)
            self._read.discard(received.id)
            self._too_heavy.discard(received.id)
            self._opener.forget(received.id)
            if self._opened is not None and self._opened[0] == received.id:
                self._opened = None
        else:
            for poll in list(self._polls):
                poll.wake()
        for each in list(self.changed):
            each(change, received)

    def glance(self, received: Received) -> MessageSummary:
        """What a list shows of it."""
        found = self._glances.get(received.id)
        if found is None:
            found = MessageSummary(received)
            if received.id in self.backend:
                self._glances[received.id] = found
                self.backend.hold(received.id, found.held)
        return found

    def find(self, query: SearchQuery) -> CooperativeWork[list[int]]:
        """
        Find the numbers of the messages that ``query`` is about; the newest first.

        Raises:
            Busy: It takes too long.
        """
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
        except KeyError:  # deleted meanwhile
            return False
        return self.glance(received).matches(query, received)

    def wait(self, query: SearchQuery, number: int, seconds: float, most: int) -> CooperativeWork[list[int]]:
        """
        Wait for messages that ``query`` is about; each is looked at once, when it has arrived.

        Args:
            number: Of the last message that need not be looked at.
            seconds: After these nothing is found.
            most: Requests that may wait.

        Raises:
            Busy: Too many wait.
        """
        if len(self._polls) >= most:
            raise Busy
        poll = _Poll()
        self._polls.add(poll)
        timeout = self._reactor.callLater(seconds, poll.end)
        try:
            while True:
                found = []
                fresh = [each.id for each in self.backend.newer(number)]
                for number in fresh:
                    if self._matches(query, number):
                        found.append(number)
                    yield None
                if found or poll.over:
                    return found[::-1]
                if not fresh:
                    yield poll.asleep()
        finally:
            self._polls.discard(poll)
            if timeout.active():
                timeout.cancel()

    def delete(self, numbers: list[int]) -> CooperativeWork[None]:
        """Delete messages, of which some may be gone."""
        for number in numbers:
            if number in self.backend:
                self.backend.delete(number)
            yield None

    def get(self, name: str) -> Received:
        """
        The message that ``name``, its number or ``latest``, stands for.

        Raises:
            KeyError: There is none.
        """
        if name == "latest":
            return self.backend.get(max(self.backend.numbers, default=0))
        if not (asciitext.is_number(name) and len(name) < 16):
            raise KeyError(name)
        return self.backend.get(int(name))

    def kept(self, number: int) -> Received:
        """
        The message with this number.

        Raises:
            MessageDeleted: It has been deleted meanwhile.
        """
        if number not in self.backend:
            raise MessageDeleted
        return self.backend.get(number)

    def source(self, number: int) -> Generator[bytes, None, None]:
        """
        The octets of a message, piece by piece.  The message is not kept for a client that reads slowly.

        Raises:
            MessageDeleted: It has been deleted meanwhile.
        """
        for at in range(0, len(self.kept(number).content), PIECE):
            yield self.kept(number).content[at : at + PIECE]

    def open(self, received: Received) -> CooperativeWork[MessageDetail]:
        """
        Open it.  What was opened last is at hand, for a page asks for its parts one by one.

        Raises:
            Busy: Too much is being opened.
            MessageDeleted: It was deleted before its turn came.
        """
        if self._opened is not None and self._opened[0] == received.id:
            return self._opened[1]
        octets = yield from self._view(received, "opened")
        opened = _header_of(received) if octets is None else MessageDetail.read(octets)
        self._keep(received, opened)
        return opened

    def frame(self, received: Received) -> CooperativeWork[bytes | None]:
        """Its HTML, safe to show, None where there is none; see `open`."""
        return self._view(received, "frame")

    def part(self, received: Received, number: int) -> CooperativeWork[bytes | None]:
        """The octets of a part, its transfer encoding undone, None where there is no such part; see `open`."""
        return self._view(received, "part", number)

    def _view(self, received: Received, view: str, number: int = 0) -> CooperativeWork[bytes | None]:
        """What `txsmtpx.inbox.parser_process_main` answers, None too where the message cannot be opened."""
        if received.id in self._too_heavy:
            return None
        try:
            if len(received.content) <= MAX_IN_PROCESS:
                return rendered_view(parsed_content(received.content), view, number)
            return (yield from result(self._opener.ask(received, view, number)))
        except (Busy, MessageDeleted):
            raise
        except LimitExceeded:
            pass
        except Exception:
            log.failure("queue={queue} this message cannot be opened", queue=received.queue_id)
        if received.id in self.backend:
            self._too_heavy.add(received.id)
        return None

    def _keep(self, received: Received, opened: MessageDetail) -> None:
        """Keep it as the last one, and count it as long as it is."""
        if self._opened is not None:
            number, before = self._opened
            self._opened = None
            self.backend.hold(number, -before.held)
        if received.id in self.backend:
            self._opened = received.id, opened
            self.backend.hold(received.id, opened.held)

    def mark_read(self, received: Received) -> None:
        """Somebody has read it, if it is still there."""
        if received.id in self.backend:
            self._read.add(received.id)

    def is_read(self, number: int) -> bool:
        """Whether somebody has."""
        return number in self._read

    @property
    def unread(self) -> int:
        """Messages that nobody has read."""
        return len(self.backend.numbers) - len(self._read)

    def summary(self, received: Received) -> dict[str, Any]:
        """What a list shows of it, for JSON."""
        return self.glance(received).summary(received) | {"read": self.is_read(received.id)}


class _Poll:
    """
    A request that waits for a message.

    Attributes:
        over: Whether its time is over.
    """

    def __init__(self) -> None:
        self.over = False
        self._event: Deferred[None] | None = None

    def asleep(self) -> Deferred[None]:
        """Fires when there is something to look at, or the time is over."""
        self._event = Deferred()
        return self._event

    def wake(self) -> None:
        """A message has arrived."""
        event, self._event = self._event, None
        if event is not None:
            event.callback(None)

    def end(self) -> None:
        """The time is over."""
        self.over = True
        self.wake()


def _header_of(received: Received) -> MessageDetail:
    try:
        return MessageDetail.header_of(ParsedMessage(received, glance=True))
    except Exception:
        log.failure("queue={queue} this message is shown by its source only", queue=received.queue_id)
        return MessageDetail(False, ())
