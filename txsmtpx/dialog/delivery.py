"""
What a backend gets with a message: the envelope, and the outcome of each recipient to report (RFC 2033 §4.2).

The `Transaction` (`txsmtpx.dialog.server_transaction`) has the outcomes and answers the client.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import cast

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.dialog.fields import addresses, clipped, fields, limited, quoted
from txsmtpx.dialog.outcome_reply import chosen, outcome_of
from txsmtpx.dialog.server_transaction import Transaction, queued_250
from txsmtpx.dialog.slots import Slot
from txsmtpx.grammar import trace
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection, IDataContext, Outcome, Results
from txsmtpx.settling import settle

log = Logger(__name__)


@implementer(IDataContext)
class DataContext:
    """
    The envelope and the outcomes of one message, for its backend; see `IDataContext`.  The dialog creates it.

    Args:
        transaction: The message, from its envelope to its replies.

    Attributes:
        late: Called as (recipient, status) for an outcome that came after the recipient had one.  If a backend can
            undo a delivery, this is the place.
    """

    def __init__(self, transaction: Transaction) -> None:
        self.sender: str = transaction.sender
        self.options: MailOptions = transaction.options
        self.recipients: tuple[str, ...] = tuple(transaction.recipients)
        self.recipient_options: tuple[RcptOptions, ...] = tuple(transaction.recipient_options)
        self.queue_id: str = transaction.queue_id
        self.connection: Connection = transaction.connection
        self.late: Callable[[str, Outcome], object] | None = None
        self._transaction = transaction
        self._thread = threading.get_ident()

    def start_delivery(self, recipient: str | int, deferred: object = None, timeout: float | None = None) -> None:
        """
        Announce the outcome for a recipient (`IDataContext.start_delivery`).

        Args:
            recipient: The address, or its position in `recipients`.
            deferred: A Deferred or coroutine of the outcome; None if `set_status` reports it.
            timeout: Seconds from now, from 0 on; None for none of its own.

        Raises:
            TypeError: `timeout` is not a number.
            ValueError: There is no such recipient, each delivery to it has begun, or `timeout` is no number of seconds.
        """
        if not isinstance(timeout, int | float | None):
            raise TypeError(f"timeout is a number of seconds, not {timeout!r}")
        if timeout is not None and not 0 <= timeout < math.inf:  # the clock would complain too late
            raise ValueError(f"timeout is a number of seconds, not {timeout!r}")
        transaction = self._transaction
        slot = transaction.slots.find(recipient, lambda slot: not slot.started, transaction.outcome)
        if slot is None:
            raise ValueError(f"each delivery to {recipient!r} has begun already")
        slot.started = True
        if slot.reply is None and timeout is not None:
            slot.timer = transaction.settings.clock.callLater(timeout, self._expire, slot)
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

    def _delivered(self, result: object, slot: Slot) -> None:
        """The Deferred of a delivery has fired."""
        cancelled, slot.deferred = slot.deferred is None and slot.reply is not None, None
        if slot.reply is None:
            if self._transaction.slots.freeze(slot, self._of(result, "a delivery")):
                self._settled(slot)
        elif not (cancelled and isinstance(result, Failure)):
            self._too_late(slot.recipient, result)

    def set_status(self, recipient: str | int, status: object = None) -> bool:
        """
        Report the outcome for a recipient, from any thread (`IDataContext.set_status`).

        Args:
            recipient: The address, of which the first without an outcome is meant; or its position in `recipients`.
            status: None, a `str`, a `Reply`, an `SMTPError` or a Failure.

        Returns:
            True if it counts; False if it is late or second.

        Raises:
            ValueError: There is no such recipient.
        """
        transaction = self._transaction
        slot = transaction.slots.find(recipient, lambda slot: slot.reply is None, transaction.outcome)
        if slot is None or not transaction.slots.freeze(slot, self._of(status, "set_status()")):
            self._too_late(recipient if isinstance(recipient, str) else self.recipients[recipient], status)
            return False
        if threading.get_ident() == self._thread:
            self._settled(slot)
        else:
            transaction.settings.from_thread(self._settled, slot)
        return True

    def _expire(self, slot: Slot) -> None:
        """The time-out of a recipient has passed."""
        timed_out = self._transaction.settings.delivery_timed_out
        session_id = self.connection.session_id
        reply = chosen(lambda: timed_out(slot.recipient), session_id, self.queue_id, "delivery_timed_out")
        if self._transaction.slots.freeze(slot, reply):
            self._settled(slot)

    def _settled(self, slot: Slot) -> None:
        """Go on with the outcome of a recipient; called in the reactor's thread."""
        slot.stop()
        self._transaction.progress()

    def _of(self, status: object, source: str) -> Reply:
        if status is None:
            return queued_250(self.queue_id)
        return outcome_of(status, self.connection.session_id, self.queue_id, source)

    def _too_late(self, recipient: str, status: object) -> None:
        self._transaction.slots.count_late()
        session_id, name = self.connection.session_id, quoted(clipped(f"<{recipient}>"))
        text = "session={session} queue={queue} late outcome for {recipient}"
        log.info(text, session=session_id, queue=self.queue_id, recipient=name)
        if self.late is not None:
            try:
                self.late(recipient, cast(Outcome, status))
            except BaseException:  # the worker that was late must not fail by it
                log.failure("session={session} queue={queue} late() failed", session=session_id, queue=self.queue_id)

    @property
    def results(self) -> Results:
        """The results of filters on this connection, and in its present transaction."""
        return self.connection.results

    @property
    def late_outcomes(self) -> int:
        """The number of outcomes that came after their recipient had one."""
        return self._transaction.slots.late_outcomes

    @property
    def over(self) -> bool:
        """True if `ISession.data` has returned, or was cancelled, as by a lost connection."""
        return self._transaction.outcome is not None

    def note(self, **facts: object) -> None:
        """
        Add facts about the message to the log (`IDataContext.note`).

        Args:
            facts: The facts by name, `str` or numbers.
        """
        transaction = self._transaction
        if transaction.facts is not None:
            transaction.facts |= facts
            return
        octets = transaction.message.received
        envelope = {"from": clipped(f"<{self.sender}>"), "to": clipped(addresses(self.recipients)), "octets": octets}
        noted = fields({**envelope, **limited(facts)})
        text = "session={session} queue={queue} {facts}"
        log.info(text, session=self.connection.session_id, queue=self.queue_id, facts=noted)

    def received(self, when: float | None = None) -> bytes:
        """
        Return the Received header of this message (RFC 5321 §4.4).

        It names the recipient only if there is one, so that no blind copy is given away (RFC 5321 §7.2).

        Args:
            when: Seconds since the epoch; None for now.

        Returns:
            The header field, with its line ends.
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

    def another(self, sender: str) -> Transaction:
        """
        Create a transaction for a copy of this message, whose outcomes the client does not get.

        Args:
            sender: The sender of the copy.

        Returns:
            The transaction, which has no recipients yet.
        """
        transaction = Transaction(sender, self.options, self.queue_id, self.connection, self._transaction.settings)
        transaction.facts = None  # observers get no summary of it
        return transaction
