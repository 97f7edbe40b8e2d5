"""
Middleware that shows each message to a filter while it comes: its header, its octets, its end.

A filter says what becomes of the message: nothing against it, header fields to add, or a reply.  As long as it has not
spoken at the end, the backend behind it has not had the end, and so can take no part of a message for the whole.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from typing import Any

from twisted.internet.defer import maybeDeferred
from zope.interface import implementer

from txsmtpx.content import field, header
from txsmtpx.content.beginning import Beginning
from txsmtpx.content.header import Header
from txsmtpx.errors import SMTPError
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Accept, Connection, IFilter
from txsmtpx.middleware.middleware import Middleware, MiddlewareContext, MiddlewareSession
from txsmtpx.middleware.streamed_message import StreamedMessage
from txsmtpx.settling import then

HEADER = 256 * 1024
"""Octets in which the header has to end; of a longer one the filter sees so much."""

IN_MEMORY = 1024 * 1024
"""Octets of a held message that are kept in memory, what is more in a temporary file."""

CHUNK = 64 * 1024
"""Octets of a held message that are handed on at a time."""


@implementer(IFilter)
class Filter:
    """
    Has nothing against any message: override what you need.

    Attributes:
        context: The `txsmtpx.IDataContext` of the message.
    """

    def __init__(self, context: Any) -> None:
        self.context = context

    def header(self, header: Header) -> Any:
        """The header has come (`IFilter.header`)."""

    def chunk(self, octets: bytes) -> Any:
        """The next octets (`IFilter.chunk`)."""

    def end(self, size: int) -> Any:
        """That was all (`IFilter.end`)."""

    def close(self) -> Any:
        """It is over (`IFilter.close`)."""


class FilterBackend(Middleware):
    """
    A backend that gets only what a filter lets through.

    Args:
        backend: The one it is for.
        make: Takes the `txsmtpx.IDataContext` of a message and gives an `IFilter` for it: a subclass of
            `Filter`, or a function, which may give a Deferred or a coroutine.
        hold: Keep the message, in a temporary file where it is big, until the filter has spoken at its end; only so
            can it add header fields then.  Otherwise ``backend`` reads along.  None for what ``make.holds`` says,
            and not where it says nothing.
    """

    def __init__(self, backend: Any, make: Callable[[Any], Any], *, hold: bool | None = None) -> None:
        super().__init__(backend)
        self.make = make
        self.hold = bool(getattr(make, "holds", False)) if hold is None else hold

    def session(self, session: Any, connection: Connection) -> _FilterSession:
        """A session that filters."""
        return _FilterSession(session, connection, self)


class _FilterSession(MiddlewareSession):
    def __init__(self, inner: Any, connection: Connection, backend: FilterBackend) -> None:
        super().__init__(inner, connection)
        self._backend = backend
        self._look: _Look | None = None

    async def data(self, message: Any, context: Any) -> Any:
        """
        DATA, past the filter.

        Raises:
            SMTPError: The filter's reply.
        """
        hold = self._backend.hold
        look = self._look = _Look(message, await maybeDeferred(self._backend.make, context), hold)
        mine = MiddlewareContext(context)
        await look.at_header()
        if hold:
            await look.at_all()
        stream = StreamedMessage(message, look.held() if hold else look.passing())
        said = await maybeDeferred(self.inner.data, stream, mine)
        if not mine.started:
            await stream.rest()
        if look.refused is not None:  # even if the session did not mind
            raise look.refused
        return said

    def reset(self) -> Any:
        """The transaction is over, and with it the look at its message."""
        look, self._look = self._look, None
        return self.inner.reset() if look is None else then(look.close(), lambda _: self.inner.reset())


class _Look:
    """
    One message before the eyes of a filter.

    Attributes:
        refused: The filter's reply, as an error.
    """

    def __init__(self, message: Any, filter: Any, hold: bool) -> None:
        self.refused: SMTPError | None = None
        self._message = message
        self._filter = filter
        self._hold = hold
        self._beginning = Beginning(HEADER)
        self._ended = False
        self._added = b""
        self._file: Any = None

    async def at_header(self) -> None:
        """
        Read the header, and show it.

        Raises:
            SMTPError: The filter's reply.
        """
        while not self._beginning.complete and not self._ended:
            try:
                self._beginning.add(await self._message.__anext__())
            except StopAsyncIteration:
                self._ended = True
        seen = header.read(bytes(self._beginning.octets[:HEADER]))
        self._judge(await maybeDeferred(self._filter.header, seen), early=True)

    async def passing(self) -> AsyncIterator[bytes]:
        """The message with what the filter has added, and its end if the filter lets it."""
        if self._added:
            yield self._added
        async for chunk in self._seen():
            yield chunk

    async def at_all(self) -> None:
        """
        Hold the whole message, and show it.

        Raises:
            SMTPError: The filter's reply.
        """
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # which close() closes
        async for chunk in self._seen():
            self._file.write(chunk)
        self._file.seek(0)

    async def held(self) -> AsyncIterator[bytes]:
        """The message that was held, with what the filter has added."""
        if self._added:
            yield self._added
        while chunk := self._file.read(CHUNK):
            yield chunk

    async def _seen(self) -> AsyncIterator[bytes]:
        """All of the message, each chunk when the filter has had it."""
        size = 0
        beginning, self._beginning = bytes(self._beginning.octets), Beginning(HEADER)
        if beginning:
            size += len(beginning)
            await maybeDeferred(self._filter.chunk, beginning)
            yield beginning
        if not self._ended:
            async for chunk in self._message:
                size += len(chunk)
                await maybeDeferred(self._filter.chunk, chunk)
                yield chunk
        self._judge(await maybeDeferred(self._filter.end, size), early=self._hold)

    def _judge(self, verdict: Any, early: bool) -> None:
        """
        Do what the filter says.

        Args:
            early: Whether fields can be added still.

        Raises:
            SMTPError: Its reply.
            TypeError: It says what it cannot.
        """
        if isinstance(verdict, Reply):
            self.refused = SMTPError.from_reply(verdict)
            raise self.refused
        if isinstance(verdict, Accept):
            if verdict.headers and not early:
                raise TypeError("where header fields are added at the end, the message is to be held: hold=True")
            self._added += b"".join(field.encode(name, value) for name, value in verdict.headers)
        elif verdict is not None:
            raise TypeError(f"no verdict: {verdict!r}")

    def close(self) -> Any:
        """Nobody looks any more."""
        if self._file is not None:
            self._file.close()
        return self._filter.close()

