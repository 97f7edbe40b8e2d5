"""
The message and the context that a measured backend gets.

They pass everything on, and note when the message has been read to its end, and the outcome of each recipient.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from types import CoroutineType
from typing import cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.dialog import delivery
from txsmtpx.dialog.outcome_reply import fits
from txsmtpx.dialog.slots import Slot, Slots
from txsmtpx.errors import SMTPError
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import BackendCall, BackendOutcome, Clock, DataContext, Eventual, IMessage, Message, Outcome
from txsmtpx.middleware.middleware_context import MiddlewareContext
from txsmtpx.settling import FAILURES

_CLASSES: dict[int, BackendOutcome] = {2: "taken", 4: "deferred", 5: "refused"}


def outcome_name(result: object, texts: bool = False) -> BackendOutcome:
    """
    Return the name of what a backend has answered.

    Args:
        result: What its method has returned or raised; also a Failure of that.
        texts: True if a `str` is the text of a 250.

    Returns:
        The name.

    Example:
        >>> outcome_name(None), outcome_name(Reply(450, None, "Later")), outcome_name(ZeroDivisionError())
        ('taken', 'deferred', 'failed')
    """
    if isinstance(result, Failure):
        result = result.value
    if isinstance(result, CancelledError):
        return "cancelled"
    if isinstance(result, SMTPError):
        result = result.reply
    if isinstance(result, Reply) and fits(result):
        return _CLASSES[result.code // 100]
    return "taken" if result is None or (texts and isinstance(result, str)) else "failed"


@implementer(IMessage)
class MeasuredMessage:
    """
    A message that notes when its reader has got its end.  `MeasuredContext` creates it.

    Args:
        message: The message.
        clock: Its seconds are noted.

    Attributes:
        ended: The time of the end; None before.
    """

    def __init__(self, message: Message, clock: Clock) -> None:
        self.ended: float | None = None
        self._message = message
        self._reading: AsyncIterator[bytes] | None = None
        self._clock = clock

    @property
    def received(self) -> int:
        """The octets received so far."""
        return self._message.received

    @property
    def content_limit(self) -> int:
        """The octets that `content` collects if its limit is None."""
        return self._message.content_limit

    def content(self, limit: int | None = None) -> Deferred[bytes]:
        """
        Return the whole message (`IMessage.content`).

        Args:
            limit: The most octets.

        Returns:
            The octets.
        """
        return self._message.content(limit).addBoth(self._end)

    def deliver_to(self, consumer: IConsumer) -> Deferred[None]:
        """
        Write the whole message to a consumer (`IMessage.deliver_to`).

        Args:
            consumer: It may pause the message.

        Returns:
            A Deferred that fires at the end of the message.
        """
        return self._message.deliver_to(consumer).addBoth(self._end)

    def __aiter__(self) -> AsyncIterator[bytes]:
        self._reading = self._message.__aiter__()
        return self

    async def __anext__(self) -> bytes:
        """
        Return the next chunk.

        Returns:
            The chunk.
        """
        assert self._reading is not None
        try:
            return await self._reading.__anext__()
        except (StopAsyncIteration, *FAILURES):
            self._end(None)
            raise

    def _end(self, result: object) -> object:
        if self.ended is None:
            self.ended = self._clock.seconds()
        return result


class MeasuredContext(MiddlewareContext):
    """
    A context that notes the outcome of each recipient.  The session of `MeasuredBackend` creates it.

    Args:
        outer: The context around it.
        message: The message.
        clock: Its seconds are noted.

    Attributes:
        message: The message for the backend.
    """

    def __init__(self, outer: DataContext, message: Message, clock: Clock) -> None:
        super().__init__(outer)
        self.message = MeasuredMessage(message, clock)
        self._clock = clock
        self._began = clock.seconds()
        self._last: float | None = None  # the time of the last outcome
        self._of_data: BackendOutcome = "cancelled"
        self._slots = Slots(tuple(outer.recipients))
        self._noted: dict[Slot, BackendOutcome] = {}

    def start_delivery(
        self, recipient: str | int, deferred: Eventual[Outcome] = None, timeout: float | None = None
    ) -> None:
        """
        Announce that the outcome for a recipient follows (`IDataContext.start_delivery`).

        Args:
            recipient: The address, or its index.
            deferred: A Deferred or coroutine of the outcome.
            timeout: Seconds from now.
        """
        slot = self._slots.find(recipient, lambda slot: not slot.started, None)
        if slot is not None and isinstance(deferred, Deferred | CoroutineType):
            deferred = self._observed(slot, deferred)
        super().start_delivery(recipient, deferred, timeout)
        assert slot is not None  # otherwise the outer context has raised ValueError
        slot.started = True
        if deferred is not None and not isinstance(deferred, CoroutineType):
            self._note(slot, cast(Outcome, deferred))

    async def _observed(self, slot: Slot, deferred: Awaitable[Outcome]) -> Outcome:
        try:
            outcome = await deferred
        except CancelledError:  # `set_status` may have been called instead
            raise
        except FAILURES as error:
            self._note(slot, error)
            raise
        self._note(slot, outcome)
        return outcome

    def set_status(self, recipient: str | int, status: Outcome = None) -> bool:
        """
        Set the outcome for a recipient (`IDataContext.set_status`).

        Args:
            recipient: The address, or its index.
            status: The outcome.

        Returns:
            True if it counts.
        """
        slot = self._slots.find(recipient, lambda slot: slot not in self._noted, None)
        counts = super().set_status(recipient, status)
        if counts and slot is not None:
            self._note(slot, status)
        return counts

    def _note(self, slot: Slot, outcome: Outcome) -> None:
        """Note an outcome, if the recipient has none.  Any thread may call this."""
        if slot not in self._noted:
            self._noted[slot] = outcome_name(outcome, texts=True)
            self._last = self._clock.seconds()

    def returned(self, result: object) -> None:
        """
        Note the outcome of the message.

        Args:
            result: What `ISession.data` has returned or raised.
        """
        stopped = isinstance(result, BaseException | Failure) and cast(delivery.DataContext, self.outer).over
        self._of_data = "cancelled" if stopped else outcome_name(result, texts=True)
        self._last = self._clock.seconds()

    def call(self, backend: str) -> BackendCall:
        """
        Sum up the call of `ISession.data`, at the end of the transaction.

        Args:
            backend: The name of the backend.

        Returns:
            The call.  A recipient whose delivery has begun and has no outcome was cancelled.
        """
        of_data, noted = self._of_data, self._noted
        outcomes = [noted.get(slot, "cancelled" if slot.started else of_data) for slot in self._slots.made]
        began = self._began if self.message.ended is None else self.message.ended
        seconds = max(0.0, (self._clock.seconds() if self._last is None else self._last) - began)
        return BackendCall(backend, "data", outcomes or [of_data] * len(self.recipients), seconds)
