"""
The way of a message from its session into a thread, and back.

A message belongs to the thread that works for it, with its open files.  If its client vanishes meanwhile, the reactor's
thread sets a flag (`Delivery.abandoned`) and closes nothing.  Either the thread reads the flag before it renames the
message, and removes it.  Or the message is removed in a thread when the work for it has ended.
"""

from __future__ import annotations

from functools import partial
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txsmtpx.backends.maildir_delivery import Delivery
from txsmtpx.backends.maildir_group import AT_ONCE
from txsmtpx.backends.maildir_open import OpenMaildirs
from txsmtpx.backends.maildir_queue import DeliveryQueue
from txsmtpx.backends.maildir_threads import Each
from txsmtpx.interfaces import InThread

SHORT = 4
"""
Groups of short messages that are stored at the same time.  Two are enough for throughput: one writes files while the
disk works for the other.  With four, a file system that hangs for one group does not stop the others.
"""

LONG = 2
"""Long messages that are stored at the same time."""

T = TypeVar("T")


class MaildirWriter:
    """
    Stores the messages of all sessions of a reactor, whose thread calls it.  A `txsmtpx.MaildirBackend` creates it.

    Args:
        maildirs: The Maildirs that are held open.
        in_thread: It calls a function in a thread.
        each: It calls a function for each item.
        at_once: The same as ``in_thread``, but also if the reactor stops now.
    """

    def __init__(self, maildirs: OpenMaildirs, in_thread: InThread, each: Each, at_once: InThread) -> None:
        self._in_thread = in_thread
        self._at_once = at_once
        self._short = DeliveryQueue(SHORT, AT_ONCE, maildirs, in_thread, each)
        self._long = DeliveryQueue(LONG, 1, maildirs, in_thread, each)
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
        return self._until(self._in_thread(partial(delivery.write, octets)), delivery)

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
        queue = self._long if delivery.is_long else self._short
        return self._until(queue.store(delivery), delivery)

    def abandon(self, delivery: Delivery) -> None:
        """
        Remove what was written for a message, unless it has been stored.

        Args:
            delivery: The delivery, whose outcomes nothing waits for any more.
        """
        delivery.abandoned = True
        if delivery not in self._busy:
            self._at_once(delivery.discard).addErrback(lambda failure: delivery.discard())  # no thread was left

    def _until(self, work: Deferred[T], delivery: Delivery) -> Deferred[T]:
        """Return a Deferred of the result of a thread's work.  It can be cancelled, the work cannot."""
        result: Deferred[T] = Deferred()
        self._busy.add(delivery)

        def end(outcome: T | Failure) -> None:
            self._busy.discard(delivery)
            if delivery.abandoned:
                self.abandon(delivery)
            else:
                result.callback(outcome)

        work.addBoth(end)
        return result
