"""
The server on the wire: one connection, with its input, its output, its time-outs and its TLS.

Theory of operation.  `SMTPServer.dataReceived` cuts what has come into lines and octets of messages (RFC 5321 §2.3.8)
and hands them to the dialog, one after the other, unless they are held (`txsmtpx.wire.back_pressure`).  What comes
meanwhile is kept in one buffer.  There is no other queue.

How a connection begins is in `txsmtpx.wire.opening`, how it ends in `txsmtpx.wire.ending`.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener, IReactorTime
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.dialog.server import ServerDialog
from txsmtpx.dialog.settings import Settings
from txsmtpx.dialog.state import CLOSED, OPEN
from txsmtpx.wire import ending
from txsmtpx.wire.admission import Admission
from txsmtpx.wire.back_pressure import DIALOG, LOOK, PROGRAM, TURN, TURN_SECONDS, BackPressure
from txsmtpx.wire.opening import Opening
from txsmtpx.wire.outlet import Writer, writer_for
from txsmtpx.wire.server_certificate import Certificate
from txsmtpx.wire.shared_timers import SharedTimers
from txsmtpx.wire.time_limits import TimeLimits
from txsmtpx.wire.transcript_recorder import Recorder, Transcript

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
    timers: SharedTimers


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class SMTPServer(LineReceiver):
    """
    One connection of a client.  The factory creates it.

    Args:
        factory: The factory, which has the settings and counts the connections.

    Attributes:
        dialog: The session of the client.
        clock: The clock of the server.
        input: Octets that have arrived and were not passed to the dialog.
        busy: True while input is passed to the dialog.
        opening: The beginning of the connection, also of TLS; None while the connection is open.
        half_closed: True if the client has shut down its sending side.
        limits: Its time limits.
        pressure: The back-pressure: it holds the input.
        writer: Writes output with fewer turns of the reactor than the transport; None to write to the transport.

    Example:
        >>> from txsmtpx import MemoryBackend, SMTPServerFactory
        >>> server = SMTPServerFactory(MemoryBackend()).buildProtocol(None)
    """

    factory: Server
    transport: Any  # it provides more interfaces than ITransport; which ones is looked at where it matters

    def __init__(self, factory: Server) -> None:
        self.factory = factory
        self.dialog: ServerDialog = ServerDialog(factory.settings, self)
        client, transcript = self.dialog.connection, factory.transcript
        client.aborter = self
        self._recorder = None if transcript is None else Recorder(transcript, client.session_id)
        self.clock: IReactorTime = factory.settings.clock
        self.limits: TimeLimits = TimeLimits(self)
        self.opening: Opening | None = Opening(self)
        self.half_closed: bool = False
        self.pressure: BackPressure = BackPressure(self)
        self.input: bytes = b""
        self._at = 0  # the index in `input` of the first octet that is not handed over
        self.busy: bool = False
        self._discarded: bytes | None = None  # the beginning of a line that is too long and has not ended
        self.writer: Writer | None = None
        self._output: list[bytes] | None = None  # replies that are not sent; None for none
        self._next_breath = 0.0

    # ---- what Twisted calls

    def connectionMade(self) -> None:
        """Begin the connection.  Behind a proxy it begins after the PROXY header has arrived."""
        self.writer = writer_for(self.transport)
        self.transport.registerProducer(self.pressure, True)
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
        assert self.opening is not None
        self.opening.start()

    def dataReceived(self, data: bytes) -> None:
        """
        Handle a segment: call `lineReceived` and `rawDataReceived` with its lines and octets.

        It replaces the method of `LineReceiver`, which copies the rest of the segment for each line.  That is quadratic
        in the number of lines.

        Args:
            data: The octets of the segment.
        """
        if not data:  # it is resumeProducing that calls, and the transport reads again
            self.pressure.reading = not self.half_closed
        elif self.opening is not None and self.dialog.link is not CLOSED:
            self.opening.first_octets(data)
        if self.dialog.link is CLOSED:
            return
        self.input = self.input + data if self.input else data
        if self.pressure.held:
            self.pressure.bound()
        elif not self.busy:
            self.work()

    def lineReceived(self, line: bytes, bare: bool = False) -> None:
        """
        Pass a line to the dialog.

        Args:
            line: The line, without its line end.
            bare: True if it ended in a bare LF.
        """
        if not self.busy:  # it is not dataReceived that calls
            self.dataReceived(line + (b"\n" if bare else b"\r\n"))
            return
        dialog = self.dialog
        if self._recorder is not None:
            self._recorder.client(line, dialog.exchange is not None, dialog.table)
        waiting = dialog.line_received(line, bare)
        if waiting is not None:
            self.pressure.wait_for(waiting)

    def rawDataReceived(self, data: bytes) -> None:
        """
        Pass octets of a message to the dialog.  If the message ends within them, the rest is lines again.

        Args:
            data: The octets.
        """
        if not self.busy:
            self.dataReceived(data)
            return
        if self._recorder is not None:
            self._recorder.hold()
        end, waiting = self.dialog.body_received(data)
        if waiting is not None:
            self.pressure.wait_for(waiting)
        if end >= 0:
            self.input = data[end:] + self.input
        if self._recorder is not None:
            self._recorder.message(len(data) if end < 0 else end)

    def pauseProducing(self) -> None:
        """Pause the transport, and hold what has arrived: the program asks for it."""
        self.pressure.held |= PROGRAM
        super().pauseProducing()  # type: ignore[no-untyped-call]

    def resumeProducing(self) -> None:
        """Resume the transport, and continue with what has arrived."""
        self.pressure.held &= ~PROGRAM
        super().resumeProducing()  # type: ignore[no-untyped-call]

    def handshakeCompleted(self) -> None:
        """Continue after the TLS handshake."""
        if self.opening is not None:
            self.opening.handshake_completed()

    def readConnectionLost(self) -> None:
        """Answer the remaining commands, then close, since the client has shut down its sending side."""
        if self.dialog.link is not CLOSED:
            ending.half_close(self)

    def writeConnectionLost(self) -> None:
        """Do nothing.  It is never called, since the server does not shut down its sending side alone."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        End the session and the transaction.

        Args:
            reason: The reason of the loss.
        """
        self._output = None
        ending.lost(self, reason)

    # ---- what the dialog calls (Wire), and the rest of the wire

    def write(self, octets: bytes) -> None:
        """
        Send a reply, in one write with the replies to other commands of the same segment (RFC 2920 §3.2).

        Replies to MAIL, RCPT and RSET wait for each other, at most `BREATH` seconds, also with a slow backend.  One
        write for each reply would cost more than the command.

        Args:
            octets: All lines of the reply.
        """
        if self._output is None:
            self._output = [octets]
        else:
            self._output.append(octets)
        if self._recorder is not None:
            self._recorder.reply(octets)
        if not self.busy:
            self.send_output()

    def start_tls(self) -> None:
        """Negotiate TLS.  Plaintext that has arrived is discarded (RFC 3207 §6)."""
        self.flush()
        self.opening = Opening(self, starttls=True)
        self.opening.start_tls()

    def admit_client(self) -> bool:
        """
        Count the connection for its client, which XCLIENT may have named.

        Returns:
            True if that client may have one more connection.
        """
        return self.factory.admission.admit_host(self, self.dialog.connection.peer_host)

    def close(self) -> None:
        """Send the remaining output, then close the connection.  Abort it if the client does not read in time."""
        ending.close(self)

    def goodbye(self) -> None:
        """Close with 421 since the server stops, at once or after the end of the transaction."""
        ending.goodbye(self)

    def abort(self) -> None:
        """Close the connection now."""
        ending.abort(self)

    def work(self) -> None:
        """Pass the buffered input to the dialog until it is held.  More input may arrive during this."""
        dialog, pressure = self.dialog, self.pressure
        self.busy, moved = True, False
        turn, until = TURN, 0.0
        while self._at < len(self.input) and not pressure.held:
            if dialog.body is not None:
                data, self.input, self._at = self.input[self._at :], b"", 0
                self.rawDataReceived(data)
            else:
                data, at = self.input, self._at
                end = data.find(b"\n", at)
                if (end + 1 or len(data)) - at > dialog.line_limit or self._discarded is not None:
                    self._discard(data, end)
                elif end < 0:
                    break
                else:
                    self._at = end + 1
                    bare = end == at or data[end - 1] != 0x0D
                    self.lineReceived(data[at:end] if bare else data[at : end - 1], bare)
            moved = self._discarded is None
            if dialog.link is not OPEN:
                break
            turn -= 1
            if turn % LOOK or self._at >= len(self.input):
                continue
            now = self.clock.seconds()
            until = until or now + TURN_SECONDS
            if not turn or now >= until:
                pressure.end_turn()
        self.input = self.input[self._at :] if dialog.link is OPEN else b""
        self._at = 0
        self.busy = False
        if dialog.link is not CLOSED:
            self._rest(moved)
        if self._output is not None:
            if pressure.held:
                self.send_output()
            else:
                self.flush()

    def _discard(self, data: bytes, end: int) -> None:
        """Discard a line that is too long, or what there is of it; its beginning is kept for the log."""
        beginning = self._discarded or data[self._at : self._at + 16]
        if end < 0:
            self._discarded = beginning
            self._at = len(data)
        else:
            self._discarded = None
            self._at = end + 1
            self.dialog.line_too_long(beginning)

    def _rest(self, moved: bool) -> None:
        """Start the clock of what is waited for now; if nothing has moved, but a piece of a line, no clock restarts."""
        limits = self.limits
        if not self.dialog.in_message:
            limits.message_since = inf
        elif limits.message_since == inf:
            limits.message_begins()
        if self.pressure.held:
            limits.idle_since = inf
            self.pressure.bound()
            if self.half_closed:
                ending.await_answer(self)
        elif self.half_closed:
            ending.all_answered(self)
        else:
            if moved or limits.idle_since == inf:
                limits.idle_since = self.clock.seconds()
            if not self.pressure.reading:
                self.pressure.read_on()
            if self.factory.admission.stopping and not self.input:
                self.goodbye()

    def send_output(self) -> None:
        """Send the output, unless more output follows soon."""
        if self.pressure.held & DIALOG and self.input and not self.dialog.urgent:
            now = self.clock.seconds()
            if now < self._next_breath:
                if not self.limits.running("reply"):
                    self.limits.set("reply", self._next_breath - now)
                return
            self._next_breath = now + BREATH
        self.flush()

    def flush(self) -> None:
        """Send what is written."""
        output, self._output = self._output, None
        if output is not None:
            octets = b"".join(output)
            self.dialog.urgent = False
            if self.writer is None:
                self.transport.write(octets)
            else:
                self.writer(self.transport, octets)
