"""The envelope of a message while filters change it, and the context of the backend behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.dialog.fields import clipped
from txsmtpx.dialog.outcome_reply import outcome_of
from txsmtpx.errors import SMTPError
from txsmtpx.grammar import replies
from txsmtpx.grammar.mailbox import mailbox_key
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import (
    AddRecipient,
    ChangeSender,
    DataContext,
    DeleteRecipient,
    EnvelopeChange,
    Eventual,
    Outcome,
    Results,
)
from txsmtpx.middleware.middleware_context import Late, MiddlewareContext
from txsmtpx.middleware.rewrite import RenamedContext
from txsmtpx.settling import settle

log = Logger(__name__)


class Place(NamedTuple):
    """
    A recipient of the message.

    Attributes:
        address: The address.
        options: The parameters of RCPT.
        position: The position of the client's recipient in its envelope; None if a filter has added the recipient.
    """

    address: str
    options: RcptOptions
    position: int | None


class FilteredEnvelope:
    """
    The envelope of one message.  `txsmtpx.FilterBackend` creates it.

    Args:
        context: The envelope of the client.
        known: For each recipient, whether the backend knows it.  It does not know one that a filter has discarded.

    Attributes:
        sender: The address of the sender.
        options: The parameters of MAIL.
        rejected: The reply for each rejected recipient, by its position in the envelope of the client.
    """

    def __init__(self, context: DataContext, known: Sequence[bool]) -> None:
        self.sender: str = context.sender
        self.options: MailOptions = context.options
        of_client = zip(context.recipients, context.recipient_options, known, strict=True)
        self._places: dict[int, Place] = {
            position: Place(address, options, position)
            for position, (address, options, has_it) in enumerate(of_client)
            if has_it
        }
        self._named: dict[str, list[int]] | None = None  # the keys of _places by address, if they are needed
        self._next = len(context.recipients)
        self.rejected: dict[int, Reply] = {}
        self._known = self._now
        self._of_client = len(context.recipients)
        self._not_added: Reply | None = None

    @property
    def places(self) -> list[Place]:
        """The recipients that get the message."""
        return list(self._places.values())

    @property
    def _now(self) -> object:
        return self.sender, self.options, self.places

    @property
    def changed(self) -> bool:
        """True if the backend knows another envelope."""
        return self._known != self._now

    @property
    def refusal(self) -> Reply | None:
        """
        The reply to the message if no recipient is left; None if it was only discarded.

        It has been lost if the backend has rejected a recipient that a filter has added in place of others.
        """
        if len(self.rejected) == self._of_client:
            return next(iter(self.rejected.values()))
        return self._not_added

    def apply(self, change: EnvelopeChange) -> None:
        """
        Change the envelope.

        Args:
            change: The change.
        """
        if isinstance(change, ChangeSender):
            self.sender = change.address
            self.options = change.options or self.options
            return
        key = mailbox_key(change.address)
        named = self._by_address().setdefault(key, [])
        if isinstance(change, AddRecipient):
            if not named:
                self._places[self._next] = Place(change.address, change.options or RcptOptions(), None)
                named.append(self._next)
                self._next += 1
            return
        for each in list(named):
            if isinstance(change, DeleteRecipient):
                del self._places[each]
            else:
                self.reject(self._places[each], change.reply)
        named.clear()

    def _by_address(self) -> dict[str, list[int]]:
        """Return the places by address: as many recipients may be deleted one by one as a client has named."""
        if self._named is None:
            self._named = {}
            for number, place in self._places.items():
                self._named.setdefault(mailbox_key(place.address), []).append(number)
        return self._named

    def reject(self, place: Place, reply: Reply) -> None:
        """
        Reject a recipient.

        Args:
            place: The recipient.
            reply: 4xx or 5xx.
        """
        if place.position is not None:
            del self._places[place.position]
            self.rejected[place.position] = reply
        else:
            del self._places[next(number for number, each in self._places.items() if each is place)]
            self._not_added = self._not_added or reply


class EnvelopeContext(MiddlewareContext):
    """
    The context of the filters: the envelope as the filters so far have changed it.

    Args:
        outer: The context of the client.
        envelope: The envelope.
        results: What filters have found.
    """

    def __init__(self, outer: DataContext, envelope: FilteredEnvelope, results: Results) -> None:
        super().__init__(outer)
        self._envelope = envelope
        self._results = results

    @property
    def sender(self) -> str:
        """The address of the sender."""
        return self._envelope.sender

    @property
    def options(self) -> MailOptions:
        """The parameters of MAIL."""
        return self._envelope.options

    @property
    def recipients(self) -> Sequence[str]:
        """The recipients."""
        return tuple(each.address for each in self._envelope.places)

    @property
    def recipient_options(self) -> Sequence[RcptOptions]:
        """The parameters of each RCPT."""
        return tuple(each.options for each in self._envelope.places)

    @property
    def results(self) -> Results:
        """The results of filters on this connection and in this transaction."""
        return self._results


class _PlacedContext(EnvelopeContext):
    """A context whose recipients are at other positions than those of the client, or unknown to the client."""

    def __init__(self, outer: DataContext, envelope: FilteredEnvelope, results: Results, clock: IReactorTime) -> None:
        super().__init__(outer, envelope, results)
        self._places = tuple(envelope.places)
        self._clock = clock
        self.added: list[Deferred[None]] = []
        self._failed: dict[str, Reply] = {}  # by the address of a recipient that the client does not know

    @property
    def refusal(self) -> Reply | None:
        """The reply to the message if no recipient has got it, and the client knows none of them; otherwise None."""
        return next(iter(self._failed.values())) if len(self._failed) == len(self._places) else None

    def start_delivery(
        self, recipient: str | int, deferred: Eventual[Outcome] = None, timeout: float | None = None
    ) -> None:
        """
        Announce that the outcome for a recipient follows.

        Args:
            recipient: The index.
            deferred: A Deferred or coroutine of the outcome.
            timeout: Seconds from now.
        """
        place = self._places[int(recipient)]
        if place.position is not None:
            super().start_delivery(place.position, deferred, timeout)
            return
        self.started = True
        settled = settle(deferred)
        if isinstance(settled, Deferred):
            waiting: Deferred[Outcome] = settled
            if timeout is not None:
                late = replies.delivery_timed_out_420(place.address)
                waiting = waiting.addTimeout(timeout, self._clock, onTimeoutCancel=lambda *_: late)
            self.added.append(waiting.addBoth(self._delivered, place))
        elif deferred is not None:
            self._delivered(settled, place)

    def set_status(self, recipient: str | int, status: Outcome = None) -> bool:
        """
        Set the outcome for a recipient.

        Args:
            recipient: The index.
            status: The outcome.

        Returns:
            True if it counts.
        """
        place = self._places[int(recipient)]
        if place.position is not None:
            return super().set_status(place.position, status)
        self._delivered(status, place)
        return True

    def _delivered(self, status: Outcome | Failure, place: Place) -> None:
        """Log that a recipient which the client does not know has not got the message."""
        if status is None or (isinstance(status, Failure) and status.check(CancelledError)):  # the client has gone
            return
        session, queue = self.connection.session_id, self.queue_id
        reply = outcome_of(status, session, queue, "the delivery to an added recipient")
        if not reply.positive:
            self._failed.setdefault(place.address, reply)
            log_not_added(self, place, reply)


class FilteredContext(RenamedContext):
    """
    The context of the backend behind the filters.

    Args:
        outer: The context of the client.
        envelope: The envelope.
        results: What filters have found.
        clock: Limits the deliveries to added recipients.
    """

    def __init__(self, outer: DataContext, envelope: FilteredEnvelope, results: Results, clock: IReactorTime) -> None:
        self._placed = _PlacedContext(outer, envelope, results, clock)
        super().__init__(self._placed, envelope.sender, self._placed.recipients)

    async def added_delivered(self) -> None:
        """
        Wait for the deliveries to recipients that filters have added.

        Raises:
            SMTPError: The message was to go only to them, and none has got it.
        """
        try:
            for each in self._placed.added:
                await each
        finally:
            for each in self._placed.added:
                each.cancel()
        refusal = self._placed.refusal
        if refusal is not None:
            raise SMTPError.from_reply(refusal)

    def _as_here(self, late: Late) -> Late:
        return late


def log_not_added(context: DataContext, place: Place, reply: Reply) -> None:
    """
    Log that the backend has rejected a recipient that a filter has added.  The client does not know of it.

    Args:
        context: The envelope.
        place: The recipient.
        reply: The reply of the backend.
    """
    log.warn(
        "session={session} queue={queue} a filter has added {recipient}, which was rejected: {reply}",
        session=context.connection.session_id,
        queue=context.queue_id,
        recipient=clipped(f"<{place.address}>"),
        reply=clipped(reply.one_line),
    )
