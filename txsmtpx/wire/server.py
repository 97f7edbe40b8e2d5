"""
The server on the wire: lines and bodies out of segments, time-outs, back-pressure, TLS.

What the peer sends is either handed to the dialog at once or held in one buffer, while the dialog or the
reader of a message or the peer's own slowness asks for it; when the buffer passes its bound,
the transport is paused.  There is no other queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IHandshakeListener,
    IPushProducer,
    ISSLTransport,
)
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger, LogLevel
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.dialog.server import ServerDialog
from txsmtpx.extensions.xclient import trusted
from txsmtpx.grammar import replies
from txsmtpx.wire.deadlines import Deadlines
from txsmtpx.wire.outlet import Outlet
from txsmtpx.wire.tls import TLSState
from txsmtpx.wire.transcript import shown

if TYPE_CHECKING:
    from txsmtpx.wire.factory import SMTPServerFactory

log = Logger()

HELD_INPUT = 64 * 1024
"""Octets of input held back before the transport is paused."""

TURN = 100
"""Commands of one connection, and pieces of a body, before the others have their turn."""

_TLS_HELLO = b"\x16"
"""A record of type handshake; the first octet says it all, since no command begins so."""


# Why nothing is handed to the dialog just now: bits, and not an IntFlag, whose arithmetic costs more than all the rest.
_DIALOG = 1
"""It waits for a backend, or for the reader of a message."""
_PEER = 2
"""It does not read what we have written."""
_OTHERS = 4
"""It had its turn."""


@implementer(IHandshakeListener, IPushProducer)
class SMTPServer(LineReceiver):
    """
    One connection of a client.

    @ivar dialog: its L{ServerDialog}.
    """

    factory: SMTPServerFactory
    transport: Any  # it provides more interfaces than ITransport, which ones is looked at where it matters

    # How each connection begins.
    _buffer = b""
    _held = 0
    _busy = False
    _too_long: bytes | None = None
    _reading = True
    _closing = False
    _handshaking = False
    _spoken = False
    _greeted = False
    _counted: str | None = None
    _in_message = False
    _moved = False
    _next_turn: IDelayedCall | None = None

    def __init__(self, factory: SMTPServerFactory) -> None:
        self.factory = factory
        self.dialog = ServerDialog(factory.settings, self)
        self._transcript = factory.transcript
        self._deadlines = Deadlines(factory.settings.clock, self._expired)
        self._out: list[bytes] = []

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
        if self._buffer:
            self._buffer += data
        else:
            self._buffer = data
        if self._held:
            self._bound_input()
        elif not self._busy:
            self._work()

    def handshakeCompleted(self) -> None:
        """TLS stands (not called behind a PROXY header: see L{_first_octets})."""
        if self._handshaking:
            self._tls_stands()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """All is over; everybody learns it."""
        self._closing = True
        self._buffer = b""
        self._out = []
        self._deadlines.stop()
        if self._next_turn is not None:
            self._next_turn.cancel()
        if self.dialog.in_message:
            self._log(LogLevel.info, "connection lost within a message")
        self.dialog.connection_lost(reason)
        self.factory.dismiss(self, self._counted)
        if self.factory.settings.observers.disconnected is not None:
            self.factory.settings.observers.disconnected(self.dialog.connection, reason)

    def pauseProducing(self) -> None:
        """The peer does not read: nothing is done for it meanwhile, and not for ever."""
        self._held |= _PEER
        self._deadlines.clear("idle")
        self._deadlines.set("write", self.factory.write_timeout)
        self._bound_input()

    def resumeProducing(self) -> None:
        """The peer has read."""
        self._deadlines.clear("write")
        self._release(_PEER)

    def stopProducing(self) -> None:
        """The transport has gone; C{connectionLost} follows."""

    # ---- what the dialog calls (IWire)

    def write(self, octets: bytes) -> None:
        """Send C{octets}, with all the other replies of this segment."""
        self._out.append(octets)
        if self._transcript is not None:
            for line in octets.decode("utf-8", "backslashreplace").splitlines():
                self._transcript(self.dialog.connection.session_id, "S", line)
        if not self._busy:
            self._flush()

    def start_tls(self) -> None:
        """Forget what has come in the clear (RFC 3207 §5), and negotiate."""
        self._flush()
        self._handshaking = True
        certificate = self.factory.tls
        assert certificate is not None
        self.transport.startTLS(certificate.creator)

    def close(self) -> None:
        """Send what is written, then hang up; a peer that does not read it is cut off in time."""
        if self._closing:
            return
        self._closing = True
        self._buffer = b""
        self._flush()
        self._deadlines.stop()
        self._deadlines.set("close", self.factory.write_timeout)
        self.transport.unregisterProducer()
        if not self._reading:
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
        if self.dialog.idle and not self._busy:
            self.dialog.say_goodbye(replies.SHUTTING_DOWN_421)

    def abort(self) -> None:
        """Hang up now."""
        self.transport.abortConnection()

    # ---- inside

    def _work(self) -> None:
        """Hand over what there is, until something must be waited for; one write for all the answers."""
        self._busy = True
        while not self._held and not self._closing:
            data, self._buffer = self._buffer, b""
            rest = self._hand_over(data)
            if self._buffer and rest != data:
                self._buffer = rest + self._buffer  # more has come meanwhile
                continue
            self._buffer = rest + self._buffer
            break
        self._busy = False
        if self._closing:
            self._buffer = b""
        else:
            self._wait()
        self._flush()

    def _hand_over(self, data: bytes) -> bytes:
        """Lines and octets of C{data}, as far as they go; what is left."""
        at, turn = 0, TURN
        while not self._held and at < len(data):
            taken = self._body(data, at) if self.dialog.body is not None else self._line(data, at)
            if self._closing or self._handshaking:
                self._moved = True
                return b""  # what came with QUIT or in the clear with STARTTLS is nobody's business
            if taken < 0:
                break
            at = taken
            turn -= 1
            if not turn and at < len(data):
                self._held |= _OTHERS
                self._next_turn = self.factory.settings.clock.callLater(0, self._go_on)
        if at and self._too_long is None:
            self._moved = True
        return data[at:] if at else data

    def _go_on(self) -> None:
        self._next_turn = None
        self._release(_OTHERS)

    def _wait(self) -> None:
        """Nothing more can be done for now: say for what we wait, and how long."""
        if self.dialog.in_message:
            if not self._in_message:
                self._in_message = True
                self._deadlines.set("message", self.factory.message_timeout)
        elif self._in_message:
            self._in_message = False
            self._deadlines.clear("message")
        if self._held:
            self._deadlines.clear("idle")
            self._bound_input()
        else:
            if self._moved or not self._deadlines.running("idle"):  # a piece of a line puts nothing off
                self._moved = False
                self._deadlines.set("idle", self.factory.read_timeout)
            if not self._reading:
                self._reading = True
                self.transport.resumeProducing()
            if self.factory.stopping and not self._buffer:
                self.goodbye()

    def _line(self, data: bytes, at: int) -> int:
        """Hand over the line at C{at}; the index behind it, -1 where it has no end yet."""
        end = data.find(b"\n", at)
        limit = self.dialog.line_limit
        if end < 0:
            if self._too_long is not None or len(data) - at > limit:
                if self._too_long is None:
                    self._too_long = data[at : at + 16]
                return len(data)
            return -1
        if self._too_long is not None or end + 1 - at > limit:
            beginning, self._too_long = self._too_long or data[at : at + 16], None
            self.dialog.line_too_long(beginning)
            return end + 1
        bare = data[end - 1 : end] != b"\r" or end == at
        line = data[at : end if bare else end - 1]
        if self._transcript is not None:
            self._transcript(self.dialog.connection.session_id, "C", shown(line, self.dialog.secret))
        waiting = self.dialog.line_received(line, bare)
        if waiting is not None:
            self._hold(waiting)
        return end + 1

    def _body(self, data: bytes, at: int) -> int:
        """Hand over octets of a message; the index behind it, or behind all there is."""
        end, waiting = self.dialog.body_received(data, at)
        if waiting is not None:
            self._hold(waiting)
        if self._transcript is not None:
            octets = (len(data) if end < 0 else end) - at
            self._transcript(self.dialog.connection.session_id, "C", f"[{octets} octets of a message]")
        return len(data) if end < 0 else end

    def _hold(self, waiting: Deferred[None]) -> None:
        self._held |= _DIALOG
        waiting.addBoth(self._resume)

    def _resume(self, result: object) -> None:
        if isinstance(result, Failure) and not self._closing:
            self._log(LogLevel.critical, "the dialog broke", log_failure=result)
            self.abort()
        self._release(_DIALOG)

    def _release(self, reason: int) -> None:
        self._held &= ~reason
        if not self._held and not self._busy and not self._closing:
            self._work()

    def _bound_input(self) -> None:
        if self._reading and len(self._buffer) > HELD_INPUT and not self._closing:
            self._reading = False
            self.transport.pauseProducing()

    def _flush(self) -> None:
        if self._out:
            out, self._out = self._out, []
            self._outlet.write(out[0] if len(out) == 1 else b"".join(out))

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
            self._log(LogLevel.info, "[{peer}] spoke before the greeting: closing")
            self.dialog.say_goodbye(replies.EARLY_TALKER_554)
        elif self._behind_proxy:
            self._admit_host()

    def _tls_stands(self) -> None:
        self._handshaking = False
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
