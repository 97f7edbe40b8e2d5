"""
The outcome of a message, for each recipient: RFC 2033 §4.2.

There is a slot for each, and a cursor, behind which all is written.  Under SMTP the same slots are folded into one
reply by the policy of the server.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.dialog.fields import addresses, clipped, fields, limited, quoted
from txsmtpx.dialog.message import Message
from txsmtpx.dialog.outcome import chosen, for_recipient, outcome_of, refusal
from txsmtpx.dialog.settings import Settings, first_success
from txsmtpx.dialog.slots import Slot, Slots
from txsmtpx.dialog.transaction import Transaction
from txsmtpx.grammar import replies, trace
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection, IDataContext, ISession
from txsmtpx.settling import settle

log = Logger(__name__)


@implementer(IDataContext)
class DataContext:
    """
    See `IDataContext`; the methods below the line are for the dialog.

    Attributes:
        late: Called as (recipient, status) for an outcome that came after its slot had frozen; where
            a delivery can be undone, this is the place.
        summary: The `txsmtpx.dialog.summary.Summary` of the transaction, where somebody wants one.
    """

    _asked: type[object]
    """The class of the session, once it has been asked."""

    def __init__(self, transaction: Transaction, connection: Connection, settings: Settings) -> None:
        self.sender = transaction.sender
        self.options = transaction.options
        self.recipients: Sequence[str] = tuple(transaction.recipients)
        self.recipient_options = tuple(transaction.recipient_options)
        self.queue_id = transaction.queue_id
        self.connection = connection
        self.summary = transaction.summary
        self._settings = settings
        self._thread = threading.get_ident()
        self._each = settings.lmtp or (self.options.prdr and len(self.recipients) > 1)
        self._slots = Slots(self.recipients)
        if self._each:
            self._slots.make()
        self.late: Callable[[str, Any], object] | None = None
        self._cursor = 0
        self._running: Deferred[Any] | None = None
        self._outcome: Reply | None = None
        self._write: Callable[[Reply], None] | None = None
        self._done: Deferred[Reply | None] | None = None
        self._cap: IDelayedCall | None = None
        self._message: Message | None = None

    def start_delivery(self, recipient: str | int, deferred: Any = None, timeout: float | None = None) -> None:
        """The outcome for ``recipient`` will come (`IDataContext.start_delivery`)."""
        if timeout is not None and not 0 <= timeout < math.inf:  # of which the clock would complain too late
            raise ValueError(f"timeout is a number of seconds, not {timeout!r}")
        slot = self._slots.find(recipient, lambda slot: not slot.started, self._outcome)
        if slot is None:
            raise ValueError(f"each delivery to {recipient!r} has begun already")
        slot.started = True
        if slot.reply is None and timeout is not None:
            slot.timer = self._settings.clock.callLater(timeout, self._expire, slot)
        try:
            result = settle(deferred)
        except BaseException:
            result = Failure()
        if isinstance(result, Deferred):
            slot.deferred = result
            result.addBoth(self._delivered, slot)
            if slot.reply is not None:
                slot.stop()
        elif deferred is not None:
            self._delivered(result, slot)

    def set_status(self, recipient: str | int, status: Any = None) -> bool:
        """The outcome for ``recipient`` (`IDataContext.set_status`)."""
        slot = self._slots.find(recipient, lambda slot: slot.reply is None, self._outcome)
        if slot is None or not self._slots.freeze(slot, self._of(status, "set_status()")):
            self._too_late(recipient if isinstance(recipient, str) else self.recipients[recipient], status)
            return False
        if threading.get_ident() == self._thread:
            self._settled(slot)
        else:
            self._settings.from_thread(self._settled, slot)
        return True

    def _of(self, status: Any, source: str = "a delivery") -> Reply:
        return outcome_of(status, self.connection.session_id, self.queue_id, source)

    def _chosen(self, source: str, choose: Callable[..., object], *arguments: Any) -> Reply:
        return chosen(lambda: choose(*arguments), self.connection.session_id, self.queue_id, source)

    def _settled(self, slot: Slot) -> None:
        slot.stop()
        self._progress()

    def _delivered(self, result: Any, slot: Slot) -> None:
        """The adopted Deferred has fired."""
        cancelled, slot.deferred = slot.deferred is None and slot.reply is not None, None
        if slot.reply is None:
            if self._slots.freeze(slot, self._of(result)):
                self._settled(slot)
        elif not (cancelled and isinstance(result, Failure)):
            self._too_late(slot.recipient, result)

    def _too_late(self, recipient: str, status: Any) -> None:
        self._slots.count_late()
        self._log(LogLevel.info, "late outcome for {recipient}", recipient=quoted(clipped(f"<{recipient}>")))
        if self.late is not None:
            try:
                self.late(recipient, status)
            except BaseException:  # which is not to hurt the worker that was late
                self._log(LogLevel.critical, "late() failed", log_failure=Failure())

    def _expire(self, slot: Slot) -> None:
        said = self._chosen("delivery_timed_out", self._settings.delivery_timed_out, slot.recipient)
        if self._slots.freeze(slot, said):
            self._settled(slot)

    @property
    def late_outcomes(self) -> int:
        """How many outcomes came after their slot had frozen."""
        return self._slots.late_outcomes

    def note(self, **facts: Any) -> None:
        """What the backend has to say of it (`IDataContext.note`)."""
        if self.summary is not None:
            self.summary.facts |= facts
        else:
            octets = 0 if self._message is None else self._message.received
            sender, recipients = clipped(f"<{self.sender}>"), clipped(addresses(self.recipients))
            envelope = {"from": sender, "to": recipients, "octets": octets}
            self._log(LogLevel.info, "{facts}", facts=fields({**envelope, **limited(facts)}))

    def received(self, when: float | None = None) -> bytes:
        """
        The Received header of this message (RFC 5321 §4.4).

        The recipient is named only where there is a single one, so that no blind copy is given away (RFC 5321 §7.2).

        Args:
            when: Seconds since the epoch, None for now.
        """
        connection = self.connection
        return trace.received(
            helo=connection.helo,
            peer=connection.peer_host,
            domain=connection.domain,
            protocol=connection.with_protocol(self.options.smtputf8),
            queue_id=self.queue_id,
            recipient=self.recipients[0] if len(self.recipients) == 1 else None,
            when=time.time() if when is None else when,
            priority=self.options.priority,
        )

    def another(self, transaction: Transaction) -> DataContext:
        """A context for what is done with this message besides, with outcomes of its own that the peer is not told."""
        return DataContext(transaction, self.connection, self._settings)

    # ---- for the dialog

    def run(self, session: ISession, message: Message) -> None:
        """Hand the message to the backend."""
        self._message = message
        self._asked = type(session)
        try:
            result = session.data(message, self)
            if result is not None:
                result = settle(result)
        except BaseException:
            self._failed(Failure())
            return
        if result is not None and isinstance(result, Deferred):
            self._running = result
            result.addCallbacks(self._returned, self._failed)
        else:
            self._returned(result)

    @property
    def _source(self) -> str:
        """What ``data`` is called in the log."""
        return f"{self._asked.__qualname__}.data()"

    def _returned(self, result: Any) -> None:
        """``data`` is over: its outcome is that of every slot that was never started."""
        self._running = None
        outcome = replies.queued_250(self.queue_id) if result is None else self._of(result, self._source)
        self._end(outcome, [slot for slot in self._slots if not slot.started])

    def _failed(self, failure: Failure) -> None:
        """``data`` has failed, and with it all that is still open."""
        self._running = None
        if self._outcome is None:
            self._end(refusal(failure, self.connection.session_id, self.queue_id, self._source), self._slots)

    def _end(self, outcome: Reply, slots: Iterable[Slot]) -> None:
        if self._outcome is None:
            self._outcome = outcome
        for slot in slots:
            if self._slots.freeze(slot, outcome):
                slot.stop()
        self._progress()

    def override(self, reply: Reply) -> None:
        """The message is not what it should be: whatever the backend said of it, this is the outcome."""
        self._each = self._settings.lmtp  # under PRDR one reply will do where there is nothing to tell apart
        self._settle_all(reply)
        self._stop()

    def lost(self, reason: Failure | Exception) -> None:
        """The message is given up: its reader learns why, which is no failure of his, and nobody waits any more."""
        self._done = None
        self._settle_all(replies.LOCAL_ERROR_451)
        if self._message is not None:
            self._message.fail(reason)
        self._stop()

    def _settle_all(self, reply: Reply) -> None:
        self._slots.override(reply)
        self._outcome = reply

    @property
    def outcomes(self) -> Sequence[Reply]:
        """The outcome of every recipient where each has its own, in RCPT order."""
        return self._slots.replies if self._each else ()

    @property
    def failure(self) -> Reply | None:
        """What ``data`` has already failed with, None while it has not."""
        return None if self._outcome is None or self._outcome.positive else self._outcome

    def conclude(self, write: Callable[[Reply], None]) -> Reply | Deferred[Reply | None] | None:
        """
        The message has come to its end: answer.

        Args:
            write: Takes the replies of LMTP and PRDR, each as soon as it and those before it are known.

        Returns:
            SMTP's reply, or None when all has been written, or a Deferred of either.
        """
        if self._each and not self._settings.lmtp:
            write(replies.RECIPIENTS_FOLLOW_353)
        self._write = write
        if self._complete():
            return self._final()
        self._done = Deferred(self._abandoned)
        self._cap = self._settings.clock.callLater(self._settings.delivery_timeout, self._give_up)
        return self._done

    def _abandoned(self, done: Deferred[Reply | None]) -> None:
        self._done = None

    def _complete(self) -> bool:
        """Whether every outcome is known; those of LMTP and PRDR are written as far as they are."""
        if self._each and self._write is not None:
            while self._cursor < len(self._slots):
                slot = self._slots[self._cursor]
                if slot.reply is None:
                    return False
                self._cursor += 1
                self._write(for_recipient(slot.recipient, slot.reply))
        return self._outcome is not None and not self._slots.open

    def _progress(self) -> None:
        if self._done is not None:
            if self._complete():
                done, self._done = self._done, None
                self._stop()
                done.callback(self._final())
        elif self._message is not None and self._complete():
            self._message.abandon()  # nobody will read what is still to come

    def _final(self) -> Reply | None:
        if self._settings.lmtp:
            return None
        assert self._outcome is not None
        outcomes = self._slots.replies
        # Under PRDR a no at the end would be one for those too who were told yes.
        policy = first_success if self._each else self._settings.outcome_policy
        return self._chosen("outcome_policy", policy, outcomes, self._outcome) if outcomes else self._outcome

    def _log(self, level: Any, text: str, **of: Any) -> None:
        """What belongs to this transaction says so."""
        ids = {"session": self.connection.session_id, "queue": self.queue_id}
        log.emit(level, f"session={{session}} queue={{queue}} {text}", **{**of, **ids})

    def _give_up(self) -> None:
        """The server-wide cap: what has no outcome by now gets none."""
        self._log(LogLevel.warn, "no outcome in time")
        self._cap = None
        running, self._running = self._running, None
        self._end(replies.delivery_expired_451(self.queue_id), self._slots)
        if running is not None:
            running.cancel()

    def _stop(self) -> None:
        """End every clock and everything that still runs."""
        cap, self._cap = self._cap, None
        if cap is not None and cap.active():
            cap.cancel()
        for slot in self._slots:
            slot.stop()
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
