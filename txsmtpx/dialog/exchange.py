"""
Exchanges of a client with its server: one at a time, and the replies of one awaited together.

Commands within a message would be a part of it (RFC 5321 §4.1.1.4), so each exchange waits for its turn (`Turns`).
Within one, the replies to an envelope are awaited together (`Flight`, RFC 2920 §3.1), and so are the replies to a
message (`FinalReplies`, RFC 2033 §4.2 and PRDR).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txsmtpx.dialog.answers import Answer
from txsmtpx.dialog.client import ClientDialog
from txsmtpx.dialog.client_result import Outcome
from txsmtpx.dialog.failure import own_error
from txsmtpx.errors import CommandCancelled, Delivered, DeliveryError, ProtocolError, SMTPError
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces.loop_deferred import explained
from txsmtpx.interfaces.twisted_types import elsewhere

T = TypeVar("T")


def checked(reply: Reply, command: str) -> Reply:
    """
    Return a reply that accepts its command.

    Args:
        reply: The reply.
        command: The command that it answers, for the error.

    Returns:
        The same reply.

    Raises:
        SMTPError: The reply rejects the command.
    """
    if reply.code >= 400:
        raise SMTPError.from_reply(reply, command)
    return reply


class Turns:
    """
    The exchanges of one connection, each after the one before it is over.

    This is what `twisted.internet.defer.DeferredLock` does, without a Deferred for an exchange that need not wait.
    """

    def __init__(self) -> None:
        self._taken = False
        self._waiting: deque[Deferred[None]] = deque()

    def take(self, exchange: Coroutine[Deferred[object], object, T]) -> Deferred[T]:
        """
        Run an exchange when it is its turn.

        Args:
            exchange: A coroutine.

        Returns:
            A Deferred of its result.  If it is cancelled before its turn, the coroutine is not begun.
        """
        running = Deferred.fromCoroutine(self._wait(exchange))
        return explained(running) if elsewhere else running

    async def _wait(self, exchange: Coroutine[Deferred[object], object, T]) -> T:
        if self._taken:
            turn: Deferred[None] = Deferred(self._cancelled)
            self._waiting.append(turn)
            try:
                await turn
            except BaseException:  # cancelled while nothing of it had been sent
                exchange.close()
                raise
        self._taken = True
        try:
            return await exchange
        finally:
            if self._waiting:
                self._waiting.popleft().callback(None)
            else:
                self._taken = False

    def _cancelled(self, turn: Deferred[None]) -> None:
        self._waiting.remove(turn)
        turn.errback(Failure(CommandCancelled("the caller cancelled it before it was sent", command="idle")))


class Flight:
    """
    Replies that are awaited together (RFC 2920 §3.1).

    A Deferred for each reply would cost a client of small messages more than everything else.

    Attributes:
        replies: The replies that have come, whatever their codes.

    Args:
        dialog: The dialog that the replies belong to.
        first: Is called with the first reply when it comes.
    """

    def __init__(self, dialog: ClientDialog, first: Callable[[Reply], object] | None = None) -> None:
        self.replies: list[Reply] = []
        self._dialog = dialog
        self._first = first
        self._missing = 0
        self._failure: DeliveryError | None = None
        self._done: Deferred[None] | None = None

    def expect(self, answers: Sequence[Answer]) -> None:
        """
        Add replies.

        Args:
            answers: What each of them answers.
        """
        self._missing += len(answers)
        self._dialog.enqueue(self, answers)

    async def over(self) -> DeliveryError | None:
        """
        Wait until no further reply comes.

        Returns:
            None if all replies have come; otherwise the reason why the others did not come.
        """
        if self._missing and self._failure is None:
            self._done = Deferred(self._cancelled)
            await self._done
        return self._failure

    def callback(self, reply: Reply) -> None:
        """
        Take the next reply.  The dialog calls this as it would call a Deferred.

        Args:
            reply: The reply.
        """
        self.replies.append(reply)
        self._missing -= 1
        if self._first is not None and len(self.replies) == 1:
            self._first(reply)
        if not self._missing and self._done is not None:
            self._wake(self._done)

    def errback(self, failure: Failure) -> None:
        """
        Note that the next reply will not come, nor those after it.  The first error counts.

        Args:
            failure: The reason.
        """
        if self._failure is None:
            assert isinstance(failure.value, DeliveryError)
            self._failure = failure.value
        if self._done is not None:
            self._wake(self._done)

    def _wake(self, done: Deferred[None]) -> None:
        self._done = None
        done.callback(None)

    def _cancelled(self, done: Deferred[None]) -> None:
        """The caller has cancelled: `over` returns the error."""
        self._done = None
        self._failure = self._dialog.cancel()
        done.callback(None)


class FinalReplies(Flight):
    """
    The replies to the data of a message: one; under LMTP (RFC 2033 §4.2) and PRDR, one for each accepted recipient.

    Attributes:
        verb: "DATA" or "BDAT".

    Args:
        dialog: The dialog that the replies belong to.
        verb: "DATA" or "BDAT".
        accepted: How many recipients were accepted.
        first: Is called with the first reply when it comes.
    """

    def __init__(
        self, dialog: ClientDialog, verb: str, accepted: int, first: Callable[[Reply], object] | None = None
    ) -> None:
        super().__init__(dialog, first)
        self.verb = verb
        self._accepted = accepted
        self.expect([(verb, "end")] * ((accepted or 1) if dialog.lmtp else 1))

    async def outcomes(self, recipients: Sequence[str] = ()) -> Sequence[Outcome]:
        """
        Wait for the replies.  Those that have come count, even if the connection was lost after them.

        Under PRDR, 353 announces a reply for each recipient and one for all, which overrides theirs if it rejects.

        Args:
            recipients: The accepted recipients, if their addresses are known.

        Returns:
            One outcome; under LMTP and PRDR, one for each accepted recipient.  Where no reply came for a recipient,
            there is an error in its place.

        Raises:
            DeliveryError: No reply came, or the caller has cancelled.
        """
        failure = await self.over()
        replies, wire = self.replies, self._dialog.wire
        if failure is None:
            if wire.congested and any(reply.code < 400 for reply in replies):
                self._dialog.fail(too_early(self.verb))  # octets wait to be sent: the server cannot have all of them
                self._dialog.raise_failure()
            if replies[0].code != 353:
                if replies[-1].code >= 400 and wire.congested:
                    # No octet is sent after a rejection (guarantee 25).
                    self._dialog.fail(SMTPError.from_reply(replies[-1], self.verb))
                return replies
        missing = (self._accepted if self._dialog.lmtp else 1) - len(replies)
        if replies and replies[0].code == 353:
            each = Flight(self._dialog)
            each.expect([("PRDR", "end")] * (self._accepted + 1))
            self._dialog.expect_more(self._accepted + 1)
            failure = await each.over()
            if failure is None and not each.replies[-1].positive:
                return each.replies[-1:]
            replies, missing = each.replies[: self._accepted], self._accepted - len(each.replies)
        if failure is None or missing <= 0:
            return replies
        return [*replies, *self._unknown(failure, replies, missing, recipients)]

    def _unknown(
        self, failure: DeliveryError, replies: Sequence[Reply], missing: int, recipients: Sequence[str]
    ) -> Sequence[DeliveryError]:
        """
        Return the errors of those recipients for which no reply came.

        Returns:
            The errors, in the order of the recipients.

        Raises:
            DeliveryError: The error of all recipients; or the caller has cancelled, and cannot be given the replies.
        """
        failure.command = self.verb
        others = failure
        if not isinstance(failure, SMTPError) or (missing > 1 and not replies):
            failure.delivered = Delivered.MAYBE
        elif missing > 1:  # 421 rejects the first of them; for the others no reply came
            others = own_error(failure)
            others.delivered = Delivered.MAYBE
        if isinstance(failure, CommandCancelled):
            named = zip(recipients, replies, strict=False)
            failure.accepted = [(recipient, reply) for recipient, reply in named if reply.positive]
            if failure.accepted:
                failure.delivered = Delivered.YES
        if not replies or isinstance(failure, CommandCancelled):
            raise failure
        return [failure, *[others] * (missing - 1)]


def too_early(verb: str) -> DeliveryError:
    """
    Make the error where a server accepts a message before it can have all of it: what it has is not known.

    Args:
        verb: "DATA" or "BDAT".

    Returns:
        The error.
    """
    error = ProtocolError("the server answered before the end of the data", command=verb)
    error.delivered = Delivered.MAYBE
    return error
