"""
The messages of a file as a store of the inbox.

Theory of operation: SQLite waits for the disk, so it is used in two threads.  The first one writes.  The second one
reads, from its own connection: SQLite's write-ahead log lets it read what was committed before, while the first one
writes.

A message of 32 MiB takes its size in memory while it is open.  Requests for the same message share it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.backends.received import Received
from txsmtpx.inbox.change_reports import ChangeReports
from txsmtpx.inbox.database_groups import GroupWriter
from txsmtpx.inbox.database_reader import DatabaseReader
from txsmtpx.inbox.database_writer import DatabaseWriter
from txsmtpx.inbox.file_mailboxes import FileMailboxes
from txsmtpx.inbox.file_tags import FileTags
from txsmtpx.inbox.inbox_store import Found, StoreChange
from txsmtpx.inbox.listed_message import ListedMessage
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.inbox.store_limits import StoreLimits
from txsmtpx.interfaces import InThread
from txsmtpx.stores.database_thread import DatabaseThread
from txsmtpx.web.cooperative_work import CooperativeWork, result_of
from txsmtpx.web.web_errors import Busy

log = Logger(__name__)

T = TypeVar("T")

LEFT = -1
"""The deletion that has the messages which the process before has deleted."""

MAX_OPEN = 256 * 1024 * 1024
"""Octets of all messages that are open.  A further one gets 503."""


class DatabaseStore(ChangeReports):
    """
    Keep messages in a file, and show them; see `InboxStore` for the methods.  `InboxBackend` creates it.

    Args:
        path: The path of the file.
        limits: The limits.
        now: A function that returns the time, in seconds since the epoch.
        in_thread: It calls a function in a thread, see `DatabaseThread`.  None: two threads of this store.
    """

    def __init__(
        self, path: str, limits: StoreLimits, now: Callable[[], float], in_thread: InThread | None = None
    ) -> None:
        super().__init__()
        self._writer = DatabaseWriter(path, limits)
        self._reader = DatabaseReader(path)
        self._now = now
        self._in_writer: InThread = in_thread or DatabaseThread("inbox-writer")
        self._in_reader: InThread = in_thread or DatabaseThread("inbox-reader")
        self.mailboxes: FileMailboxes = FileMailboxes(self._read, self._reader, self._writer)
        self.tags: FileTags = FileTags(self._read, self._change, self._reader, self._writer, self._marked)
        self._open = False
        self._groups = GroupWriter(self._writer, self._in_writer, now, self._kept)
        self._hidden: set[int] = set()
        self._loading = 0
        self._messages: weakref.WeakValueDictionary[int, Received] = weakref.WeakValueDictionary()

    @property
    def total(self) -> int:
        """The number of messages.  It is known when the file has been read."""
        return self._writer.totals.messages

    @property
    def unread(self) -> int:
        """The number of messages that were not read.  It is known when the file has been read."""
        return self._writer.totals.unread

    def start(self) -> None:
        """Do nothing: changes are reported always."""

    def stop(self) -> None:
        """Do nothing: mail is still kept."""

    def close(self) -> Deferred[None]:
        """
        Close the file, when the messages that wait have been written.

        Returns:
            A Deferred that fires when the file is closed.
        """
        closed: Deferred[None] = self._in_reader(self._reader.close)
        return closed.addCallback(lambda _: self._in_writer(self._writer.close))

    def _deleted(self, numbers: Sequence[int]) -> None:
        if numbers:
            for number in numbers:
                self._messages.pop(number, None)
            self.report(StoreChange("deleted", numbers))

    def keep(self, received: Received) -> Deferred[int]:
        """
        Write a message.

        Args:
            received: The message.  Its ``id`` is ignored.

        Returns:
            A Deferred of the number of the message, when it is on the disk.  It fails with `NotStored`.
        """
        return self._groups.keep(received)

    def _kept(self, messages: Sequence[ListedMessage], gone: Sequence[int]) -> None:
        self._ready()
        for each in messages:
            self.report(StoreChange("arrived", [each.id], partial(_itself, each), each.mailboxes, each.size))
        self._deleted(gone)

    def _ready(self) -> None:
        """Remove what the process before has deleted, when the file is open."""
        if not self._open:
            self._open = True
            self._hidden.add(LEFT)
            self.discard(LEFT)

    def _read(self, function: Callable[..., T], *arguments: object) -> CooperativeWork[T]:
        if not self._open:
            yield from result_of(self._in_writer(self._writer.open))
            self._ready()
        found: Deferred[T] = self._in_reader(function, *arguments)
        return (yield from result_of(found))

    def _change(self, then: Callable[[T], None], function: Callable[..., T], *arguments: object) -> CooperativeWork[T]:
        """Change the file, and call a function with the result, also if the request ends before."""
        ended: Deferred[T] = Deferred()

        def told(result: T) -> T:
            self._ready()
            then(result)
            return result

        self._in_writer(function, *arguments).addCallback(told).addBoth(ended.callback)
        return (yield from result_of(ended))

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
            Deferreds to wait for.
        """
        yield from self._read(self._reader.latest)  # so that the total is known
        found = yield from self._read(self._reader.listed, query, start, limit, self.total, bool(self._hidden))
        messages = (ListedMessage.deserialized(number, bool(read), text) for number, read, text in found.rows)
        return Found(found.total, messages, bool(found.rows), sum(len(text) for _, _, text in found.rows))

    def numbers(self, query: SearchQuery, after: int = 0) -> CooperativeWork[list[int]]:
        """
        Search, and return the numbers of all messages that match.

        Args:
            query: The query.
            after: Search only messages with a greater number.

        Returns:
            The numbers, newest first.
        """
        return self._read(self._reader.numbers, query, after, bool(self._hidden))

    def latest(self) -> CooperativeWork[int]:
        """
        Return the number of the newest message.

        Returns:
            The number; 0 without messages.
        """
        return self._read(self._reader.latest)

    def described(self, number: int) -> CooperativeWork[ListedMessage]:
        """
        Return a message as a list has it.

        Args:
            number: The number of the message.

        Returns:
            The message.

        Yields:
            Deferreds to wait for.
        """
        number, read, text = yield from self._read(self._reader.described, number)
        return ListedMessage.deserialized(number, bool(read), text)

    def message(self, number: int) -> CooperativeWork[Received]:
        """
        Return a message.

        Args:
            number: The number of the message.

        Returns:
            The message.

        Yields:
            Deferreds to wait for.

        Raises:
            Busy: The messages that are open take more than `MAX_OPEN`.
        """
        found = self._messages.get(number)
        if found is not None:
            return found
        size = yield from self._read(self._reader.size, number)
        held = self._loading + sum(len(each.content) for each in self._messages.values())
        if held and held + size > MAX_OPEN:
            raise Busy
        self._loading += size
        try:
            found = yield from self._read(self._reader.message, number)
        finally:
            self._loading -= size
        return self._messages.setdefault(number, found)

    def piece(self, number: int, start: int, size: int) -> CooperativeWork[bytes]:
        """
        Read a piece of a message.

        Args:
            number: The number of the message.
            start: The offset of the first octet.
            size: The octets to read.

        Returns:
            The octets.
        """
        return self._read(self._reader.piece, number, start, size)

    def hold(self, number: int, octets: int) -> bool:
        """
        Do nothing: the limits are those of the file.

        Args:
            number: The number of the message.
            octets: The octets.

        Returns:
            True.
        """
        return True

    def mark(self, numbers: Sequence[int], read: bool) -> CooperativeWork[None]:
        """
        Mark messages as read or unread.

        Args:
            numbers: The numbers.
            read: True for read.

        Yields:
            Deferreds to wait for.
        """
        yield from self._change(self._marked, self._writer.mark, numbers, read)

    def _marked(self, changed: list[int]) -> None:
        if changed:
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
            Deferreds to wait for.
        """
        self._hidden.add(deletion)
        return len((yield from self._change(self._deleted, self._writer.withdraw, numbers, deletion)))

    def restore(self, deletion: int) -> CooperativeWork[int]:
        """
        Undo a deletion.

        Args:
            deletion: The number of the deletion.

        Returns:
            The number of messages that are back.

        Yields:
            Deferreds to wait for.
        """
        back, _ = yield from self._change(self._restored, self._writer.restore, deletion, self._now())
        self._hidden.discard(deletion)
        return len(back)

    def _restored(self, result: tuple[list[int], list[int]]) -> None:
        back, gone = result
        if back:
            self.report(StoreChange("restored", back))
        self._deleted(gone)

    def discard(self, deletion: int) -> None:
        """
        Make a deletion final.  The messages are removed in steps.

        Args:
            deletion: The number of the deletion.
        """
        self._in_writer(self._writer.purge, deletion).addCallbacks(self._purged, _log_purge, (deletion,))

    def _purged(self, more: bool, deletion: int) -> None:
        if more:
            self.discard(deletion)
        else:
            self._hidden.discard(deletion)

    def expire(self) -> None:
        """Delete the messages that are too old."""
        self._in_writer(self._writer.expire, self._now()).addCallbacks(self._deleted, _log_purge)


def _itself(listed: ListedMessage) -> ListedMessage:
    return listed


def _log_purge(failure: Failure) -> None:
    log.error("the inbox cannot remove deleted messages from its file: {error}", error=failure.value)
