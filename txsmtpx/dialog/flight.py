"""
Commands that leave together: RFC 2920 §3.1.

One write for all of them, and one Deferred for all of their replies: one a reply would cost a client of small messages
more than everything else.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txsmtpx.dialog.client import ClientDialog, checked
from txsmtpx.errors import ProtocolError
from txsmtpx.grammar.reply import Reply


class Flight:
    """
    Some replies that are awaited together, whatever they say.

    @ivar replies: those that have come.
    """

    def __init__(self, dialog: ClientDialog, first: Callable[[Reply], object] | None = None) -> None:
        """
        @param first: called with the first reply when it comes.
        """
        self.replies: list[Reply] = []
        self._dialog = dialog
        self._first = first
        self._missing = 0
        self._failure: Failure | None = None
        self._done: Deferred[None] | None = None

    def expect(self, verb: str, phase: str) -> None:
        """One more reply belongs to it."""
        self._missing += 1
        self._dialog.enqueue(verb, phase, self)

    async def all(self, decisive: int = 0, verb: str = "") -> list[Reply]:
        """
        The replies, in their order.

        @param decisive: how many of the first, answers to C{verb}, say more by a no than the failure of the others.
        @raise SMTPError: one of those said no, and others never came.
        @raise Exception: whatever ended the connection before the last of them.
        """
        if self._missing and self._failure is None:
            self._done = Deferred(self._cancelled)
            await self._done
        if self._failure is not None:
            if not self._failure.check(ProtocolError):  # of a server that talks nonsense no answer counts
                for reply in self.replies[:decisive]:
                    checked(reply, verb)
            self._failure.raiseException()
        return self.replies

    # ---- what the queue of expected replies calls, as it would a Deferred

    def callback(self, reply: Reply) -> None:
        """The next of them."""
        self.replies.append(reply)
        self._missing -= 1
        if self._first is not None and len(self.replies) == 1:
            self._first(reply)
        if not self._missing and self._done is not None:
            done, self._done = self._done, None
            done.callback(None)

    def errback(self, failure: Failure) -> None:
        """It will not come, nor will those after it."""
        self._failure = failure
        if self._done is not None:
            done, self._done = self._done, None
            done.callback(None)

    def _cancelled(self, done: Deferred[None]) -> None:
        self._done = None
        self._dialog.give_up()
