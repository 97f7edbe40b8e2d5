"""
How a connection ends.

Theory of operation.  It ends in one of these ways:

- The dialog closes it, after QUIT, 421 and the like (`close`).  The server writes what is left, then closes.  A
  client that does not read that is cut off after `write_timeout`.
- The client shuts down its sending side, and still reads (`half_close`).  All that it has sent is answered, then
  the server closes; Postfix and go-smtp do the same.  A message that has not come whole is aborted at once.  Over TCP,
  a client that has closed the whole connection looks like this one until a write fails.
- The server stops (`goodbye`): 421 now, or when the transaction is done.
- The connection is lost (`lost`), as at the end of all other ways.

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
from txsmtpx.wire.opening import handshake_failed
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


def close(connection: SMTPServer) -> None:
    """
    Send what is written, then close the connection.

    Args:
        connection: The connection.
    """
    pressure = connection.pressure
    connection.input = b""
    if pressure.held:
        pressure.stop()
    connection.writer = None  # Twisted sends the last reply and closes in one turn
    connection.flush()
    connection.limits.set("close", connection.factory.write_timeout, last=True)
    connection.transport.unregisterProducer()
    if not (pressure.reading or connection.half_closed):
        pressure.read_on()  # TLS ends with the client's close_notify, which must be read
    connection.transport.loseConnection()


def half_close(connection: SMTPServer) -> None:
    """
    Answer the commands that have arrived, then close, since the client sends no more.

    Args:
        connection: The connection.
    """
    connection.half_closed = True
    connection.pressure.reading = False
    if closed_entirely(connection.transport):
        abort(connection)
    elif connection.pressure.held:
        await_answer(connection)
    else:
        all_answered(connection)


def await_answer(connection: SMTPServer) -> None:
    """
    Limit the wait of a client that sends no more for its next reply: it may not even be there.

    Args:
        connection: The connection.
    """
    transaction = connection.dialog.transaction
    in_message = transaction is not None and transaction.state is not ENVELOPE
    timeout = ANSWER_TIMEOUT if connection.input or in_message else LAST_ANSWER_TIMEOUT
    connection.limits.set("answer", timeout)


def all_answered(connection: SMTPServer) -> None:
    """
    Close: everything that a client has sent is answered, and it sends no more.

    Args:
        connection: The connection.
    """
    handshake_failed(connection, "the client sends no more")
    if connection.dialog.in_message:  # whose end will not come
        _end_session(connection, Failure(ConnectionDone()))
        close(connection)
    else:
        connection.dialog.close()


def goodbye(connection: SMTPServer) -> None:
    """
    Close with 421, now or when the transaction is done: the server is stopping.

    Args:
        connection: The connection.
    """
    dialog = connection.dialog
    if not _begun(connection):
        dialog.close()
    elif dialog.idle and not connection.busy:
        dialog.say_goodbye(replies.SHUTTING_DOWN_421)


def abort(connection: SMTPServer) -> None:
    """
    Close the connection now.

    Args:
        connection: The connection.
    """
    handshake_failed(connection, "the server ends the connection")
    connection.transport.abortConnection()


def lost(connection: SMTPServer, reason: Failure) -> None:
    """
    End the session and the transaction: the connection is lost.

    Args:
        connection: The connection.
        reason: Why the connection is lost.
    """
    reason = own_failure(reason)
    if connection.dialog.link is not CLOSED:
        handshake_failed(connection, failure_text(reason))
    connection.input = b""
    connection.pressure.stop()
    connection.limits.stop()
    _end_session(connection, reason)
    connection.factory.admission.dismiss(connection)
    disconnected = connection.factory.settings.observers.disconnected
    if disconnected is not None and _begun(connection):
        disconnected(connection.dialog.connection, reason)
    tls = connection.dialog.connection.tls
    if isinstance(tls, TLSState):
        tls.lost()


def _end_session(connection: SMTPServer, reason: Failure) -> None:
    dialog = connection.dialog
    if dialog.in_message:
        log.info("session={session} connection lost within a message", session=dialog.connection.session_id)
    ending = dialog.connection_lost(reason)
    if ending is not None:
        connection.factory.admission.wait_for(ending)


def _begun(connection: SMTPServer) -> bool:
    """Return whether the client is known, and observers have been told of the connection."""
    return connection.opening is None or connection.opening.begun
