"""
The server on the wire: one connection, from its greeting to its end, with its time-outs, its back-pressure and its TLS.

What the peer sends goes through the `Intake`, what is said to it through the `Outlet`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener, IPushProducer
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.logger import Logger, LogLevel
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.dialog.failure import own_failure
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.dialog.settings import Settings
from txsmtpx.grammar import replies
from txsmtpx.wire.admission import Admission
from txsmtpx.wire.deadlines import Deadlines
from txsmtpx.wire.half_close import ANSWER_TIMEOUT, LAST_ANSWER_TIMEOUT, closed_entirely
from txsmtpx.wire.handshake import failure_text
from txsmtpx.wire.intake import DIALOG, PEER, Intake
from txsmtpx.wire.opening import Opening
from txsmtpx.wire.outlet import Outlet
from txsmtpx.wire.server_certificate import Certificate
from txsmtpx.wire.tls_state import TLSState
from txsmtpx.wire.transcript import Recorder, Transcript

log = Logger(__name__)

BREATH = 0.02
"""Seconds between two writes while more commands wait for the backend, see `SMTPServer.write`."""


if TYPE_CHECKING:
    _ServerFactory = ServerFactory["SMTPServer"]
else:
    _ServerFactory = ServerFactory  # which takes no parameter before Twisted 25


class Server(_ServerFactory):
    """The part of `txsmtpx.SMTPServerFactory` that a connection reads.  It creates the connections."""

    settings: Settings
    tls: Certificate | None
    read_timeout: float
    write_timeout: float
    message_timeout: float
    greeting_delay: float
    transcript: Transcript | None
    admission: Admission[SMTPServer]


@implementer(IHalfCloseableProtocol, IHandshakeListener, IPushProducer)
class SMTPServer(LineReceiver):
    """
    One connection of a client.

    Attributes:
        dialog: Its `ServerDialog`.
        intake: What has come and was not dealt with yet.
        deaf: Whether what comes is nobody's business: all is said, or TLS begins.
    """

    factory: Server
    transport: Any  # it provides more interfaces than ITransport, which ones is looked at where it matters

    def __init__(self, factory: Server) -> None:
        self.factory = factory
        self.dialog = ServerDialog(factory.settings, self)
        self._recorder: Recorder | None = None
        if factory.transcript is not None:
            session_id = self.dialog.connection.session_id
            self._recorder = Recorder(factory.transcript, session_id, self.dialog)
        self.intake = Intake(self.dialog, self, factory.settings.clock, self._recorder)
        self._deadlines = Deadlines(factory.settings.clock, self._expired)
        self._opening = Opening(self, self._deadlines)
        self._out: list[bytes] = []
        self.deaf = False
        self._reading = True
        self._ended = False  # whether the client has shut down its sending side
        self._closing = False
        self._in_message = False
        self._next_breath = 0.0

    # ---- what Twisted calls

    def connectionMade(self) -> None:
        """Begin; behind a proxy when its header has come, before which nothing is said or done."""
        self._outlet = Outlet(self.transport)
        self.transport.registerProducer(self, True)
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
        self._opening.start()

    def dataReceived(self, data: bytes) -> None:
        """Take a segment, however the peer's octets were cut."""
        if self._closing:
            return
        if self._opening.pending:
            self._opening.first_octets(data)
        self.intake.take(data)

    def handshakeCompleted(self) -> None:
        """TLS stands."""
        self._opening.handshake_completed()

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
            self._expect_answer()
        else:
            self._end()

    def writeConnectionLost(self) -> None:
        """Never called, since the server does not shut down its sending side alone."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """All is over; everybody learns it."""
        reason = own_failure(reason)
        ended, self._closing, self.deaf = self._closing, True, True
        self.intake.clear()
        self._out.clear()
        self._deadlines.stop()
        if not ended:
            self._opening.handshake_failed(failure_text(reason))
        self._lose(reason)
        self._opening.leave()
        if self._opening.begun and self.factory.settings.observers.disconnected is not None:
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
        """The transport has gone; ``connectionLost`` follows."""

    # ---- what the dialog calls (IWire)

    def write(self, octets: bytes) -> None:
        """
        Send ``octets``, with the other replies to what has come together (RFC 2920 §3.2).

        Those to MAIL, RCPT and RSET wait for each other also where the backend lets each command wait, since a write
        for each costs more than the command; but not longer than a `BREATH`.
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
        self._opening.expect_handshake()
        self.deaf = True
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
        return self._opening.client_changed()

    def goodbye(self) -> None:
        """The server is stopping: 421 now, or when the transaction is done."""
        if not self._opening.begun:
            self.dialog.close()
        elif self.dialog.idle and not self.intake.busy:
            self.dialog.say_goodbye(replies.SHUTTING_DOWN_421)

    def abort(self) -> None:
        """Hang up now."""
        self._opening.handshake_failed("the server ends the connection")
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
                self._expect_answer()
        elif self._ended:
            self._end()
        else:
            if moved or not self._deadlines.running("idle"):  # a piece of a line puts nothing off
                self._deadlines.set("idle", self.factory.read_timeout)
            if not self._reading:
                self._reading = True
                self.transport.resumeProducing()
            if self.factory.admission.stopping and not self.intake.octets:
                self.goodbye()

    def _expect_answer(self) -> None:
        """The client sends no more, and may not even be there: it is answered soon, or not at all."""
        more = self.intake.octets or self.dialog.message is not None
        self._deadlines.set("answer", ANSWER_TIMEOUT if more else LAST_ANSWER_TIMEOUT)

    def _end(self) -> None:
        """Close: the client sends no more, and everything that it has sent is answered."""
        self._opening.handshake_failed("the client sends no more")
        if self.dialog.in_message:  # whose end will not come
            self._lose(Failure(ConnectionDone()))
        self.dialog.close()

    def _lose(self, reason: Failure) -> None:
        """Tell the dialog that its client has gone; the second time changes nothing."""
        if self.dialog.in_message:
            self.log(LogLevel.info, "connection lost within a message")
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

    def _expired(self, phase: str) -> None:
        if phase in ("idle", "write") and self._opening.handshake_failed("it was not complete in time"):
            self.abort()
        elif phase == "idle":
            self.dialog.say_goodbye(replies.IDLE_421)
        elif phase == "message":
            self.dialog.say_goodbye(replies.MESSAGE_TIMEOUT_421)
        elif phase == "greeting":
            self._opening.greet()
        elif phase == "reply":
            self._speak()
        elif phase == "answer":
            self.log(LogLevel.info, "the client sends no more, and the backend does not answer: aborting")
            self.abort()
        else:
            self.log(LogLevel.info, "the peer does not read: aborting")
            self.abort()

    def log(self, level: Any, text: str, **of: Any) -> None:
        """What belongs to this connection says so."""
        connection = self.dialog.connection
        ids = {"session": connection.session_id, "peer": connection.peer_host}
        log.emit(level, f"session={{session}} {text}", **ids, **of)
