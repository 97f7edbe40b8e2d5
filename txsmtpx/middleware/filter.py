"""
Middleware that shows each message to a filter while it is received: its header, its octets and its end.

The filter accepts the message, adds header fields, or gives a reply.  Until the filter has seen the end, the backend
behind it has not received the end either.  So that backend cannot store a part of a message as a whole one.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator

from zope.interface import implementer

from txsmtpx.arguments import checked
from txsmtpx.content import field
from txsmtpx.content import header as content_header
from txsmtpx.content.beginning import Beginning
from txsmtpx.content.header import Header
from txsmtpx.errors import SMTPError
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import (
    Accept,
    BackendLike,
    Connection,
    DataContext,
    Eventual,
    FilterLike,
    FilterMaker,
    HoldingFilterMaker,
    IFilter,
    Message,
    Outcome,
    SessionLike,
    Verdict,
    provides,
)
from txsmtpx.middleware.middleware import Middleware
from txsmtpx.middleware.middleware_context import MiddlewareContext
from txsmtpx.middleware.middleware_session import MiddlewareSession
from txsmtpx.middleware.streamed_message import StreamedMessage
from txsmtpx.settling import deferred_call, then

HEADER = 256 * 1024
"""Octets in which the header has to end.  Of a longer header the filter sees so many."""

IN_MEMORY = 1024 * 1024
"""Octets of a held message in memory; the rest is in a temporary file."""

CHUNK = 64 * 1024
"""Octets of a held message that are passed on at a time."""


@implementer(IFilter)
class Filter:
    """
    A filter that accepts everything.  Override what you need; see `IFilter`.

    Args:
        connection: The connection of the client.

    Attributes:
        connection: The connection of the client.
        context: The envelope of the message, from ``data`` until ``reset``; None otherwise.
        holds: True in a class whose filters need each message to be held.  Default: False.

    Example:
        ::

            class NeedsSubject(Filter):
                def header(self, header: Header) -> Verdict:
                    return None if "Subject" in header else Reply(550, (5, 6, 0), "A subject is needed")

            FilterBackend(MemoryBackend(), NeedsSubject)
    """

    holds = False

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.context: DataContext | None = None

    def connected(self, connection: Connection) -> Eventual[Verdict]:
        """
        Handle a new client, before the greeting.

        Args:
            connection: The connection.

        Returns:
            The verdict.
        """

    def hello(self, name: str) -> Eventual[Verdict]:
        """
        Handle HELO, EHLO or LHLO.

        Args:
            name: The argument of the command.

        Returns:
            The verdict.
        """

    def mail(self, sender: str, options: MailOptions) -> Eventual[Verdict]:
        """
        Handle MAIL.

        Args:
            sender: The address; ``""`` for the null reverse-path.
            options: The parameters.

        Returns:
            The verdict.
        """

    def recipient(self, address: str, options: RcptOptions) -> Eventual[Verdict]:
        """
        Handle RCPT.

        Args:
            address: The address.
            options: The parameters.

        Returns:
            The verdict.
        """

    def data(self, context: DataContext) -> Eventual[Verdict]:
        """
        Handle the beginning of a message, when the envelope is complete.

        Args:
            context: The envelope.

        Returns:
            The verdict.
        """

    def header(self, header: Header) -> Eventual[Verdict]:
        """
        Handle the header of the message.

        Args:
            header: The header.

        Returns:
            The verdict.
        """

    def chunk(self, octets: bytes) -> object:
        """
        Handle the next octets of the message.

        Args:
            octets: The octets.

        Returns:
            None; or a Deferred or coroutine, which delays the next octets until it fires.
        """

    def end(self, size: int) -> Eventual[Verdict]:
        """
        Handle the end of the message.

        Args:
            size: The octets of the message.

        Returns:
            The verdict.
        """

    def reset(self) -> object:
        """
        End the transaction.

        Returns:
            Ignored.
        """

    def close(self) -> object:
        """
        End the filter.

        Returns:
            Ignored.
        """


class FilterBackend(Middleware):
    """
    A backend that gets only the messages that a filter accepts.

    Args:
        backend: The other backend.
        make: A subclass of `Filter`, or a function of the `txsmtpx.Connection` that returns a filter.  The function may
            return a Deferred or a coroutine.
        hold: True holds each message until the filter has seen its end, a large one in a temporary file.  Then the
            filter can still add header fields.  False passes the message on while it is received.  None: ``make.holds``
            decides (`txsmtpx.interfaces.IHoldingFilterMaker`), and False without it.

    Attributes:
        make: As in the arguments.
        hold: True if messages are held.

    Raises:
        TypeError: An argument has the wrong type.

    Example:
        >>> from txsmtpx import MemoryBackend
        >>> backend = FilterBackend(MemoryBackend(), Filter)
    """

    @checked
    def __init__(self, backend: BackendLike, make: FilterMaker, *, hold: bool | None = None) -> None:
        super().__init__(backend)
        self.make = make
        self.hold: bool = (provides(make, HoldingFilterMaker) and bool(make.holds)) if hold is None else hold

    def session(self, session: SessionLike, connection: Connection) -> _FilterSession:
        """
        Return a session that filters.

        Args:
            session: The session of the other backend.
            connection: The connection.

        Returns:
            The session.
        """
        return _FilterSession(session, connection, self)


class _FilterSession(MiddlewareSession):
    def __init__(self, inner: SessionLike, connection: Connection, backend: FilterBackend) -> None:
        super().__init__(inner, connection)
        self._backend = backend
        self._look: _Look | None = None

    async def data(self, message: Message, context: DataContext) -> Outcome:
        """Handle DATA: pass the message on as far as the filter accepts it."""
        hold = self._backend.hold
        made = await deferred_call(self._backend.make, context.connection)
        if isinstance(made, Filter):
            made.context = context
        look = self._look = _Look(message, made, hold)
        mine = MiddlewareContext(context)
        await look.at_header()
        if hold:
            await look.at_all()
        stream = StreamedMessage(message, look.held() if hold else look.passing())
        outcome = await deferred_call(self.inner.data, stream, mine)
        if not mine.started:
            await stream.rest()
        if look.refused is not None:  # even if the session has ignored it
            raise SMTPError.from_reply(look.refused)
        return outcome

    def reset(self) -> object:
        """End the transaction, and its filter."""
        look, self._look = self._look, None
        return self.inner.reset() if look is None else then(look.close(), lambda _: self.inner.reset())


class _Look:
    """
    One message that a filter looks at.

    Attributes:
        refused: The reply of the filter; None without one.
    """

    def __init__(self, message: Message, filter: FilterLike, hold: bool) -> None:
        self.refused: Reply | None = None
        self._chunks = aiter(message)
        self._filter = filter
        self._hold = hold
        self._beginning = Beginning(HEADER)
        self._ended = False
        self._added = b""
        self._file: tempfile.SpooledTemporaryFile[bytes] | None = None

    async def at_header(self) -> None:
        """
        Read the header, and give it to the filter.

        Raises:
            SMTPError: The reply of the filter.
        """
        while not self._beginning.complete and not self._ended:
            try:
                self._beginning.add(await anext(self._chunks))
            except StopAsyncIteration:
                self._ended = True
        seen = content_header.read(bytes(self._beginning.octets[:HEADER]))
        self._judge(await deferred_call(self._filter.header, seen), early=True)

    async def passing(self) -> AsyncIterator[bytes]:
        """Iterate over the message with the added fields; end only if the filter accepts it."""
        if self._added:
            yield self._added
        async for chunk in self._seen():
            yield chunk

    async def at_all(self) -> None:
        """
        Hold the whole message, and give it to the filter.

        Raises:
            SMTPError: The reply of the filter.
        """
        file = self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # which close() closes
        async for chunk in self._seen():
            file.write(chunk)
        file.seek(0)

    async def held(self) -> AsyncIterator[bytes]:
        """Iterate over the message that was held, with the added fields."""
        if self._added:
            yield self._added
        while self._file is not None and (chunk := self._file.read(CHUNK)):
            yield chunk

    async def _seen(self) -> AsyncIterator[bytes]:
        """Iterate over the message, each chunk after the filter has handled it."""
        size = 0
        beginning, self._beginning = bytes(self._beginning.octets), Beginning(HEADER)
        if beginning:
            size += len(beginning)
            await deferred_call(self._filter.chunk, beginning)
            yield beginning
        if not self._ended:
            async for chunk in self._chunks:
                size += len(chunk)
                await deferred_call(self._filter.chunk, chunk)
                yield chunk
        self._judge(await deferred_call(self._filter.end, size), early=self._hold)

    def _judge(self, verdict: Verdict, early: bool) -> None:
        """
        Act on a verdict.

        Args:
            verdict: The verdict.
            early: True if fields can still be added.

        Raises:
            SMTPError: The reply of the filter.
            TypeError: It is no verdict, or it comes too late.
        """
        if isinstance(verdict, Reply):
            self.refused = verdict
            raise SMTPError.from_reply(verdict)
        if isinstance(verdict, Accept):
            if verdict.headers and not early:
                raise TypeError("a filter that adds header fields at the end needs FilterBackend(..., hold=True)")
            self._added += b"".join(field.encode(name, value) for name, value in verdict.headers)
        elif verdict is not None:
            raise TypeError(f"a verdict must be None, Accept or Reply, not {verdict!r}")

    def close(self) -> object:
        """End the filter."""
        if self._file is not None:
            self._file.close()
        return self._filter.close()
