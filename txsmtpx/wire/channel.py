"""
The client's end of a connection: lines in, octets out, time-outs, TLS.  What is said there is `SMTPClient`'s.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed, ConnectionLost, TimeoutError
from twisted.internet.interfaces import IHandshakeListener, IPushProducer, IReactorTime, ISSLTransport
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.dialog.client import ClientDialog
from txsmtpx.dialog.demands import EightBit
from txsmtpx.dialog.extension import Extension
from txsmtpx.dialog.failure import own_failure
from txsmtpx.errors import DeliveryError, NetworkError, ProtocolError
from txsmtpx.extensions import registry
from txsmtpx.grammar import asciitext
from txsmtpx.grammar.host import plain_address
from txsmtpx.wire.client_tls import tls_failure
from txsmtpx.wire.deadlines import Deadlines
from txsmtpx.wire.description import ehlo_name
from txsmtpx.wire.outlet import Outlet
from txsmtpx.wire.timeouts import Timeouts
from txsmtpx.wire.tls_state import TLSState
from txsmtpx.wire.transcript import Recorder, Transcript

MAX_LINE = 8192
"""Octets of a reply line: RFC 5321 §4.5.3.1.5 allows 512, servers have been seen to say more."""


@implementer(IHandshakeListener, IPushProducer)
class ClientChannel(LineReceiver):
    """
    See `SMTPClient`, which is one.

    Attributes:
        lmtp: Whether LMTP is spoken (RFC 2033).
        greeting: Fires with the server's first reply.
        tls: A `TLSState`, None in the clear.
        server_name: The name of the server, where the endpoint found it out (`txsmtpx.wire.mx`).

    Args:
        eight_bit: What becomes of octets above 127 that the server does not take: "refuse" or "send".
        extensions: What we understand besides those in the box.
        without: Keywords of extensions that are not used, though the server offers them.
        tls_options: The `ClientTLS` of an endpoint that speaks TLS from the start.
        in_thread: Calls a function in a thread, for bodies that are files.
        domain: What we call ourselves, "" for the address of this end (RFC 5321 §4.1.3).
        allow_insecure_auth: Log in without TLS, where everybody on the way can read it.
    """

    transport: Any  # it provides more interfaces than ITransport

    def __init__(
        self,
        *,
        clock: IReactorTime,
        in_thread: Callable[..., Deferred[Any]],
        lmtp: bool = False,
        domain: str = "",
        timeouts: Timeouts | float | None = None,
        allow_insecure_auth: bool = False,
        transcript: Transcript | None = None,
        tls_options: Any = None,
        extensions: Sequence[Extension] = (),
        without: Collection[str] = (),
        eight_bit: EightBit = "refuse",
    ) -> None:
        self.lmtp = lmtp
        self.tls: TLSState | None = None
        self.server_name = ""
        self._domain = ehlo_name(domain)
        self._in_thread = in_thread
        self._timeouts = Timeouts.of(timeouts)
        self._allow_insecure_auth = allow_insecure_auth
        self._eight_bit = eight_bit
        self._tls_options = tls_options
        self._dialog = ClientDialog(self, (*registry.EXTENSIONS, *extensions), registry.left_alone(without, extensions))
        self._deadlines = Deadlines(clock, self._expired)
        self._recorder = None if transcript is None else Recorder(transcript, f"{id(self):x}")
        self._lines: deque[bytes] = deque()
        self._unread = b""  # the beginning of a line
        self._lost = False
        self._writable: Deferred[None] | None = None
        self._paused_writing = False
        self._secured: Deferred[None] | None = None
        self._closed: list[Deferred[None]] = []
        self._receiving = False
        self._moved = False
        self.greeting = self._dialog.expect("greeting", "greeting")

    @property
    def usable(self) -> bool:
        """Whether another command can be sent."""
        return not self._lost and self._dialog.failure is None

    @property
    def extensions(self) -> dict[str, Any]:
        """Keyword to what stood behind it, as its extension reads it; empty before `hello`."""
        return self._dialog.extensions

    def supports_auth(self, mechanism: str) -> bool:
        """Whether ``mechanism`` is offered."""
        return asciitext.upper(mechanism) in self.extensions.get("AUTH", ())

    @property
    def max_message_size(self) -> int | None:
        """Octets the server takes at most (RFC 1870); None where it does not say."""
        return self.extensions.get("SIZE") or None

    def close(self) -> Deferred[None]:
        """Hang up; fires when the connection is gone."""
        gone: Deferred[None] = Deferred(self._close_cancelled)
        if self._lost:
            gone.callback(None)
        else:
            self._closed.append(gone)
            self.transport.unregisterProducer()
            self.transport.loseConnection()
            self._deadlines.set("close", self._timeouts.quit)
        return gone

    # ---- what Twisted calls

    def connectionMade(self) -> None:
        """Wait for the greeting."""
        self._outlet = Outlet(self.transport)
        self.transport.registerProducer(self, True)
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
        if ISSLTransport.providedBy(self.transport):
            self._secured = Deferred()
            self._secured.addErrback(lambda failure: None)  # the greeting fails with it

    def dataReceived(self, data: bytes) -> None:
        """Take a segment."""
        if self._secured is not None and self.tls is None and ISSLTransport.providedBy(self.transport):
            self.handshakeCompleted()
        *lines, self._unread = (self._unread + data).split(b"\n")  # LineReceiver copies the rest for each of them
        self._lines.extend(lines)
        self._receiving = True
        several = len(self._lines) > 1
        if several:
            self._dialog.begin_segment()
        while self._lines and self._dialog.failure is None:
            self.lineReceived(self._lines.popleft())
        if several:
            self._dialog.end_segment()
        self._receiving = False
        if len(self._unread) > MAX_LINE:
            self._too_long()
        if self._moved:
            self._set_clock()

    def lineReceived(self, line: bytes) -> None:
        """Take a line; a bare LF ends it too."""
        if len(line) > MAX_LINE:
            self._too_long()
            return
        line = line.removesuffix(b"\r")
        if self._recorder is not None:
            self._recorder.server(self._dialog.masked(line))
        self._dialog.line_received(line)

    def handshakeCompleted(self) -> None:
        """TLS stands."""
        transport = self.transport
        while not hasattr(transport.getHandle(), "get_cipher_name"):
            transport = transport.transport
        self.tls = TLSState(transport.getHandle())
        secured, self._secured = self._secured, None
        if secured is not None:
            secured.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Everyone who waits for anything learns why it will not come."""
        self._lost = True
        self._deadlines.stop()
        secured, self._secured = self._secured, None
        why = self._why(reason.value, handshaking=secured is not None)
        self._dialog.fail(why)
        writable, self._writable = self._writable, None
        for waiting in (secured, writable):
            if waiting is not None:
                waiting.errback(own_failure(self._dialog.failure or why))
        closed, self._closed = self._closed, []
        for gone in closed:
            gone.callback(None)
        if self.tls is not None:
            self.tls.lost()

    def _why(self, reason: BaseException | None, handshaking: bool) -> DeliveryError:
        """The end of the connection as an error of its own: reactors share one among all connections."""
        failed = tls_failure(self._tls_options, reason, handshaking)
        if failed is not None:
            return failed
        if not isinstance(reason, ConnectionClosed):
            reason = ConnectionLost(f"{type(reason).__name__}: {reason}")
        return NetworkError.of(reason, "TLS" if handshaking else "")

    def pauseProducing(self) -> None:
        """The server does not read."""
        self._paused_writing = True

    def resumeProducing(self) -> None:
        """It does again."""
        self._paused_writing = False
        writable, self._writable = self._writable, None
        if writable is not None:
            writable.callback(None)

    def stopProducing(self) -> None:
        """The transport has gone; ``connectionLost`` follows."""

    # ---- what the dialog calls

    def write(self, octets: bytes, body: bytes = b"") -> None:
        """Send ``octets``, lines, and ``body``, of a message, in one go."""
        if self._recorder is not None:
            for line in octets[:-2].split(b"\r\n"):
                self._recorder.client(line)
            if body:
                self._recorder.message(len(body))
        self._outlet.write(octets + body if body else octets)

    def write_body(self, octets: bytes) -> None:
        """Send ``octets`` of a message."""
        if self._recorder is not None:
            self._recorder.message(len(octets))
        self._outlet.write(octets)

    def write_secret(self, octets: bytes) -> None:
        """Send ``octets``, a line that no transcript shows."""
        if self._recorder is not None:
            self._recorder.client(octets[:-2], response=True)
        self._outlet.write(octets)

    @property
    def congested(self) -> bool:
        """Whether octets wait to be sent, since the server does not read."""
        return self._paused_writing and not self._lost

    def writable(self) -> Deferred[None] | None:
        """A Deferred until which the server does not read, None when it does."""
        if not self._paused_writing or self._lost:
            return None
        self._writable = Deferred(lambda _: self._forget_writable())
        return self._writable

    def wake(self, seconds: float, call: Callable[[], object] | None) -> None:
        """Call ``call`` in ``seconds``; None for nothing."""
        if call is None:
            self._deadlines.clear("wake")
        else:
            self._wake = call
            self._deadlines.set("wake", seconds)

    def _forget_writable(self) -> None:
        self._writable = None

    def awaiting(self, phase: str | None) -> None:
        """The next reply belongs to this phase."""
        self._phase = phase
        if self._receiving:
            self._moved = True  # there may be more replies in this segment
        else:
            self._set_clock()

    def _set_clock(self) -> None:
        self._moved = False
        patience = 0 if self._phase is None else getattr(self._timeouts, self._phase)
        if patience > 0:
            self._deadlines.set("reply", patience)
        else:
            self._deadlines.clear("reply")

    def give_up(self) -> None:
        """Hang up at once."""
        if not self._lost and self.transport is not None:
            self.transport.abortConnection()

    # ---- inside

    def _secure(self, options: Any) -> Deferred[None]:
        """
        Negotiate TLS; fires when it stands.

        Raises:
            ProtocolError: The server has said more in the clear than it was asked for (RFC 3207 §6).
        """
        if not self._dialog.quiet or self._lines or self._unread:
            self._dialog.fail(ProtocolError("the server went on in the clear after STARTTLS", command="STARTTLS"))
            self._dialog.raise_failure()
        secured = self._secured = Deferred(self._handshake_cancelled)
        self.awaiting("handshake")
        self._tls_options = options
        self.transport.startTLS(options)
        return secured

    def _too_long(self) -> None:
        self._dialog.fail(ProtocolError("a reply line without end"))

    def _handshake_cancelled(self, secured: Deferred[None]) -> None:
        self._secured = None
        secured.errback(Failure(self._dialog.cancel("TLS")))

    def _close_cancelled(self, gone: Deferred[None]) -> None:
        self._closed.remove(gone)
        self.give_up()

    def _literal(self) -> str:
        """This end's address, for those who have no name (RFC 5321 §4.1.3)."""
        host = getattr(self.transport.getHost(), "host", None)
        if not host:
            return "localhost"
        host = plain_address(host)
        return f"[IPv6:{host}]" if ":" in host else f"[{host}]"

    def _expired(self, phase: str) -> None:
        if phase == "close":
            self.give_up()
        elif phase == "wake":
            self._wake()
        else:
            command = "TLS" if self._phase == "handshake" else ""
            self._dialog.fail(NetworkError.like(TimeoutError, f"no answer in time ({self._phase})", command))
