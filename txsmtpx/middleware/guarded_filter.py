"""
One filter of one connection: its calls have a time-out, and its failures have the consequence that was configured.

Theory of operation.  `GuardedFilter.decide` calls one method of the filter and returns its verdict.  A failure is an
exception other than `txsmtpx.SMTPError`, a time-out, or something that is no verdict at this stage.  It is logged in
one line, and observers get it.  Then the filter decides nothing more on this connection: the verdict is the reply that
``on_failure`` names, or None for "accept".

The filter is made before its first verdict.  `reset` ends each transaction in which it was called, `close` ends the
filter.  Both call it once, also after a failure, and wait no longer than the time-out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.dialog.outcome_reply import complete
from txsmtpx.errors import DeliveryError, SMTPError
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import (
    Accept,
    Connection,
    DataContext,
    Eventual,
    FilterEvent,
    FilterFailed,
    FilterLike,
    FilterStage,
    FilterVerdict,
    IFilter,
    StoreError,
    Verdict,
)
from txsmtpx.middleware.filter import ConfiguredFilter, Filter
from txsmtpx.middleware.filter_verdict import checked_verdict, name_of
from txsmtpx.middleware.filter_wait import FilterTimeout, FilterWait
from txsmtpx.setting import shown
from txsmtpx.settling import FAILURES, settle

log = Logger(__name__)

FAILED_451 = Reply(451, (4, 7, 1), "Service unavailable, try again later")
"""After a failure of a filter with ``on_failure="defer"``.  As Postfix: milter_default_action = tempfail."""
FAILED_550 = Reply(550, (5, 7, 1), "Rejected, since a filter is not available")
"""After a failure of a filter with ``on_failure="reject"``."""

_EXPECTED = (OSError, ConnectError, ConnectionClosed, DeliveryError, FilterFailed, FilterTimeout, StoreError)
"""Failures that are no faults of the program.  Their line in the log has no traceback."""

_OF_CONNECTION = ("connected", "hello")


class GuardedFilter:
    """
    One filter of one connection.  `txsmtpx.middleware.filter_chain.FilterChain` creates it.

    Args:
        configured: The maker of the filter, and its settings.
        name: The name in the log and in metrics.
        connection: The connection.
        clock: Limits the calls.

    Attributes:
        name: As in the arguments.
        holds: True if the filter may change the message at its end.
        queue_id: The name of the transaction in the log.
    """

    def __init__(self, configured: ConfiguredFilter, name: str, connection: Connection, clock: IReactorTime) -> None:
        self.name = name
        self.holds: bool = configured.holds
        self.queue_id: str = "-"
        self._configured = configured
        self._connection = connection
        self._clock = clock
        self._filter: FilterLike | None = None
        self._refusal: Reply | None = None  # after a failure
        self._finished = False  # it decides nothing more on this connection
        self._passed = False  # nor in this transaction
        self._used = False  # it was called in this transaction
        self._closed = False

    async def decide(self, stage: FilterStage, *args: object, may_change: bool = True) -> Verdict:
        """
        Call a method of the filter.

        Args:
            stage: The name of the method.
            args: Its arguments.
            may_change: False if the message can no longer be changed.

        Returns:
            The verdict; None for ``chunk``, unless it raises `txsmtpx.SMTPError` or fails.
        """
        if self._refusal is not None or self._finished or self._passed:
            return self._refusal
        began = self._clock.seconds()
        try:
            if self._filter is None:
                await self._limited(self._make)
            method = self._method(stage)
            if method is None:
                return None
            self._used = self._used or stage not in _OF_CONNECTION
            result = await self._limited(method, *args)
            verdict = None if stage == "chunk" else checked_verdict(result, stage, may_change)
        except CancelledError:  # the client has gone
            raise
        except SMTPError as error:
            try:
                verdict = checked_verdict(error.reply, stage, may_change)
            except TypeError as wrong:
                return self._failed(stage, wrong, began)
        except FAILURES as error:
            return self._failed(stage, error, began)
        if isinstance(verdict, Reply):
            verdict = complete(verdict)
            self._connection.closing = self._connection.closing or verdict.code == 521  # RFC 7504
        elif isinstance(verdict, Accept) and verdict.final:
            self._passed = True
            self._finished = stage in _OF_CONNECTION
        if stage != "chunk" or verdict is not None:
            self._notify(stage, name_of(verdict), began)
        return verdict

    def begin(self, context: DataContext) -> None:
        """
        Begin a message.

        Args:
            context: Its envelope.
        """
        self.queue_id = context.queue_id
        if isinstance(self._filter, Filter):
            self._filter.context = context

    def reset(self) -> Eventual[None]:
        """
        End the transaction.

        Returns:
            None, or a Deferred that fires when the filter has ended it.
        """
        self._passed = False
        if not self._used:
            self._leave()
            return None
        self._used = False
        done: Eventual[None] = self._reset()
        return settle(done)

    def close(self) -> None:
        """End the filter, and its transaction before."""
        if not self._closed:
            self._closed = True
            done: Eventual[None] = self._close()
            settle(done)

    async def _reset(self) -> None:
        await self._last("reset")
        self._leave()

    def _leave(self) -> None:
        self.queue_id = "-"
        if isinstance(self._filter, Filter):
            self._filter.context = None

    async def _close(self) -> None:
        if self._used:
            self._used = False
            await self._reset()
        await self._last("close")

    async def _last(self, name: str) -> None:
        """Call `reset` or `close` of the filter.  A failure is logged."""
        method: Callable[[], object] | None = getattr(self._filter, name, None)
        if method is not None:
            try:
                await self._limited(method)
            except FAILURES as error:
                self._log(name, error, "ignored")

    async def _limited(self, function: Callable[..., Eventual[object]], *args: object) -> object:
        """
        Call a function of the filter within its time-out.

        Returns:
            Its result.

        Raises:
            CancelledError: The wait was cancelled.
            FilterFailed: The filter has cancelled itself.
            FilterTimeout: The time-out has passed.
        """
        wait: FilterWait[object] | None = None
        try:
            settled = settle(function(*args))
            if not isinstance(settled, Deferred):
                return settled
            wait = FilterWait(settled, self._clock, self._configured.limit)
            return await wait.done
        except CancelledError as error:
            if wait is not None and wait.cancelled:
                raise
            raise FilterFailed("the filter was cancelled by itself") from error

    async def _make(self) -> None:
        """Make the filter.  If the connection has ended meanwhile, close it at once."""
        made: object = self._configured.make(self._connection)
        settled: object = settle(made)
        if isinstance(settled, Deferred):
            settled = await settled
        if isinstance(settled, type) or not any(callable(getattr(settled, name, None)) for name in IFilter):
            raise TypeError(f"the maker of the filter must return a filter (IFilter), not {shown(settled)}")
        self._filter = cast(FilterLike, settled)
        if self._closed:
            await self._last("close")

    def _method(self, stage: str) -> Callable[..., Eventual[object]] | None:
        """Return a method of the filter; None if it is not overridden."""
        method: Callable[..., Eventual[object]] | None = getattr(self._filter, stage, None)
        return None if getattr(method, "__func__", None) is getattr(Filter, stage) else method

    def _failed(self, stage: FilterStage, error: BaseException, began: float) -> Reply | None:
        """Apply ``on_failure``."""
        policy = self._configured.on_failure
        self._log(stage, error, policy)
        self._notify(stage, "failed", began)
        if policy == "accept":
            self._finished = True
        else:
            self._refusal = FAILED_451 if policy == "defer" else FAILED_550
        return self._refusal

    def _log(self, stage: str, error: BaseException, consequence: str) -> None:
        text = "session={session} queue={queue} filter {filter} failed at {stage}: {error} ({consequence})"
        log.warn(
            text,
            session=self._connection.session_id,
            queue=self.queue_id,
            filter=self.name,
            stage=stage,
            error=f"{type(error).__name__}: {shown(str(error))}",
            consequence=consequence,
            **({} if isinstance(error, _EXPECTED) else {"log_failure": Failure(error)}),
        )

    def _notify(self, stage: FilterStage, verdict: FilterVerdict, began: float) -> None:
        if self._connection.filtered is not None:
            event = FilterEvent(self.name, stage, verdict, self._clock.seconds() - began)
            self._connection.filtered(self._connection, event)
