"""
How a connection ends.

Theory of operation.  It ends in one of these ways:

- The dialog closes it, after QUIT, 421 and the like (`Ending.close`).  The server writes what is left, then closes.  A
  client that does not read that is cut off after `write_timeout`.
- The client shuts down its sending side, and still reads (`Ending.half_close`).  All that it has sent is answered, then
  the server closes; Postfix and go-smtp do the same.  A message that has not come whole is aborted at once.  Over TCP,
  a client that has closed the whole connection looks like this one until a write fails.
- The server stops (`Ending.goodbye`): 421 now, or when the transaction is done.
- The connection is lost (`Ending.lost`), as at the end of all other ways.

`Link.CLOSED` of the dialog says that the end has begun.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.error import ConnectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.dialog.failure import own_failure
from txsmtpx.dialog.state import CLOSED, ENVELOPE
from txsmtpx.grammar import replies
from txsmtpx.wire.half_close import closed_entirely
from txsmtpx.wire.handshake import failure_text
from txsmtpx.wire.tls_state import TLSState

if TYPE_CHECKING:
    from txsmtpx.wire.server import SMTPServer

log = Logger(__name__)

ANSWER_TIMEOUT = 600.0
"""
Seconds that a client which sends no more waits for its next reply, while a message of it may still be stored.
RFC 5321 §4.5.3.2.6 has 10 minutes for the reply to a message.

The client may have closed the whole connection, which over TCP looks the same.  Without this limit, a backend that
never answers would hold such a connection for ever.
"""

LAST_ANSWER_TIMEOUT = 5.0
"""
Seconds for the last reply of all, if it is not to a message.  Nothing is lost but that reply, and most clients that end
like this, within a transaction, have closed the whole connection.
"""


class Ending:
    """
    How one connection ends.  The connection creates it.

    Args:
        connection: The connection.

    Attributes:
        half_closed: True if the client has shut down its sending side.
    """

    __slots__ = ("_connection", "half_closed")

    def __init__(self, connection: SMTPServer) -> None:
        self._connection = connection
        self.half_closed: bool = False

    def close(self) -> None:
        """Send what is written, then close the connection."""
        connection = self._connection
        deadlines, pressure = connection.limits.deadlines, connection.pressure
        connection.input = b""
        if pressure.held:
            pressure.stop()
        connection.flush()
        deadlines.clear_all()
        deadlines.set("close", connection.factory.write_timeout)
        connection.transport.unregisterProducer()
        if not (pressure.reading or self.half_closed):
            pressure.read_on()  # TLS ends with the client's close_notify, which must be read
        connection.transport.loseConnection()

    def half_close(self, held: bool) -> None:
        """
        Answer the commands that have arrived, then close, since the client sends no more.

        Args:
            held: True if input is held.
        """
        self.half_closed = True
        if closed_entirely(self._connection.transport):
            self.abort()
        elif held:
            self.await_answer()
        else:
            self.all_answered()

    def await_answer(self) -> None:
        """Limit the wait of a client that sends no more for its next reply: it may not even be there."""
        connection = self._connection
        transaction = connection.dialog.transaction
        in_message = transaction is not None and transaction.state is not ENVELOPE
        timeout = ANSWER_TIMEOUT if connection.input or in_message else LAST_ANSWER_TIMEOUT
        connection.limits.deadlines.set("answer", timeout)

    def all_answered(self) -> None:
        """Close: everything that a client has sent is answered, and it sends no more."""
        connection = self._connection
        connection.opening.handshake_failed("the client sends no more")
        if connection.dialog.in_message:  # whose end will not come
            self._end_session(Failure(ConnectionDone()))
            self.close()
        else:
            connection.dialog.close()

    def goodbye(self) -> None:
        """Close with 421, now or when the transaction is done: the server is stopping."""
        dialog = self._connection.dialog
        if not self._connection.opening.begun:
            dialog.close()
        elif dialog.idle and not self._connection.busy:
            dialog.say_goodbye(replies.SHUTTING_DOWN_421)

    def abort(self) -> None:
        """Close the connection now."""
        self._connection.opening.handshake_failed("the server ends the connection")
        self._connection.transport.abortConnection()

    def lost(self, reason: Failure) -> None:
        """
        End the session and the transaction: the connection is lost.

        Args:
            reason: Why the connection is lost.
        """
        connection = self._connection
        reason = own_failure(reason)
        if connection.dialog.link is not CLOSED:
            connection.opening.handshake_failed(failure_text(reason))
        connection.input = b""
        connection.pressure.stop()
        connection.limits.deadlines.stop()
        self._end_session(reason)
        connection.opening.leave()
        disconnected = connection.factory.settings.observers.disconnected
        if connection.opening.begun and disconnected is not None:
            disconnected(connection.dialog.connection, reason)
        tls = connection.dialog.connection.tls
        if isinstance(tls, TLSState):
            tls.lost()

    def _end_session(self, reason: Failure) -> None:
        dialog = self._connection.dialog
        if dialog.in_message:
            log.info("session={session} connection lost within a message", session=dialog.connection.session_id)
        dialog.connection_lost(reason)
