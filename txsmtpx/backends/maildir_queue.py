"""
Messages that have been received, and wait for a thread that stores them.

Theory of operation.  The thread that is called for the first message takes all messages that wait when it begins, and
stores them as one group (`txsmtpx.backends.maildir_group`).  So groups are large if much mail arrives, and a single
message waits for no other.  A message that ends after that is stored by the next thread, unless as many groups are
stored already as the queue allows.  Then it waits for the end of one of them.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txsmtpx.backends.maildir_delivery import Delivery
from txsmtpx.backends.maildir_group import store
from txsmtpx.backends.maildir_open import OpenMaildirs
from txsmtpx.backends.maildir_threads import Each
from txsmtpx.dialog.failure import own_error
from txsmtpx.interfaces import InThread

_Group = tuple[Sequence[tuple[Delivery, Deferred[None]]], BaseException | None]
"""Messages that were stored together; and an exception if nothing is known of any of them."""


class DeliveryQueue:
    """
    Deliveries that wait for a thread.  A `MaildirWriter` creates it; the reactor's thread calls it.

    Args:
        groups: Groups that are stored at the same time, at most.
        most: Messages of a group, at most.
        maildirs: The Maildirs that are held open.
        in_thread: It calls a function in a thread.
        each: It calls a function for each item.
    """

    def __init__(self, groups: int, most: int, maildirs: OpenMaildirs, in_thread: InThread, each: Each) -> None:
        self._free = groups
        self._most = most
        self._maildirs = maildirs
        self._in_thread = in_thread
        self._each = each
        self._waiting: deque[tuple[Delivery, Deferred[None]]] = deque()
        self._called = False  # a thread has been called for the messages that wait, and has not begun

    def store(self, delivery: Delivery) -> Deferred[None]:
        """
        Store a message.

        Args:
            delivery: The delivery.

        Returns:
            A Deferred that fires when the outcomes of the delivery are known.
        """
        stored: Deferred[None] = Deferred()
        self._waiting.append((delivery, stored))
        self._call()
        return stored

    def _call(self) -> None:
        if self._waiting and not self._called and self._free:
            self._called = True
            self._free -= 1
            self._in_thread(self._store_waiting).addBoth(self._end)

    def _store_waiting(self) -> _Group:
        """Store the messages that wait, in a thread."""
        self._called = False  # before the messages are taken, so that each later one calls a thread
        group = self._take(self._most)
        try:
            store([delivery for delivery, _ in group], self._maildirs, self._each)
        except BaseException as error:
            return group, error
        return group, None

    def _take(self, most: int) -> Sequence[tuple[Delivery, Deferred[None]]]:
        taken: list[tuple[Delivery, Deferred[None]]] = []
        with contextlib.suppress(IndexError):  # perhaps another thread has taken the last one just now
            while len(taken) < most:
                taken.append(self._waiting.popleft())
        return taken

    def _end(self, result: _Group | Failure) -> None:
        self._free += 1
        if isinstance(result, Failure):  # no thread has begun
            self._called = False
            result = (self._take(len(self._waiting)), result.value)
        group, error = result
        for _, stored in group:
            stored.callback(None if error is None else _failure(error))
        self._call()


def _failure(error: BaseException) -> Failure:
    """Return a failure for one message, since no two connections share an exception."""
    return Failure(own_error(error), exc_tb=error.__traceback__)
