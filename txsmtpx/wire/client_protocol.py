"""The client's end of a connection, as Twisted sees it: lines in, octets out, time-outs, TLS."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.error import TimeoutError
from twisted.internet.interfaces import (
    IHandshakeListener,
    IOpenSSLClientConnectionCreator,
    IReactorTime,
    ISSLTransport,
)
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.dialog.client import ClientDialog
from txsmtpx.dialog.client_wire import ClientWire
from txsmtpx.errors import NetworkError, ProtocolError
from txsmtpx.extensions import registry
from txsmtpx.grammar.reply import Reply
from txsmtpx.wire.client_back_pressure import ClientBackPressure
from txsmtpx.wire.client_handshake import ClientHandshake
from txsmtpx.wire.client_settings import ClientSettings
from txsmtpx.wire.deadlines import Deadlines
from txsmtpx.wire.outlet import writer
from txsmtpx.wire.reactor_threads import in_thread_of
from txsmtpx.wire.timeouts import Timeouts
from txsmtpx.wire.transcript_recorder import recorder

T = TypeVar("T")

MAX_LINE = 8192
"""Octets of a reply line.  RFC 5321 §4.5.3.1.5 allows 512.  Exim reads 4,096; some servers send more."""


@implementer(IHandshakeListener)
class ClientProtocol(LineReceiver, ClientWire):
    """
    The protocol of one connection.  `txsmtpx.SMTPClient` has one, and is what callers use.

    The lines of the server go to a `ClientDialog`, which calls the methods of `ClientWire` in its turn.  The connection
    fails with `ProtocolError` if a line has more than `MAX_LINE` octets.

    Attributes:
        dialog: The `ClientDialog`.
        handshake: TLS of the connection.
        settings: As in the arguments; so is ``reactor``.
        greeting: A Deferred of the first reply of the server.
        server_name: The name of the server, if the endpoint has found it out (`txsmtpx.wire.mx`); otherwise "".

    Args:
        settings: The settings of the connection.
        reactor: Measures time.  If it has threads, files are read in them.
        tls_options: The options of TLS if that begins with the first octet, for error messages.
    """

    transport: Any  # it provides more interfaces than ITransport
    delimiter = b"\n"
    MAX_LENGTH = MAX_LINE

    def __init__(
        self,
        settings: ClientSettings,
        *,
        reactor: IReactorTime,
        tls_options: IOpenSSLClientConnectionCreator | None = None,
    ) -> None:
        self.settings = settings
        self.server_name = ""
        self.reactor: IReactorTime = reactor
        self._timeouts = Timeouts.of(settings.timeouts)
        without = registry.unused(settings.without, settings.extensions)
        extensions = (*registry.EXTENSIONS, *settings.extensions)
        self.dialog: ClientDialog = ClientDialog(self, extensions, without, settings.lmtp)
        self.handshake: ClientHandshake = ClientHandshake(self.dialog, tls_options)
        self._deadlines = Deadlines(reactor, self._expired)
        self._recorder = recorder(settings.transcript, f"{id(self):x}")
        self._lines: deque[bytes] = deque()
        self._unread = b""  # the beginning of a line
        self._lost = False
        self._back_pressure = ClientBackPressure()
        self._closed: list[Deferred[None]] = []
        self._receiving = False
        self._moved = False
        self._phase: str | None = None
        self.greeting: Deferred[Reply] = self.dialog.expect("greeting", "greeting")

    @property
    def usable(self) -> bool:
        """True if another command can be sent."""
        return not self._lost and self.dialog.failure is None

    # ---- the calls of Twisted

    def connectionMade(self) -> None:
        """Begin to wait for the greeting."""
        self._write = writer(self.transport)
        self._back_pressure.register(self.transport)
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
        self.handshake.connection_made(self.transport)

    def dataReceived(self, data: bytes) -> None:
        """
        Cut a segment into lines, and pass each to `lineReceived`.

        `LineReceiver.dataReceived` copies the rest of the segment for each line, which takes quadratic time for a
        segment of many lines.  This method takes linear time.  A client has no raw mode: replies are lines.

        Args:
            data: The octets.
        """
        if self.handshake.pending and ISSLTransport.providedBy(self.transport):
            self.handshakeCompleted()  # a foreign wrapper does not pass it on
        lines = (self._unread + data).split(b"\n")
        self._unread = lines.pop()
        self._lines.extend(lines)
        self._receiving = True
        several = len(self._lines) > 1
        if several:
            self.dialog.begin_segment()
        while self._lines and self.dialog.failure is None:
            self.lineReceived(self._lines.popleft())
        if several:
            self.dialog.end_segment()
        self._receiving = False
        if len(self._unread) > MAX_LINE:
            self.lineLengthExceeded(self._unread)
        if self._moved:
            self._set_clock()

    def rawDataReceived(self, data: bytes) -> None:
        """
        Take octets that were not cut into lines; they are treated as those of `dataReceived`.

        Args:
            data: The octets.
        """
        self.dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        """
        Take a line.

        Args:
            line: The line, without its LF; a CR before the LF is dropped.
        """
        if len(line) > MAX_LINE:
            self.lineLengthExceeded(line)
            return
        line = line.removesuffix(b"\r")
        if self._recorder is not None:
            self._recorder.server(self.dialog.masked(line))
        self.dialog.line_received(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        """
        End the connection, since a line is too long.

        Args:
            line: The line, as far as it has come.
        """
        self.dialog.fail(ProtocolError("a reply line without end"))

    def handshakeCompleted(self) -> None:
        """Note that TLS is established."""
        self.handshake.completed(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Fail everything that waits for the server.

        Args:
            reason: Why the connection has ended.
        """
        self._lost = True
        self._deadlines.stop()
        self.dialog.fail(self.handshake.failure(reason.value))
        error = self.dialog.failure
        assert error is not None
        self.handshake.lost(error)
        self._back_pressure.lost(error)
        closed, self._closed = self._closed, []
        for gone in closed:
            gone.callback(None)

    # ---- the calls of the dialog: see ClientWire

    def write(self, octets: bytes, body: bytes = b"") -> None:
        """
        Send lines, and octets of a message behind them, in one go.

        Args:
            octets: The lines, each with its CRLF.
            body: The octets of a message.
        """
        if self._recorder is not None:
            for line in octets[:-2].split(b"\r\n"):
                self._recorder.client(line)
            if body:
                self._recorder.message(len(body))
        self._write(octets + body if body else octets)

    def write_body(self, octets: bytes) -> None:
        """
        Send octets of a message.

        Args:
            octets: The octets.
        """
        if self._recorder is not None:
            self._recorder.message(len(octets))
        self._write(octets)

    def write_secret(self, octets: bytes) -> None:
        """
        Send a line that no transcript shows.

        Args:
            octets: The line, with its CRLF.
        """
        if self._recorder is not None:
            self._recorder.client(octets[:-2], response=True)
        self._write(octets)

    @property
    def congested(self) -> bool:
        """True if octets wait to be sent, since the server does not read."""
        return self._back_pressure.congested

    def writable(self) -> Deferred[None] | None:
        """
        Ask whether more octets may be written.

        Returns:
            None if they may; otherwise a Deferred that fires when the server reads again.
        """
        return self._back_pressure.writable()

    def wake(self, seconds: float, call: Callable[[], object] | None) -> None:
        """
        Call a function later, in place of the one set before.

        Args:
            seconds: The delay.
            call: The function; None for none.
        """
        if call is None:
            self._deadlines.clear("wake")
        else:
            self._wake = call
            self._deadlines.set("wake", seconds)

    def awaiting(self, phase: str | None) -> None:
        """
        Start the time-out of a phase.

        Args:
            phase: The phase that the next reply belongs to; None if no reply is awaited.
        """
        self._phase = phase
        if self._receiving:
            self._moved = True  # there may be more replies in this segment
        else:
            self._set_clock()

    def _set_clock(self) -> None:
        self._moved = False
        seconds = 0 if self._phase is None else getattr(self._timeouts, self._phase)
        if seconds > 0:
            self._deadlines.set("reply", seconds)
        else:
            self._deadlines.clear("reply")

    def in_thread(self, function: Callable[..., T], *arguments: object) -> Deferred[T]:
        """
        Call a function in a thread; at once if the reactor has no threads, such as a ``Clock``.

        Args:
            function: The function.
            arguments: Its arguments.

        Returns:
            A Deferred of its result.
        """
        return in_thread_of(self.reactor, function, *arguments)

    def start_tls(self, options: IOpenSSLClientConnectionCreator) -> Deferred[None]:
        """
        Negotiate TLS, after the server has accepted STARTTLS.

        Args:
            options: The options of TLS.

        Returns:
            A Deferred that fires when TLS is established.

        Raises:
            ProtocolError: The server has sent more in the clear than its reply (RFC 3207 §6).
        """
        if not self.dialog.quiet or self._lines or self._unread:
            self.dialog.fail(ProtocolError("the server went on in the clear after STARTTLS", command="STARTTLS"))
            self.dialog.raise_failure()
        self.awaiting("handshake")
        return self.handshake.start(self.transport, options)

    def close(self) -> Deferred[None]:
        """
        Send what was written, then close the connection; abort it after `Timeouts.quit` seconds.

        Returns:
            A Deferred that fires when the connection is closed.
        """
        gone: Deferred[None] = Deferred(self._close_cancelled)
        if self._lost:
            gone.callback(None)
        else:
            self._closed.append(gone)
            self.transport.unregisterProducer()
            self.transport.loseConnection()
            self._deadlines.set("close", self._timeouts.quit)
        return gone

    def _close_cancelled(self, gone: Deferred[None]) -> None:
        self._closed.remove(gone)
        self.abort()

    def abort(self) -> None:
        """Abort the connection."""
        if not self._lost and self.transport is not None:
            self.transport.abortConnection()

    def _expired(self, phase: str) -> None:
        if phase == "close":
            self.abort()
        elif phase == "wake":
            self._wake()
        else:
            command = "TLS" if self._phase == "handshake" else ""
            self.dialog.fail(NetworkError.like(TimeoutError, f"no answer in time ({self._phase})", command))
