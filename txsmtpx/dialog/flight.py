"""
Commands that leave together: RFC 2920 §3.1.

One write for all of them, and one Deferred for all of their replies: one a reply would cost a client of small messages
more than everything else.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txsmtpx.dialog.client import Answer, ClientDialog
from txsmtpx.errors import DeliveryError
from txsmtpx.grammar.reply import Reply


class Flight:
    """
    Some replies that are awaited together, whatever they say.

    Attributes:
        replies: Those that have come.

    Args:
        first: Called with the first reply when it comes.
    """

    def __init__(self, dialog: ClientDialog, first: Callable[[Reply], object] | None = None) -> None:
        self.replies: list[Reply] = []
        self._dialog = dialog
        self._first = first
        self._missing = 0
        self._failure: DeliveryError | None = None
        self._done: Deferred[None] | None = None

    def expect(self, *answers: Answer) -> None:
        """More replies belong to it."""
        self._missing += len(answers)
        self._dialog.enqueue(self, answers)

    async def over(self) -> DeliveryError | None:
        """
        Wait until no further reply comes; ``replies`` has those that came.

        Returns:
            None if it has all of them, else why the others did not come.
        """
        if self._missing and self._failure is None:
            self._done = Deferred(self._cancelled)
            await self._done
        return self._failure

    # ---- what the queue of expected replies calls, as it would a Deferred

    def callback(self, reply: Reply) -> None:
        """The next of them."""
        self.replies.append(reply)
        self._missing -= 1
        if self._first is not None and len(self.replies) == 1:
            self._first(reply)
        if not self._missing and self._done is not None:
            self._wake(self._done)

    def errback(self, failure: Failure) -> None:
        """It will not come, nor will those after it: the first of these errors counts."""
        if self._failure is None:
            assert isinstance(failure.value, DeliveryError)
            self._failure = failure.value
        if self._done is not None:
            self._wake(self._done)

    def _wake(self, done: Deferred[None]) -> None:
        self._done = None
        done.callback(None)

    def _cancelled(self, done: Deferred[None]) -> None:
        """The caller cancelled the wait: what it learns is in the failure."""
        self._done = None
        self._failure = self._dialog.cancel()
        done.callback(None)
