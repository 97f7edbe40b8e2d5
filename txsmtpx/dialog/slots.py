"""
A place for the outcome of each recipient: RFC 2033 §4.2.

One slot a position in RCPT order (the same address twice is two slots).  A slot freezes when its status arrives or
its own clock fires, never when its turn to be written comes.  Outcomes may come from any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from txsmtpx.grammar.mailbox import mailbox_key
from txsmtpx.grammar.reply import Reply


class Slot:
    """One recipient's outcome: open until ``reply`` is set."""

    __slots__ = ("deferred", "recipient", "reply", "started", "timer")

    def __init__(self, recipient: str, reply: Reply | None = None) -> None:
        self.recipient = recipient
        self.reply = reply
        self.started = False
        self.deferred: Deferred[Any] | None = None
        self.timer: IDelayedCall | None = None

    def stop(self) -> None:
        """Nobody waits for this any more."""
        timer, self.timer = self.timer, None
        if timer is not None and timer.active():
            timer.cancel()
        deferred, self.deferred = self.deferred, None
        if deferred is not None:
            deferred.cancel()


class Slots:
    """
    Those of one message.  They are made when one is asked for: most messages have one outcome for all.

    Attributes:
        open: How many have no reply yet.
        late_outcomes: How many replies came too late.
    """

    __slots__ = ("_alike", "_lock", "_made", "_named", "_recipients", "late_outcomes", "open")

    def __init__(self, recipients: Sequence[str]) -> None:
        self.open = self.late_outcomes = 0
        self._recipients = recipients
        self._made: list[Slot] = []
        self._named: dict[str, list[Slot]] = {}
        self._alike: dict[str, list[Slot]] | None = None
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    def __getitem__(self, position: int) -> Slot:
        return self._made[position]

    @property
    def replies(self) -> list[Reply]:
        """The outcomes that are known, in RCPT order."""
        return [slot.reply for slot in self._made if slot.reply is not None]

    def make(self, outcome: Reply | None = None) -> None:
        """
        One for each recipient.

        Args:
            outcome: What is known of all of them already.
        """
        self._made = [Slot(each, outcome) for each in self._recipients]
        for slot in self._made:
            self._named.setdefault(slot.recipient, []).append(slot)
        self.open = len(self._made) if outcome is None else 0

    def find(self, recipient: str | int, suits: Callable[[Slot], bool], outcome: Reply | None) -> Slot | None:
        """
        The first suitable slot of ``recipient``: its position, its exact name, then any name of the same mailbox.

        Args:
            outcome: See `make`, where they are made by this.

        Raises:
            ValueError: There is no such recipient.
        """
        with self._lock:
            if not self._made:
                self.make(outcome)
            if isinstance(recipient, int):
                if not 0 <= recipient < len(self._made):
                    raise ValueError(f"no recipient has the position {recipient}")
                named = [self._made[recipient]]
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
            for slot in self._made:
                self._alike.setdefault(mailbox_key(slot.recipient), []).append(slot)
        return self._alike.get(mailbox_key(recipient), [])

    def freeze(self, slot: Slot, reply: Reply) -> bool:
        """``reply`` is the outcome for ``slot``, unless it has one; whether it counted."""
        with self._lock:
            if slot.reply is not None:
                return False
            slot.reply = reply
            self.open -= 1
            return True

    def count_late(self) -> None:
        """A reply came too late."""
        with self._lock:
            self.late_outcomes += 1

    def override(self, reply: Reply) -> None:
        """``reply`` is the outcome for all, whatever they had."""
        with self._lock:
            for slot in self._made:
                slot.reply = reply
            self.open = 0
