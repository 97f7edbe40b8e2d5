"""
The way of a message into a thread and back: pieces of large messages alone, the ends of small messages in groups.

Theory of operation.  A message that ends waits until a thread is free for it.  That thread takes all messages that wait
at that time, and stores them as one group (`txsmtpx.backends.maildir_group`).  So groups are large if much mail
arrives, and a single message waits for no other.  At most `GROUPS` groups are stored at the same time.

A message belongs to the thread that works for it, with its files.  So a client that vanishes meanwhile changes nothing
but a flag (`Delivery.abandoned`).  Either the thread reads the flag before it renames the message, and removes it; or
the message is removed in a thread, when the work for it has ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txsmtpx.backends.maildir_delivery import Delivery
from txsmtpx.backends.maildir_group import AT_ONCE, store
from txsmtpx.backends.maildir_open import OpenMaildirs
from txsmtpx.backends.maildir_threads import Each
from txsmtpx.dialog.failure import own_error
from txsmtpx.interfaces import InThread

GROUPS = 2
"""Groups that are stored at the same time.  One writes files while the disk works for the others."""

_Group = tuple[Sequence[tuple[Delivery, Deferred[None]]], BaseException | None]
"""Messages that were stored together, and an exception that says nothing about a single one of them."""


class MaildirWriter:
    """
    Stores the messages of all sessions.  `txsmtpx.MaildirBackend` creates it; the reactor's thread calls it.

    Args:
        maildirs: The Maildirs that are held open.
        in_thread: It calls a function in a thread.
        each: It calls a function for each item, in several threads.
    """

    def __init__(self, maildirs: OpenMaildirs, in_thread: InThread, each: Each) -> None:
        self._maildirs = maildirs
        self._in_thread = in_thread
        self._each = each
        self._waiting: deque[tuple[Delivery, Deferred[None]]] = deque()
        self._called = False  # a thread has been called for the messages that wait, and has not begun
        self._groups = 0
        self._busy: set[Delivery] = set()  # those that a thread works for, or will

    def write(self, delivery: Delivery, octets: bytes) -> Deferred[None]:
        """
        Write octets of a large message.

        Args:
            delivery: The delivery.
            octets: The next octets.

        Returns:
            A Deferred that fires when they are in a file.  It fails with an OSError if no Maildir can be written.
        """
        return self._alone(delivery, partial(delivery.write, octets))

    def store(self, delivery: Delivery, last: bytes) -> Deferred[None]:
        """
        Store a message.

        Args:
            delivery: The delivery.
            last: The last octets of the message.

        Returns:
            A Deferred that fires when the outcomes of the delivery are known.
        """
        delivery.last = last
        if delivery.is_long:
            return self._alone(delivery, partial(store, [delivery], self._maildirs, self._each))
        self._busy.add(delivery)
        stored: Deferred[None] = Deferred()
        self._waiting.append((delivery, stored))
        self._begin()
        return stored

    def abandon(self, delivery: Delivery) -> None:
        """
        Remove what was written for a message, unless it has been stored.

        Args:
            delivery: The delivery, whose outcomes nothing waits for any more.
        """
        delivery.abandoned = True
        if delivery not in self._busy:
            self._in_thread(delivery.discard)

    def _alone(self, delivery: Delivery, function: Callable[[], None]) -> Deferred[None]:
        """Call a function for one message in a thread."""
        done: Deferred[None] = Deferred()
        self._busy.add(delivery)
        self._in_thread(function).addBoth(self._end, delivery, done)
        return done

    def _end(self, result: Failure | None, delivery: Delivery, done: Deferred[None]) -> None:
        self._busy.discard(delivery)
        if delivery.abandoned:
            self.abandon(delivery)
        else:
            done.callback(result)

    def _begin(self) -> None:
        """Call a thread for the messages that wait, unless one has been called and has not begun."""
        if self._waiting and not self._called and self._groups < GROUPS:
            self._called = True
            self._groups += 1
            self._in_thread(self._store_waiting).addBoth(self._end_group)

    def _store_waiting(self) -> _Group:
        """Store the messages that wait; in a thread."""
        self._called = False  # from now on, a message that ends needs another thread
        group: list[tuple[Delivery, Deferred[None]]] = []
        while self._waiting and len(group) < AT_ONCE:
            group.append(self._waiting.popleft())
        try:
            store([delivery for delivery, _ in group], self._maildirs, self._each)
        except BaseException as error:
            return group, error
        return group, None

    def _end_group(self, result: _Group | Failure) -> None:
        self._groups -= 1
        if isinstance(result, Failure):  # no thread has begun
            self._called = False
            result = (tuple(self._waiting), result.value)
            self._waiting.clear()
        group, error = result
        for delivery, stored in group:
            self._end(None if error is None else _failure(error), delivery, stored)
        self._begin()


def _failure(error: BaseException) -> Failure:
    """Return a failure for one message, since no two connections share an exception."""
    return Failure(own_error(error), exc_tb=error.__traceback__)
