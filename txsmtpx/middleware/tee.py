"""
Middleware that gives each message to a second backend too, such as an archive.

Both read it as it comes, at the pace of the slower.  The copy ends only when the first backend has taken the message;
of one that it refuses, or that is lost on the way, the second gets no end, and so nothing that it could take for whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.dialog.message import CONTENT_LIMIT, Message, MessageAborted
from txsmtpx.dialog.outcome import accepts, answer
from txsmtpx.dialog.transaction import Transaction
from txsmtpx.errors import SMTPError
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection
from txsmtpx.middleware.middleware import Middleware, MiddlewareContext, MiddlewareSession
from txsmtpx.middleware.streamed_message import StreamedMessage
from txsmtpx.settling import FAILURES

log = Logger(__name__)


class TeeBackend(Middleware):
    """
    A backend whose messages another one gets as well.

    Attributes:
        copies: The other.
        required: Whether a message is taken only when its copy was.

    Args:
        backend: The one it is for: the clients hear from this one alone.
        copies: An `txsmtpx.IBackend` that has a session for everybody; each message has one of its own, and
            goes to the recipients that ``backend`` took at RCPT.  When under LMTP it has refused all of them by
            ``set_status``, there is no copy.
        required: A message whose copy is refused is refused, and its 250 waits for the copy.  Otherwise that
            stands in the log.
    """

    def __init__(self, backend: Any, copies: Any, *, required: bool = False) -> None:
        super().__init__(backend)
        self.copies = copies
        self.required = required

    def session(self, session: Any, connection: Connection) -> _TeeSession:
        """A session that copies."""
        return _TeeSession(session, connection, self)


class _TeeSession(MiddlewareSession):
    def __init__(self, inner: Any, connection: Connection, tee: TeeBackend) -> None:
        super().__init__(inner, connection)
        self._tee = tee
        self._copy: _Copy | None = None

    async def data(self, message: Any, context: Any) -> Any:
        """DATA, to both."""
        copy = _Copy(context)
        try:
            await copy.begin(self._tee.copies, message)
        except FAILURES as error:
            await copy.give_up()
            self._not_copied(context, error)
            return await maybeDeferred(self.inner.data, message, context)
        self._copy = copy
        mine = _TeeContext(context)
        stream = StreamedMessage(message, copy.taken_from(message))
        try:
            said = await maybeDeferred(self.inner.data, stream, mine)
            if not mine.started:
                await stream.rest()
        except FAILURES:
            await copy.give_up()
            raise
        if _is_no(said) or mine.refused == len(context.recipients):
            await copy.give_up()
            return said
        if self._tee.required:
            await self._finish(copy, context)
        else:
            Deferred.fromCoroutine(self._finish(copy, context))
        return said

    def reset(self) -> Any:
        """The transaction is over: of a message that nobody has read to its end there will be no copy."""
        copy, self._copy = self._copy, None
        if copy is not None:
            copy.read_no_further()
        return self.inner.reset()

    async def _finish(self, copy: _Copy, context: Any) -> None:
        try:
            await copy.finish()
        except FAILURES as error:
            self._not_copied(context, error)

    def _not_copied(self, context: Any, error: BaseException) -> None:
        """
        Raises:
            SMTPError: It has to be.
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
            raise error if isinstance(error, SMTPError) else SMTPError.from_reply(replies.LOCAL_ERROR_451)


class _TeeContext(MiddlewareContext):
    """
    Counts.

    Attributes:
        refused: Recipients whose status is a no.
    """

    def __init__(self, outer: Any) -> None:
        super().__init__(outer)
        self.refused = 0

    def set_status(self, recipient: str | int, status: Any = None) -> bool:
        """See `IDataContext.set_status`."""
        counted = super().set_status(recipient, status)
        self.refused += counted and _is_no(status)
        return counted


class _Copy:
    """A transaction with the second backend."""

    def __init__(self, context: Any) -> None:
        self._outer = context
        self._session: Any = None
        self._context: Any = None
        self._message = Message()
        self._read: Deferred[BaseException | None] = Deferred()

    async def begin(self, backend: Any, message: Any) -> None:
        """
        Up to DATA.

        Raises:
            SMTPError: The second backend does not take it.
        """
        outer = self._outer
        session = self._session = await maybeDeferred(backend.anonymous_login, outer.connection)
        transaction = Transaction(outer.sender, outer.options, outer.queue_id)
        _checked(await maybeDeferred(session.mail, outer.sender, outer.options), session, "mail")
        refused: SMTPError | None = None
        for recipient, options in zip(outer.recipients, outer.recipient_options, strict=True):
            try:
                _checked(await maybeDeferred(session.rcpt, recipient, options), session, "rcpt")
            except SMTPError as error:
                refused = error
            else:
                transaction.recipients.append(recipient)
                transaction.recipient_options.append(options)
        if refused is not None and not transaction.recipients:
            raise refused
        self._message.content_limit = getattr(message, "content_limit", CONTENT_LIMIT)
        self._context = outer.another(transaction)
        self._context.run(session, self._message)

    async def taken_from(self, message: Any) -> AsyncIterator[bytes]:
        """The chunks of ``message``, which the second backend has had before the next is asked for."""
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
        """Nobody reads on."""
        self._has_read(MessageAborted())

    def _has_read(self, error: BaseException | None) -> None:
        if not self._read.called:
            self._read.callback(error)

    async def finish(self) -> None:
        """
        The first backend has taken it: this is its end, when it has been read to that.

        Raises:
            SMTPError: The second backend does not take it.
            MessageAborted: Nobody has read it to its end.
        """
        try:
            error = await self._read
            if error is not None:
                self._context.lost(Failure(MessageAborted()))
                raise MessageAborted(f"it was not read to its end: {error}")
            self._message.finish()
            told: list[Reply] = []
            last = self._context.conclude(told.append)
            last = await last if isinstance(last, Deferred) else last
            for reply in told if last is None else [last]:
                _checked(reply, self._session, "data")
        finally:
            await self._close()

    async def give_up(self) -> None:
        """It is not to have an end."""
        if self._context is not None:
            self._context.lost(Failure(MessageAborted()))
        await self._close()

    async def _close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            for method in (session.reset, session.logout):
                try:
                    await maybeDeferred(method)
                except FAILURES:
                    text = "session={session} queue={queue} the session of the copy failed"
                    session_id, queue_id = self._outer.connection.session_id, self._outer.queue_id
                    log.failure(text, session=session_id, queue=queue_id)


def _is_no(said: Any) -> bool:
    return isinstance(said, BaseException | Failure) or (isinstance(said, Reply) and not said.positive)


def _checked(said: object, session: object, method: str) -> None:
    """
    Raises:
        SMTPError: It is a no.
        TypeError: A session may not give it.
    """
    if not accepts(said):
        raise SMTPError.from_reply(answer(said, session, method))
