"""
The consumer of a queue: it calls a handler for each message, and acknowledges the message after that.

Theory of operation.  Delivery is at least once.  The broker keeps a message until its handler has returned.  If the
process ends before that, or the connection is lost, the broker delivers the message again, to any consumer of the
queue.  So a handler may get a message twice, with the same `QueuedMessage.id`.

If the handler raises, the message is tried again after a delay.  It waits in the broker, where it takes no place of
other messages.  After the last attempt, or a `Reject` of the handler, it goes to the dead letter queue.  A message that
ends the process each time does so too, since the source counts attempts without an outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import cast

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.arguments import checked
from txsmtpx.consume.message_source import Lease, Remainder, Settlement, Source
from txsmtpx.consume.queued_message import QueuedMessage
from txsmtpx.interfaces import Reactor, clock_of
from txsmtpx.setting_kinds import Number, Seconds
from txsmtpx.settling import FAILURES, Eventual, deferred_call

log = Logger(__name__)

Handler = Callable[[QueuedMessage], Eventual[object]]
"""It handles a message, and returns a value, a Deferred or a coroutine.  The value is ignored."""

DELAYS = (1.0, 10.0, 60.0, 300.0)
"""Seconds before the second attempt, the third, ...; the last one is used again."""

CONCURRENCY = Number("concurrency", 10, "Consumer", "Handle up to N messages at a time.", "messages", 1, 65535)
MAX_ATTEMPTS = Number("max_attempts", 5, "Consumer", "Reject a message after N attempts.", "attempts", 1)
TIMEOUT = Seconds("timeout", 300.0, "Consumer", "Let an attempt fail after this time.", zero=False)
GRACE = Seconds("grace", 10.0, "Consumer", "Let handlers run on for this time when the consumer is stopped.")


class Reject(Exception):
    """
    Raised by a handler: no attempt will succeed, so the message goes to the dead letter queue at once.

    Args:
        reason: Why; it is stored with the message.

    Example:
        ::

            def handle(message: QueuedMessage) -> None:
                if not message.envelope.recipients:
                    raise Reject("there is no recipient")
    """


class PartlyHandled(Exception):
    """
    Raised by a handler: the message is handled for some recipients only.

    A recipient that is neither in ``again`` nor in ``rejected`` does not get the message again.

    Args:
        reason: Why; it is stored with the message.
        again: The indices of the recipients for which the message is tried again.
        rejected: The indices of the recipients for which it goes to the dead letter queue.

    Attributes:
        again: As in the arguments.
        rejected: As in the arguments.

    Example:
        The second recipient has no space now::

            raise PartlyHandled("452 4.2.2 Mailbox full", again=[1])
    """

    def __init__(self, reason: str, *, again: Iterable[int] = (), rejected: Iterable[int] = ()) -> None:
        super().__init__(reason)
        self.again: tuple[int, ...] = tuple(again)
        self.rejected: tuple[int, ...] = tuple(rejected)


class Consumer(Service):
    """
    A service that handles the messages of a queue.

    Args:
        source: The queue, such as an `txsmtpx.consume.amqp_source.AMQPSource`.
        handler: It is called with each `QueuedMessage`.  If it returns, the message is acknowledged.  If it raises, the
            message is tried again.
        concurrency: Messages that are handled at a time, 1 to 65535.
        max_attempts: Attempts after which a message goes to the dead letter queue, 1 or more.
        delays: Seconds before the second attempt, the third, ...; the last one is used again.
        timeout: Seconds after which an attempt is cancelled, and has failed.
        grace: Seconds for which handlers run on when the service is stopped.  Then they are cancelled, and their
            messages return to the queue.
        reactor: The reactor.  None: the global one.

    Attributes:
        handled: The messages that were acknowledged without a remainder.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A value cannot be used.

    Example:
        ::

            consumer = Consumer(AMQPSource("amqp://localhost", queue="mail"), handle, concurrency=20)
            consumer.startService()
    """

    @checked
    def __init__(
        self,
        source: Source,
        handler: Handler,
        *,
        concurrency: int = CONCURRENCY.default,
        max_attempts: int = MAX_ATTEMPTS.default,
        delays: Iterable[float] = DELAYS,
        timeout: float = TIMEOUT.default,
        grace: float = GRACE.default,
        reactor: Reactor | None = None,
    ) -> None:
        self._delays: tuple[float, ...] = tuple(delays)
        if not self._delays or not all(0 < each < 1e9 for each in self._delays):
            raise ValueError(f"delays are numbers of seconds above 0, not {self._delays!r}")
        for setting, value in ((CONCURRENCY, concurrency), (MAX_ATTEMPTS, max_attempts), (TIMEOUT, timeout)):
            setting.check(value)
        GRACE.check(grace)
        self.handled: int = 0
        self._source = source
        self._handler = handler
        self._concurrency = concurrency
        self._max_attempts = max_attempts
        self._timeout = timeout
        self._grace = grace
        self._clock = cast(IReactorTime, clock_of(reactor))
        self._running: set[Deferred[None]] = set()
        self._stopping = False

    @property
    def in_flight(self) -> int:
        """The messages that are being handled."""
        return len(self._running)

    def startService(self) -> None:
        """Start to receive messages."""
        super().startService()  # type: ignore[no-untyped-call]  # of Twisted
        self._stopping = False
        self._source.start(self._receive, self._concurrency)

    def stopService(self) -> Deferred[None]:
        """
        Receive no further messages, and wait for the handlers.

        Returns:
            A Deferred that fires when all messages are acknowledged or back in the queue, and the source is closed.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        self._stopping = True
        self._source.pause()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._running:
            cancelling = self._clock.callLater(self._grace, self._cancel)
            await DeferredList(list(self._running))
            if cancelling.active():
                cancelling.cancel()
        await deferred_call(self._source.stop)

    def _cancel(self) -> None:
        for each in tuple(self._running):
            each.cancel()

    def _receive(self, lease: Lease) -> None:
        if self._stopping:
            lease.release()
            return
        handling = Deferred.fromCoroutine(self._handle(lease))
        if not handling.called:
            self._running.add(handling)
            handling.addBoth(self._ended, handling)

    def _ended(self, result: object, handling: Deferred[None]) -> None:
        self._running.discard(handling)

    async def _handle(self, lease: Lease) -> None:
        message = lease.message
        if message.attempt > self._max_attempts:  # each has ended without an outcome
            settlement = self._failed(message, f"no outcome of {self._max_attempts} attempts")
        else:
            try:
                await deferred_call(self._handler, message).addTimeout(self._timeout, self._clock)
            except FAILURES as error:
                if self._stopping and isinstance(error, CancelledError):
                    log.info("{source} message={id} is back in the queue", source=self._source.name, id=message.id)
                    lease.release()
                    return
                settlement = self._after(message, error)
            else:
                settlement = Settlement()
        try:
            await deferred_call(lease.settle, settlement)
        except FAILURES as error:
            text = "{source} message={id} is not settled, and comes again: {error}"
            log.warn(text, source=self._source.name, id=message.id, error=_line(error))
        else:
            self.handled += settlement == Settlement()

    def _after(self, message: QueuedMessage, error: BaseException) -> Settlement:
        """Return what becomes of a message whose handler has raised."""
        if isinstance(error, Reject):
            return self._dead(message, _line(error))
        if isinstance(error, PartlyHandled):
            return self._partly(message, error)
        if isinstance(error, TimeoutError):
            return self._failed(message, f"no outcome within {self._timeout:g} seconds")
        log.failure("{source} message={id} the handler failed", Failure(error), source=self._source.name, id=message.id)
        return self._failed(message, f"{type(error).__name__}: {_line(error)}")

    def _failed(self, message: QueuedMessage, reason: str) -> Settlement:
        """Return the settlement of a failed attempt."""
        if message.attempt >= self._max_attempts:
            return self._dead(message, reason)
        delay = self._delays[min(message.attempt, len(self._delays)) - 1]
        self._log("is tried again", message, reason)
        return Settlement(retry=Remainder(message.envelope, reason), delay=delay)

    def _dead(self, message: QueuedMessage, reason: str) -> Settlement:
        """Return the settlement of a message that goes to the dead letter queue."""
        self._log("goes to the dead letter queue", message, reason)
        return Settlement(dead=Remainder(message.envelope, reason))

    def _partly(self, message: QueuedMessage, error: PartlyHandled) -> Settlement:
        """Return the settlement of a message that is handled for some recipients."""
        reason, recipients = _line(error), message.envelope.recipients
        again, rejected = (
            replace(message, envelope=replace(message.envelope, recipients=tuple(recipients[each] for each in indices)))
            for indices in (error.again, error.rejected)
        )
        if not error.rejected:
            return self._failed(again, reason) if error.again else Settlement()
        if not error.again:
            return self._dead(rejected, reason)
        first = self._failed(again, reason)
        if first.dead is not None:  # the last attempt
            both = [recipients[each] for each in sorted({*error.again, *error.rejected})]
            return Settlement(dead=Remainder(replace(message.envelope, recipients=tuple(both)), reason))
        return replace(first, dead=self._dead(rejected, reason).dead)

    def _log(self, becomes: str, message: QueuedMessage, reason: str) -> None:
        log.warn(
            "{source} message={id} attempt={attempt} {becomes}: {reason}",
            source=self._source.name,
            id=message.id,
            attempt=message.attempt,
            becomes=becomes,
            reason=reason,
        )


def _line(error: BaseException) -> str:
    """Return the text of an error as one line that a header of a broker can hold."""
    return " ".join(str(error).split())[:500] or type(error).__name__
