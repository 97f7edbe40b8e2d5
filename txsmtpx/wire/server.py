"""
The server on the wire: one connection, from its greeting to its end, with its time-outs, its back-pressure and its TLS.

What the peer sends goes through the L{Intake}, what is said to it through the L{Outlet}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener, IPushProducer, ISSLTransport
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger, LogLevel
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.dialog.failure import own_failure
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.extensions.xclient import trusted
from txsmtpx.grammar import replies
from txsmtpx.wire.deadlines import Deadlines
from txsmtpx.wire.half_close import closed_entirely
from txsmtpx.wire.intake import DIALOG, PEER, Intake
from txsmtpx.wire.outlet import Outlet
from txsmtpx.wire.tls import TLSState
from txsmtpx.wire.transcript import Recorder

if TYPE_CHECKING:
    from txsmtpx.wire.factory import SMTPServerFactory

log = Logger(__name__)

BREATH = 0.02
"""Seconds between two writes while more commands wait for the backend, see L{SMTPServer.write}."""

ANSWER_TIMEOUT = 600.0
"""
Seconds that a client which sends no more waits for its next reply; RFC 5321 §4.5.3.2.6 has 10 minutes for a message.

The client may have closed the whole connection, which over TCP looks the same.  Without this limit, a backend that
never answers would hold such a connection for ever.
"""

_TLS_HELLO = b"\x16"
"""A record of type handshake; the first octet says it all, since no command begins so."""


@implementer(IHalfCloseableProtocol, IHandshakeListener, IPushProducer)
class SMTPServer(LineReceiver):
    """
    One connection of a client.

    @ivar dialog: its L{ServerDialog}.
    @ivar intake: what has come and was not dealt with yet.
    @ivar deaf: whether what comes is nobody's business: all is said, or TLS begins.
    """

    factory: SMTPServerFactory
    transport: Any  # it provides more interfaces than ITransport, which ones is looked at where it matters

    def __init__(self, factory: SMTPServerFactory) -> None:
        self.factory = factory
        self.dialog = ServerDialog(factory.settings, self)
        self._recorder: Recorder | None = None
        if factory.transcript is not None:
            session_id = self.dialog.connection.session_id
            self._recorder = Recorder(factory.transcript, session_id, self.dialog)
        self.intake = Intake(self.dialog, self, factory.settings.clock, self._recorder)
        self._deadlines = Deadlines(factory.settings.clock, self._expired)
        self._out: list[bytes] = []
        self.deaf = False
        self._reading = True
        self._ended = False  # whether the client has shut down its sending side
        self._closing = False
        self._handshaking = False
        self._spoken = False
        self._greeted = False
        self._counted: str | None = None
        self._in_message = False
        self._next_breath = 0.0

    # ---- what Twisted calls

    def connectionMade(self) -> None:
        """Greet, unless there are too many."""
        self._outlet = Outlet(self.transport)
        self.transport.registerProducer(self, True)
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
        self._behind_proxy = _behind_proxy(self.transport)
        self._ask_for_addresses()
        if ISSLTransport.providedBy(self.transport):
            self._handshaking = True  # the handshake is still to come, see _first_octets
        self._deadlines.set("idle", self.factory.read_timeout)
        if self.factory.settings.observers.connected is not None:
            self.factory.settings.observers.connected(self.dialog.connection)
        if not self.factory.admit(self):
            stopping = self.factory.stopping
            self.dialog.say_goodbye(replies.SHUTTING_DOWN_421 if stopping else replies.TOO_MANY_CONNECTIONS_421)
        elif self._behind_proxy or self._admit_host():
            if self.factory.greeting_delay > 0:
                self._deadlines.set("greeting", self.factory.greeting_delay)
            else:
                self._greet()
        self._flush()

    def dataReceived(self, data: bytes) -> None:
        """Take a segment, however the peer's octets were cut."""
        if self._closing:
            return
        if not self._spoken or self._handshaking:
            self._first_octets(data)
        self.intake.take(data)

    def handshakeCompleted(self) -> None:
        """TLS stands (not called behind a PROXY header: see L{_first_octets})."""
        if self._handshaking:
            self._tls_stands()

    def readConnectionLost(self) -> None:
        """
        The client has shut down its sending side: answer all that it has sent, then close.

        Postfix and go-smtp do the same.  Over TCP, a client that has closed the whole connection looks like this one
        until a write fails.
        """
        if self._closing:
            return
        self._reading, self._ended = False, True
        if closed_entirely(self.transport):
            self.abort()
        elif self.intake.held:
            self._deadlines.set("answer", ANSWER_TIMEOUT)
        else:
            self._end()

    def writeConnectionLost(self) -> None:
        """Never called, since the server does not shut down its sending side alone."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """All is over; everybody learns it."""
        reason = own_failure(reason)
        self._closing = self.deaf = True
        self.intake.clear()
        self._out.clear()
        self._deadlines.stop()
        self._lose(reason)
        self.factory.dismiss(self, self._counted)
        if self.factory.settings.observers.disconnected is not None:
            self.factory.settings.observers.disconnected(self.dialog.connection, reason)
        tls = self.dialog.connection.tls
        if isinstance(tls, TLSState):
            tls.lost()

    def pauseProducing(self) -> None:
        """The peer does not read: nothing is done for it meanwhile, and not for ever."""
        self.intake.hold(PEER)
        self._deadlines.clear("idle")
        self._deadlines.set("write", self.factory.write_timeout)
        self.intake.bound()

    def resumeProducing(self) -> None:
        """The peer has read."""
        self._deadlines.clear("write")
        self.intake.release(PEER)

    def stopProducing(self) -> None:
        """The transport has gone; C{connectionLost} follows."""

    # ---- what the dialog calls (IWire)

    def write(self, octets: bytes) -> None:
        """
        Send C{octets}, with the other replies to what has come together (RFC 2920 §3.2).

        Those to MAIL, RCPT and RSET wait for each other also where the backend lets each command wait, since a write
        for each costs more than the command; but not longer than a L{BREATH}.
        """
        self._out.append(octets)
        if self._recorder is not None:
            for line in octets[:-2].split(b"\r\n"):
                self._recorder.server(line)
        if not self.intake.busy:
            self._speak()

    def start_tls(self) -> None:
        """Forget what has come in the clear (RFC 3207 §6), and negotiate."""
        self._flush()
        self._handshaking = self.deaf = True
        certificate = self.factory.tls
        assert certificate is not None
        self.transport.startTLS(certificate.creator)

    def close(self) -> None:
        """Send what is written, then hang up; a peer that does not read it is cut off in time."""
        if self._closing:
            return
        self._closing = self.deaf = True
        self.intake.clear()
        self._flush()
        self._deadlines.clear_all()
        self._deadlines.set("close", self.factory.write_timeout)
        self.transport.unregisterProducer()
        if not (self._reading or self._ended):
            self._reading = True
            self.transport.resumeProducing()  # TLS ends with the peer's word, which must be read
        self.transport.loseConnection()

    def admit_client(self) -> bool:
        """XCLIENT: the connection counts for whom it is for."""
        self.factory.dismiss_host(self._counted)
        host = self.dialog.connection.peer_host
        self._counted = host if self.factory.admit_host(host) else None
        return self._counted is not None

    def goodbye(self) -> None:
        """The server is stopping: 421 now, or when the transaction is done."""
        if self.dialog.idle and not self.intake.busy:
            self.dialog.say_goodbye(replies.SHUTTING_DOWN_421)

    def abort(self) -> None:
        """Hang up now."""
        self.transport.abortConnection()

    # ---- what the intake calls (IFlow)

    def worked(self, moved: bool) -> None:
        """Nothing more can be done for now: one write for all the answers."""
        if not self._closing:
            self._wait(moved)
        if self._out:
            self._speak()

    def pause(self) -> None:
        """Read no more, until there is room."""
        if self._reading and not self._closing:
            self._reading = False
            self.transport.pauseProducing()

    # ---- inside

    def _wait(self, moved: bool) -> None:
        """Say for what we wait, and how long."""
        if self.dialog.in_message is not self._in_message:
            self._in_message = not self._in_message
            if self._in_message:
                self._deadlines.set("message", self.factory.message_timeout)
            else:
                self._deadlines.clear("message")
        if self.intake.held:
            self._deadlines.clear("idle")
            self.intake.bound()
            if self._ended:
                self._deadlines.set("answer", ANSWER_TIMEOUT)
        elif self._ended:
            self._end()
        else:
            if moved or not self._deadlines.running("idle"):  # a piece of a line puts nothing off
                self._deadlines.set("idle", self.factory.read_timeout)
            if not self._reading:
                self._reading = True
                self.transport.resumeProducing()
            if self.factory.stopping and not self.intake.octets:
                self.goodbye()

    def _end(self) -> None:
        """Close: the client sends no more, and everything that it has sent is answered."""
        if self.dialog.in_message:  # whose end will not come
            self._lose(Failure(ConnectionDone()))
        self.dialog.close()

    def _lose(self, reason: Failure) -> None:
        """Tell the dialog that its client has gone; the second time changes nothing."""
        if self.dialog.in_message:
            self._log(LogLevel.info, "connection lost within a message")
        self.dialog.connection_lost(reason)

    def _speak(self) -> None:
        """Send what was written, unless more follows soon."""
        if self.intake.held & DIALOG and self.intake.octets and not self.dialog.urgent:
            now = self.factory.settings.clock.seconds()
            if now < self._next_breath:
                if not self._deadlines.running("reply"):
                    self._deadlines.set("reply", self._next_breath - now)
                return
            self._next_breath = now + BREATH
        self._flush()

    def _flush(self) -> None:
        if self._out:
            octets = b"".join(self._out)
            self._out.clear()
            self.dialog.urgent = False
            self._outlet.write(octets)

    def _greet(self) -> None:
        self._greeted = True
        self.dialog.connection_made()

    def _first_octets(self, data: bytes) -> None:
        """The first the peer says at all, or in TLS."""
        if self._handshaking:
            self._tls_stands()  # where it does not, nothing arrives here
        if self._spoken:
            return
        self._spoken = True
        if self._behind_proxy:
            self._ask_for_addresses()
        if data.startswith(_TLS_HELLO) and self.dialog.connection.tls is None:
            self._log(LogLevel.warn, "a TLS hello on a plain port from [{peer}]: closing")
            self.dialog.close()
        elif not self._greeted:
            self._deadlines.clear("greeting")
            self.dialog.say_goodbye(replies.EARLY_TALKER_554)
        elif self._behind_proxy:
            self._admit_host()

    def _tls_stands(self) -> None:
        self._handshaking, self.deaf = False, self._closing
        self.dialog.tls_started(TLSState(self._tls_connection(), server=True))

    def _tls_connection(self) -> Any:
        transport: Any = self.transport
        while not hasattr(transport, "getHandle") or not hasattr(transport.getHandle(), "get_cipher_name"):
            transport = transport.transport
        return transport.getHandle()

    def _ask_for_addresses(self) -> None:
        connection = self.dialog.connection
        connection.peer, connection.host = self.transport.getPeer(), self.transport.getHost()

    def _admit_host(self) -> bool:
        host = self.dialog.connection.peer_host
        if trusted(self.dialog):
            return True  # it may have connections for many; see admit_client
        if self.factory.admit_host(host):
            self._counted = host
            return True
        self.dialog.say_goodbye(replies.TOO_MANY_CONNECTIONS_421)
        return False

    def _expired(self, phase: str) -> None:
        if phase == "idle":
            self.dialog.say_goodbye(replies.IDLE_421)
        elif phase == "message":
            self.dialog.say_goodbye(replies.MESSAGE_TIMEOUT_421)
        elif phase == "greeting":
            self._greet()
        elif phase == "reply":
            self._speak()
        elif phase == "answer":
            self._log(LogLevel.info, "the client sends no more, and the backend does not answer: aborting")
            self.abort()
        else:
            self._log(LogLevel.info, "the peer does not read: aborting")
            self.abort()

    def _log(self, level: Any, text: str, **of: Any) -> None:
        """What belongs to this connection says so."""
        connection = self.dialog.connection
        ids = {"session": connection.session_id, "peer": connection.peer_host}
        log.emit(level, f"session={{session}} {text}", **ids, **of)


def _behind_proxy(transport: Any) -> bool:
    """
    Whether the peer is known only when a PROXY header has come: Twisted's wrapper connects us before.  The header
    stands inside TLS or before it, so the wrapper may be either side of that.
    """
    while transport is not None:
        if type(transport).__module__.startswith("twisted.protocols.haproxy"):
            return True
        transport = getattr(transport, "transport", None)
    return False
