"""
One message on the server, from the accepted MAIL to its replies: RFC 5321 §3.3.

`Transaction` has all of it: the envelope, the message as it comes, the outcome of each recipient, and the summary at
the end.  `Transaction.state` is its progress; `txsmtpx.dialog.state` has the states and their order.

The dialog (`txsmtpx.dialog.server`) creates a transaction for each accepted MAIL and drives it: `begin` at DATA or the
first BDAT, `finish` at the end of the data, `abort` for RSET or a lost connection.  The backend gets a `DataContext`
(`txsmtpx.dialog.delivery`), which reports outcomes to it.
Under LMTP and PRDR each recipient has a reply of its own (RFC 2033 §4.2).  Under SMTP the policy of the server makes
one reply of all outcomes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import CoroutineType
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.dialog.message import Message
from txsmtpx.dialog.outcome_reply import chosen, for_recipient, outcome_of, refusal
from txsmtpx.dialog.settings import Settings, first_success
from txsmtpx.dialog.slots import Slots
from txsmtpx.dialog.state import ABORTED, ANSWERED, CONTENT, DELIVERY, ENVELOPE, MessageState
from txsmtpx.dialog.summary import Summary
from txsmtpx.errors import SMTPError
from txsmtpx.grammar import replies
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection, DataContext, SessionLike
from txsmtpx.settling import run

log = Logger(__name__)


def queued_250(queue_id: str) -> Reply:
    """
    Return the reply to a message that the backend has accepted.

    Args:
        queue_id: The identifier of the message.

    Returns:
        The reply.
    """
    return Reply(250, (2, 0, 0), f"Ok: queued as {queue_id}")


class Transaction:
    """
    One message, from its envelope to its replies.

    Args:
        sender: The address of MAIL; "" for the null path.
        options: The parameters of MAIL.
        queue_id: The name of the transaction in replies and logs.
        connection: The client's connection.
        settings: The settings of the server.

    Attributes:
        state: Where the message stands.
        recipients: The addresses that were accepted, in RCPT order.
        recipient_options: The parameters of RCPT, for each of `recipients`.
        rejected: The number of rejected RCPTs.
        octets: Octets of the message that have come; 0 until the end of the transaction.
        outcome: The reply that `ISession.data` led to; None while it runs.
        facts: What the backend notes for the summary; None if no observer takes summaries.
        message: The message; not in ENVELOPE.
        slots: The outcomes of single recipients; not in ENVELOPE.
    """

    message: Message
    slots: Slots
    _session_type: type[object]  # for the log; set with the two above

    def __init__(
        self, sender: str, options: MailOptions, queue_id: str, connection: Connection, settings: Settings
    ) -> None:
        self.state: MessageState = ENVELOPE
        self.sender = sender
        self.options = options
        self.queue_id = queue_id
        self.connection = connection
        self.settings = settings
        self.recipients: list[str] = []
        self.recipient_options: list[RcptOptions] = []
        self.rejected = 0
        self.octets: int = 0
        self.outcome: Reply | None = None
        self.facts: dict[str, object] | None = None
        if settings.observers.concluded is not None:
            self.facts = {}
            self._began = self._completed = settings.clock.seconds()
        self._each = False  # whether each recipient has a reply of its own
        self._written = 0  # the number of those replies that are written
        self._reply: Reply | None = None  # SMTP's one reply, once it is written
        self._write: Callable[[Reply], None] | None = None
        self._running: Deferred[object] | None = None  # of ISession.data
        self._waiting: Deferred[Reply | None] | None = None  # of finish, while outcomes are pending
        self._limit: IDelayedCall | None = None  # of that wait

    # ---- CONTENT

    def begin(self, session: SessionLike, message: Message, context: DataContext) -> None:
        """
        Hand the message to the backend, at DATA or the first BDAT.

        Args:
            session: The backend's session, whose `data` is called.
            message: The message, which takes octets as they come.
            context: The envelope and the outcomes as the backend sees them.
        """
        self.state = CONTENT
        self.message = message
        self.slots = Slots(tuple(self.recipients))
        self._session_type = type(session)
        self._each = self.settings.lmtp or (self.options.prdr and len(self.recipients) > 1)
        if self._each:
            self.slots.make()
        try:
            result: object = session.data(message, context)
            if isinstance(result, CoroutineType):  # which waits for the message, as nearly all do
                result = run(result)
        except BaseException:
            self._failed(Failure())
            return
        if result is not None and isinstance(result, Deferred):
            self._running = result
            result.addCallbacks(self._returned, self._failed)
        else:
            self._returned(result)

    def _returned(self, result: object) -> None:
        """`data` has returned: its outcome is that of all slots that were never started."""
        self._running = None
        if result is None:
            outcome = queued_250(self.queue_id)
        else:
            outcome = outcome_of(result, self.connection.session_id, self.queue_id, self._source)
        if self.outcome is None:
            self.outcome = outcome
        for slot in self.slots.made:
            if not slot.started and self.slots.freeze(slot, outcome):
                slot.stop()
        self.progress()

    def _failed(self, failure: Failure) -> None:
        """`data` has failed, and with it all recipients that have no outcome."""
        self._running = None
        if self.outcome is None:
            self._settle_open(refusal(failure, self.connection.session_id, self.queue_id, self._source))

    @property
    def _source(self) -> str:
        """The name of `data` in the log."""
        return f"{self._session_type.__qualname__}.data()"

    def _settle_open(self, outcome: Reply) -> None:
        """Set the outcome of `data`, if it has none, and that of all recipients without one."""
        if self.outcome is None:
            self.outcome = outcome
        for slot in self.slots.made:
            if self.slots.freeze(slot, outcome):
                slot.stop()
        self.progress()

    @property
    def failure(self) -> Reply | None:
        """The reply that `data` has failed with; None if it has not."""
        return None if self.outcome is None or self.outcome.positive else self.outcome

    def progress(self) -> None:
        """Write the replies that are known.  If all outcomes are, discard the rest of the message, or end the wait."""
        if self.state is CONTENT:
            if self._all_known():
                self.message.abandon()
        elif self._waiting is not None and self._all_known():
            waiting, self._waiting = self._waiting, None
            self._stop()
            waiting.callback(self._final())

    def _all_known(self) -> bool:
        """Return whether every outcome is known; those of LMTP and PRDR are written as far as they are."""
        if self._write is not None:
            made = self.slots.made
            while self._written < len(made):
                slot = made[self._written]
                if slot.reply is None:
                    return False
                self._written += 1
                self._write(for_recipient(slot.recipient, slot.reply))
        return self.outcome is not None and not self.slots.open

    # ---- DELIVERY

    def finish(
        self, write: Callable[[Reply], None], spoilt: Reply | None = None
    ) -> Reply | Deferred[Reply | None] | None:
        """
        End the message, and answer it when its outcomes are known.

        Args:
            write: Takes the replies of LMTP and PRDR, each as soon as it and those before it are known.
            spoilt: Why the message is rejected, whatever its outcome is; None if it may be accepted.

        Returns:
            SMTP's reply, or None if all replies are written, or a Deferred of either.
        """
        self.state = DELIVERY
        if self.message.too_big:
            spoilt = replies.too_big_552(self.queue_id)
        if spoilt is None:
            self.message.finish()
        else:
            self.message.fail(SMTPError.from_reply(spoilt))
            self._each = self.settings.lmtp  # under PRDR all recipients have the same outcome, so one reply will do
            self._settle_all(spoilt)
            self._stop()
        if self.facts is not None:
            self._completed = self.settings.clock.seconds()
        if self._each:
            if not self.settings.lmtp:
                write(replies.RECIPIENTS_FOLLOW_353)
            self._write = write
        if self.outcome is not None and not self.slots.made:  # as for most messages
            return self.outcome
        if self._all_known():
            return self._final()
        self._waiting = Deferred(self._not_awaited)
        self._limit = self.settings.clock.callLater(self.settings.delivery_timeout, self._give_up)
        return self._waiting

    def _not_awaited(self, waiting: Deferred[Reply | None]) -> None:
        self._waiting = None

    def _give_up(self) -> None:
        """`delivery_timeout` has passed: recipients without an outcome get 451."""
        text = "session={session} queue={queue} no outcome in time"
        log.warn(text, session=self.connection.session_id, queue=self.queue_id)
        self._limit = None
        running, self._running = self._running, None
        self._settle_open(replies.delivery_expired_451(self.queue_id))
        if running is not None:
            running.cancel()

    def _final(self) -> Reply | None:
        """Return SMTP's one reply, None under LMTP."""
        if self.settings.lmtp:
            return None
        assert self.outcome is not None
        if not self.slots.made:
            return self.outcome
        # Under PRDR a failure at the end would be one for the recipients too whose own reply was a success.
        # Of a policy anything may come, which `chosen` refuses by its name.
        policy = cast(
            Callable[[Sequence[Reply], Reply], object], first_success if self._each else self.settings.outcome_policy
        )
        outcomes, outcome = self.slots.replies, self.outcome
        return chosen(
            lambda: policy(outcomes, outcome), self.connection.session_id, self.queue_id, "outcome_policy"
        )

    # ---- ANSWERED and ABORTED

    def answered(self, reply: Reply | None) -> None:
        """
        End the transaction: all replies are written.

        Args:
            reply: The one reply of SMTP and PRDR; None under LMTP.
        """
        self.state = ANSWERED
        self._write = None
        self._reply = reply
        self.octets = self.message.received
        if self.facts is not None:
            self._answered = self.settings.clock.seconds()

    def abort(self, reason: Failure | Exception) -> None:
        """
        End the transaction before its end.  The second time changes nothing.

        Args:
            reason: What the reader of the message fails with.
        """
        state = self.state
        if state is ANSWERED or state is ABORTED:
            return
        self.state = ABORTED
        if state is not ENVELOPE:
            self._waiting = self._write = None
            self.octets = self.message.received
            self._settle_all(replies.LOCAL_ERROR_451)
            self.message.fail(reason)
            self._stop()

    def _settle_all(self, reply: Reply) -> None:
        """Replace every outcome."""
        self.slots.override(reply)
        self.outcome = reply

    def _stop(self) -> None:
        """Stop all clocks, and cancel what still runs."""
        limit, self._limit = self._limit, None
        if limit is not None and limit.active():
            limit.cancel()
        for slot in self.slots.made:
            slot.stop()
        running, self._running = self._running, None
        if running is not None:
            running.cancel()

    def summary(self, closed: bool) -> Summary:
        """
        Sum up the transaction for observers, of which there is one at least.

        Args:
            closed: True if the connection has ended.

        Returns:
            What became of the transaction.
        """
        assert self.facts is not None
        answered = self.state is ANSWERED
        return Summary(
            connection=self.connection,
            queue_id=self.queue_id,
            sender=self.sender,
            options=self.options,
            recipients=self.recipients,
            rejected=self.rejected,
            octets=self.octets,
            reply=self._reply,
            outcomes=self.slots.replies if answered and self._each else (),
            end="answered" if answered else "closed" if closed else "reset",
            seconds=self.settings.clock.seconds() - self._began,
            backend_seconds=self._answered - self._completed if answered else 0.0,
            facts=self.facts,
        )
