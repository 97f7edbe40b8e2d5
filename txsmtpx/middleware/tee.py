"""
Middleware that gives each message to a second backend too, such as an archive.

Both read the message while it is received, at the pace of the slower one.  The copy ends only after the first backend
has accepted the message.  If that rejects it, or it is lost, the second backend gets no end, and so cannot store a part
as a whole message.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.arguments import checked
from txsmtpx.dialog import delivery
from txsmtpx.dialog import message as dialog_message
from txsmtpx.dialog.message import MessageAborted
from txsmtpx.dialog.outcome_reply import accepts, answer
from txsmtpx.dialog.server_transaction import Transaction
from txsmtpx.errors import SMTPError
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import BackendLike, Connection, DataContext, Message, Outcome, SessionLike
from txsmtpx.middleware.middleware import Middleware
from txsmtpx.middleware.middleware_context import MiddlewareContext
from txsmtpx.middleware.middleware_session import MiddlewareSession
from txsmtpx.middleware.streamed_message import StreamedMessage
from txsmtpx.settling import FAILURES, deferred_call

log = Logger(__name__)


class TeeBackend(Middleware):
    """
    A backend whose messages a second backend gets too.

    The copy goes to the recipients that ``backend`` accepted at RCPT.  If ``backend`` has rejected all of them by
    `IDataContext.set_status`, as LMTP allows, there is no copy.

    Args:
        backend: The first backend.  The client gets its replies only.
        copies: The second backend.  It accepts clients without a login; each message has a session of its own.
        required: True rejects a message whose copy is rejected; its 250 waits for the copy.  False logs it.

    Attributes:
        copies: The second backend.
        required: As in the arguments.

    Raises:
        TypeError: An argument has the wrong type.

    Example:
        >>> from txsmtpx import MemoryBackend
        >>> backend = TeeBackend(MemoryBackend(), MemoryBackend(), required=True)
    """

    @checked
    def __init__(self, backend: BackendLike, copies: BackendLike, *, required: bool = False) -> None:
        super().__init__(backend)
        self.copies = copies
        self.required = required

    def session(self, session: SessionLike, connection: Connection) -> _TeeSession:
        """
        Return a session that copies.

        Args:
            session: The session of the first backend.
            connection: The connection.

        Returns:
            The session.
        """
        return _TeeSession(session, connection, self)


class _TeeSession(MiddlewareSession):
    def __init__(self, inner: SessionLike, connection: Connection, tee: TeeBackend) -> None:
        super().__init__(inner, connection)
        self._tee = tee
        self._copy: _Copy | None = None

    async def data(self, message: Message, context: DataContext) -> Outcome:
        """Handle DATA: give the message to both backends."""
        copy = _Copy(context)
        try:
            await copy.begin(self._tee.copies, message)
        except FAILURES as error:
            await copy.abandon()
            if cast(delivery.DataContext, context).over:  # the first backend has nothing to do either
                raise
            self._not_copied(context, error)
            return await deferred_call(self.inner.data, message, context)
        self._copy = copy
        mine = _TeeContext(context)
        stream = StreamedMessage(message, copy.taken_from(message))
        try:
            outcome = await deferred_call(self.inner.data, stream, mine)
            if not mine.started:
                await stream.rest()
        except FAILURES:
            await copy.abandon()
            raise
        if _rejects(outcome) or mine.rejected == len(context.recipients):
            await copy.abandon()
            return outcome
        if self._tee.required:
            await self._finish(copy, context)
        else:
            Deferred.fromCoroutine(self._finish(copy, context))
        return outcome

    def reset(self) -> object:
        """End the transaction.  There is no copy of a message that was not read to its end."""
        copy, self._copy = self._copy, None
        if copy is not None:
            copy.read_no_further()
        return self.inner.reset()

    async def _finish(self, copy: _Copy, context: DataContext) -> None:
        try:
            await copy.finish()
        except FAILURES as error:
            self._not_copied(context, error)

    def _not_copied(self, context: DataContext, error: BaseException) -> None:
        """
        Log that there is no copy.

        Raises:
            SMTPError: The copy is required.
        """
        refused = isinstance(error, SMTPError | MessageAborted)
        log.warn(
            "session={session} queue={queue} not copied: {error}",
            session=context.connection.session_id,
            queue=context.queue_id,
            error=error,
            **({} if refused else {"log_failure": Failure(error)}),
        )
        if self._tee.required:
            raise SMTPError.from_reply(error.reply if isinstance(error, SMTPError) else replies.LOCAL_ERROR_451)


class _TeeContext(MiddlewareContext):
    """
    A context that counts rejected recipients.

    Attributes:
        rejected: The recipients whose status is a rejection.
    """

    def __init__(self, outer: DataContext) -> None:
        super().__init__(outer)
        self.rejected = 0

    def set_status(self, recipient: str | int, status: Outcome = None) -> bool:
        """Set the outcome for a recipient, and count it."""
        counted = super().set_status(recipient, status)
        self.rejected += counted and _rejects(status)
        return counted


class _Copy:
    """The transaction of one message with the second backend."""

    def __init__(self, context: DataContext) -> None:
        self._outer = context
        self._session: SessionLike | None = None
        self._transaction: Transaction | None = None
        self._message = dialog_message.Message()
        self._read: Deferred[BaseException | None] = Deferred()

    async def begin(self, backend: BackendLike, message: Message) -> None:
        """
        Go on to DATA.

        Raises:
            SMTPError: The second backend rejects the sender or all recipients.
        """
        outer = self._outer
        session = self._session = await deferred_call(backend.anonymous_login, outer.connection)
        # Middleware passes on what it does not know, so that this reaches the context of the server.
        transaction = cast(delivery.DataContext, outer).another(outer.sender)
        _check(await deferred_call(session.mail, outer.sender, outer.options), session, "mail")
        refused: SMTPError | None = None
        for recipient, options in zip(outer.recipients, outer.recipient_options, strict=True):
            try:
                _check(await deferred_call(session.rcpt, recipient, options), session, "rcpt")
            except SMTPError as error:
                refused = error
            else:
                transaction.recipients.append(recipient)
                transaction.recipient_options.append(options)
        if refused is not None and not transaction.recipients:
            raise SMTPError.from_reply(refused.reply)
        self._message.content_limit = message.content_limit
        self._transaction = transaction
        transaction.begin(session, self._message, delivery.DataContext(transaction))

    async def taken_from(self, message: Message) -> AsyncIterator[bytes]:
        """Iterate over the chunks of a message, each after the second backend has got it."""
        try:
            async for chunk in message:
                self._message.write(chunk)
                yield chunk
                if self._message.full:
                    await self._message.drained()
        except FAILURES as error:
            self._has_read(error)
            raise
        self._has_read(None)

    def read_no_further(self) -> None:
        """Note that the first backend reads no more."""
        self._has_read(MessageAborted())

    def _has_read(self, error: BaseException | None) -> None:
        if not self._read.called:
            self._read.callback(error)

    async def finish(self) -> None:
        """
        End the copy, since the first backend has accepted the message; wait until that has read it to its end.

        Raises:
            SMTPError: The second backend rejects the message.
            MessageAborted: The message was not read to its end, or the copy was cancelled.
        """
        transaction, session = self._transaction, self._session
        assert transaction is not None and session is not None
        try:
            error = await self._read
            if error is not None:
                transaction.abort(Failure(MessageAborted()))
                raise MessageAborted(f"it was not read to its end: {error}")
            written: list[Reply] = []
            concluded = transaction.finish(written.append)
            last = await concluded if isinstance(concluded, Deferred) else concluded
            for reply in written if last is None else [last]:
                _check(reply, session, "data")
        except CancelledError:  # the client has gone, or has its answer
            transaction.abort(Failure(MessageAborted()))
            raise MessageAborted("the copy was cancelled") from None
        finally:
            await self._close()

    async def abandon(self) -> None:
        """Give the copy no end."""
        if self._transaction is not None:
            self._transaction.abort(Failure(MessageAborted()))
        await self._close()

    async def _close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            for method in (session.reset, session.logout):
                try:
                    await deferred_call(method)
                except FAILURES:
                    text = "session={session} queue={queue} the session of the copy failed"
                    session_id, queue_id = self._outer.connection.session_id, self._outer.queue_id
                    log.failure(text, session=session_id, queue=queue_id)


def _rejects(outcome: Outcome) -> bool:
    return isinstance(outcome, BaseException | Failure) or (isinstance(outcome, Reply) and not outcome.positive)


def _check(given: object, session: object, method: str) -> None:
    """
    Check the answer of the second backend.

    Raises:
        SMTPError: It is a rejection.
        TypeError: A session may not answer so.
    """
    if not accepts(given):
        raise SMTPError.from_reply(answer(given, session, method))
