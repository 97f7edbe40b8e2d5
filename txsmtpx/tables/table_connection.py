"""One connection to the server of a table: it carries one request after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from txsmtpx.interfaces import Clock, StreamTransport
from txsmtpx.tables.table_codec import ReplyReader, TableCodec, TableError, TableReply


class ConnectionClosed(TableError):
    """
    The server has closed the connection, and sent nothing of a reply.

    Example:
        >>> str(ConnectionClosed())
        'the server has closed the connection'
    """

    def __init__(self) -> None:
        super().__init__("the server has closed the connection")


class TableConnection(Protocol):
    """
    A connection to the server of a table.  `txsmtpx.tables.remote_table.RemoteTable` creates it.

    Args:
        codec: The protocol.
        clock: The clock.
        closed: Called when the connection cannot be used any longer; perhaps twice.
    """

    def __init__(self, codec: TableCodec, clock: Clock, closed: Callable[[TableConnection], object]) -> None:
        self._codec = codec
        self._clock = clock
        self._closed = closed
        self._reader: ReplyReader | None = None
        self._reply: Deferred[TableReply] | None = None
        self._begun = False
        self._timer: IDelayedCall | None = None

    def ask(self, key: str) -> Deferred[TableReply]:
        """
        Send a request.  There is one request at a time.

        Args:
            key: The key.

        Returns:
            A Deferred of the reply.  If it is cancelled, the connection is aborted.
        """
        self._stop_timer()
        reply = self._reply = Deferred(lambda cancelled: self.abort())
        self._reader = self._codec.reader()
        self._begun = False
        cast(StreamTransport, self.transport).write(self._codec.request(key))
        return reply

    def keep(self, seconds: float) -> None:
        """
        Wait for the next request, and close the connection if there is none.

        Args:
            seconds: The most seconds without a request.
        """
        self._timer = self._clock.callLater(seconds, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self.abort()

    def abort(self) -> None:
        """Abort the connection."""
        self._stop_timer()
        self._closed(self)
        cast(StreamTransport, self.transport).abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """
        Read octets of a reply.  Octets without a request end the connection.

        Args:
            data: The octets.
        """
        if self._reader is None:
            self.abort()
            return
        self._begun = True
        try:
            found = self._reader.feed(data)
        except TableError as error:
            reply = self._take_reply()
            self.abort()
            if reply is not None:
                reply.errback(error)
            return
        reply = None if found is None else self._take_reply()
        if reply is not None and found is not None:
            reply.callback(found)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        Fail the request that has no reply.

        Args:
            reason: Why the connection was closed.
        """
        self._stop_timer()
        self._closed(self)
        reply = self._take_reply()
        if reply is not None:
            reply.errback(
                TableError("the server has closed the connection within a reply") if self._begun else ConnectionClosed()
            )

    def _take_reply(self) -> Deferred[TableReply] | None:
        reply, self._reply, self._reader = self._reply, None, None
        return None if reply is None or reply.called else reply

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
