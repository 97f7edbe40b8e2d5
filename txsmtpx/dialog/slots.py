"""
A place for the outcome of each recipient: RFC 2033 §4.2.

There is one slot for each position in RCPT order, so the same address twice is two slots.  A slot freezes when its
status arrives or its own clock fires, never when its turn to be written comes.  Outcomes may come from any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from txsmtpx.grammar.mailbox import mailbox_key
from txsmtpx.grammar.reply import Reply


class Slot:
    """
    The outcome of one recipient.

    Args:
        recipient: The address.
        reply: The outcome; None while it is open.

    Attributes:
        started: True if the backend has announced the outcome (`IDataContext.start_delivery`).
        deferred: A Deferred of the outcome, while it is awaited.
        timer: The timer of the recipient's own time-out, while it runs.
    """

    __slots__ = ("deferred", "recipient", "reply", "started", "timer")

    def __init__(self, recipient: str, reply: Reply | None = None) -> None:
        self.recipient: str = recipient
        self.reply: Reply | None = reply
        self.started: bool = False
        self.deferred: Deferred[object] | None = None
        self.timer: IDelayedCall | None = None

    def stop(self) -> None:
        """Stop the timer, and cancel the Deferred of the outcome."""
        timer, self.timer = self.timer, None
        if timer is not None and timer.active():
            timer.cancel()
        deferred, self.deferred = self.deferred, None
        if deferred is not None:
            deferred.cancel()


class Slots:
    """
    The slots of one message.  They are made when one is needed: most messages have one outcome for all recipients.

    Args:
        recipients: The addresses, in RCPT order.

    Attributes:
        made: The slots, in RCPT order; empty while none is needed.
        open: The number of slots without a reply.
        late_outcomes: The number of outcomes that came after their slot had frozen.
    """

    __slots__ = ("_alike", "_lock", "_named", "_recipients", "late_outcomes", "made", "open")

    def __init__(self, recipients: Sequence[str]) -> None:
        self.made: list[Slot] = []
        self.open: int = 0
        self.late_outcomes: int = 0
        self._recipients = recipients
        self._named: dict[str, list[Slot]] = {}
        self._alike: dict[str, list[Slot]] | None = None
        self._lock = threading.Lock()

    @property
    def replies(self) -> list[Reply]:
        """The outcomes that are known, in RCPT order."""
        return [slot.reply for slot in self.made if slot.reply is not None]

    def make(self, outcome: Reply | None = None) -> None:
        """
        Make a slot for each recipient.

        Args:
            outcome: The outcome of all of them, if it is known already.
        """
        self.made = [Slot(each, outcome) for each in self._recipients]
        for slot in self.made:
            self._named.setdefault(slot.recipient, []).append(slot)
        self.open = len(self.made) if outcome is None else 0

    def find(self, recipient: str | int, suits: Callable[[Slot], bool], outcome: Reply | None) -> Slot | None:
        """
        Find the first suitable slot of a recipient, and make the slots if there are none.

        Args:
            recipient: Its position, its exact name, or any name of the same mailbox (`mailbox_key`).
            suits: Takes a slot, and returns True if it is suitable.
            outcome: The outcome of all slots, if they are made now and it is known already.

        Returns:
            The slot; None if no slot of the recipient is suitable.

        Raises:
            ValueError: There is no such recipient.
        """
        with self._lock:
            if not self.made:
                self.make(outcome)
            if isinstance(recipient, int):
                if not 0 <= recipient < len(self.made):
                    raise ValueError(f"no recipient has the position {recipient}")
                named = [self.made[recipient]]
            elif isinstance(recipient, str):
                named = self._named.get(recipient) or self._of_mailbox(recipient)
            else:
                named = []
        if not named:
            raise ValueError(f"no recipient {recipient!r}")
        return next((slot for slot in named if suits(slot)), None)

    def _of_mailbox(self, recipient: str) -> list[Slot]:
        if self._alike is None:
            self._alike = {}
            for slot in self.made:
                self._alike.setdefault(mailbox_key(slot.recipient), []).append(slot)
        return self._alike.get(mailbox_key(recipient), [])

    def freeze(self, slot: Slot, reply: Reply) -> bool:
        """
        Set the outcome of a slot that has none.

        Args:
            slot: A slot of `made`.
            reply: The outcome.

        Returns:
            True if the outcome counts.
        """
        with self._lock:
            if slot.reply is not None:
                return False
            slot.reply = reply
            self.open -= 1
            return True

    def count_late(self) -> None:
        """Count an outcome that came too late."""
        with self._lock:
            self.late_outcomes += 1

    def override(self, reply: Reply) -> None:
        """
        Replace the outcome of every slot.

        Args:
            reply: The outcome of all of them.
        """
        with self._lock:
            for slot in self.made:
                slot.reply = reply
            self.open = 0
