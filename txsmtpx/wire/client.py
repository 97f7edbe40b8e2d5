"""
The client on the wire: L{SMTPClient}, one connection that sends many messages.
"""

from __future__ import annotations

import base64
import contextlib
import copy
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.error import ConnectionClosed, TimeoutError
from twisted.internet.interfaces import IHandshakeListener, IPushProducer, IReactorTime, ISSLTransport
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.dialog import shares, source
from txsmtpx.dialog.client import ClientDialog, checked
from txsmtpx.dialog.envelope import Envelope
from txsmtpx.dialog.limits import Allowance
from txsmtpx.dialog.sending import Result, Sending
from txsmtpx.errors import NotOffered, ProtocolError, RecipientsRefused, SMTPError
from txsmtpx.extensions import box
from txsmtpx.extensions.extension import Extension
from txsmtpx.grammar import attributes
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import ISASLClient
from txsmtpx.sasl.choice import strongest
from txsmtpx.wire.deadlines import Deadlines
from txsmtpx.wire.timeouts import Timeouts
from txsmtpx.wire.tls import TLSState, channel_binding, fresh, tls_failure
from txsmtpx.wire.transcript import Transcript, printable, shown

T = TypeVar("T")

Auth = tuple[str, str] | ISASLClient
"""(username, password) for the strongest mechanism offered, or the client half of one."""

_LOST = (ConnectionClosed, TimeoutError, ProtocolError)

MAX_LINE = 8192
"""Octets of a reply line: RFC 5321 §4.5.3.1.5 allows 512, servers have been seen to say more."""


@implementer(IHandshakeListener, IPushProducer)
class SMTPClient(LineReceiver):
    """
    A connection to a server.  L{txsmtpx.connect} makes one that is greeted, secured and logged in.

    Every method that speaks returns a Deferred, which fails with L{SMTPError} when the server says no.

    @ivar lmtp: whether LMTP is spoken (RFC 2033).
    @ivar greeting: fires with the server's first reply.
    @ivar tls: a L{TLSState}, None in the clear.
    @ivar server_name: the name of the server, where the endpoint found it out (L{txsmtpx.wire.mx}).
    """

    delimiter = b"\n"
    MAX_LENGTH = MAX_LINE
    transport: Any  # it provides more interfaces than ITransport

    def __init__(
        self,
        *,
        clock: IReactorTime,
        in_thread: Callable[..., Deferred[Any]],
        lmtp: bool = False,
        domain: str = "",
        timeouts: Timeouts | None = None,
        allow_insecure_auth: bool = False,
        transcript: Transcript | None = None,
        tls_options: Any = None,
        extensions: Sequence[Extension] = (),
    ) -> None:
        """
        @param extensions: what we understand besides those in the box.
        @param tls_options: the L{ClientTLS} of an endpoint that speaks TLS from the start.
        @param in_thread: calls a function in a thread, for bodies that are files.
        @param domain: what we call ourselves, "" for the address of this end (RFC 5321 §4.1.3).
        @param allow_insecure_auth: log in without TLS, where everybody on the way can read it.
        """
        self.lmtp = lmtp
        self.tls: TLSState | None = None
        self.server_name = ""
        self._domain = domain
        self._in_thread = in_thread
        self._timeouts = timeouts or Timeouts()
        self._allow_insecure_auth = allow_insecure_auth
        self._transcript = transcript
        self._tls_options = tls_options
        self._dialog = ClientDialog(self, (*box.EXTENSIONS, *extensions))
        self._deadlines = Deadlines(clock, self._expired)
        self._session = f"{id(self):x}"
        self._lost = False
        self._another = False
        self._writable: Deferred[None] | None = None
        self._paused_writing = False
        self._secured: Deferred[None] | None = None
        self._closed: list[Deferred[None]] = []
        self._turn = DeferredLock()
        self.greeting = self._dialog.expect("", "greeting")

    # ---- what the server offers

    @property
    def extensions(self) -> dict[str, Any]:
        """Keyword to what stood behind it, as its extension reads it; empty before L{hello}."""
        return self._dialog.extensions

    def supports_auth(self, mechanism: str) -> bool:
        """Whether C{mechanism} is offered."""
        return mechanism.upper() in self.extensions.get("AUTH", ())

    @property
    def max_message_size(self) -> int | None:
        """Octets the server takes at most (RFC 1870); None where it does not say."""
        return self.extensions.get("SIZE") or None

    @property
    def spent(self) -> bool:
        """
        Whether the server takes no further message in this session, or none to another domain (RFC 9422), or none of
        another client, since Postfix lets XCLIENT be said but once.
        """
        return (self._another and "XCLIENT" not in self.extensions) or self._dialog.allowance.spent(self.extensions)

    @property
    def usable(self) -> bool:
        """Whether another command can be sent."""
        return not self._lost and self._dialog.failure is None

    # ---- the commands

    def hello(self, domain: str | None = None) -> Deferred[Reply]:
        """EHLO, or HELO where the server knows no better; under LMTP LHLO."""
        return self._do(self._hello(domain or self._domain or self._literal()))

    async def _hello(self, domain: str) -> Reply:
        verb = "LHLO" if self.lmtp else "EHLO"
        reply = await self._dialog.send(verb, domain)
        if reply.code in (500, 501, 502, 504, 550) and not self.lmtp:  # RFC 5321 §3.2
            self._dialog.extensions = {}
            return checked(await self._dialog.send("HELO", domain), "HELO")
        checked(reply, verb)
        self._dialog.learn(reply)
        return reply

    def start_tls(self, options: Any) -> Deferred[TLSState]:
        """
        STARTTLS (RFC 3207), then hello again.

        @param options: a L{ClientTLS}, or anything that C{startTLS} of a transport takes.
        @raise NotOffered: the server does not offer it.
        @raise TLSFailed: the handshake failed.
        @raise ProtocolError: the server said more in the clear than it was asked for.
        """
        return self._do(self._start_tls(options))

    async def _start_tls(self, options: Any) -> TLSState:
        if "STARTTLS" not in self.extensions:
            raise NotOffered("the server does not offer STARTTLS")
        checked(await self._dialog.send("STARTTLS"), "STARTTLS")
        if not self._dialog.quiet or LineReceiver.clearLineBuffer(self):
            self._dialog.fail(Failure(ProtocolError("the server went on in the clear after STARTTLS")))
            raise ProtocolError("the server went on in the clear after STARTTLS")
        self._secured = Deferred(self._handshake_cancelled)
        self._await_reply("the TLS handshake", self._timeouts.command)
        self._tls_options = options
        self.transport.startTLS(options)
        await self._secured
        self._dialog.extensions = {}
        await self._hello(self._domain or self._literal())
        assert self.tls is not None
        return self.tls

    def authenticate(self, auth: Auth) -> Deferred[Reply]:
        """
        AUTH (RFC 4954).

        @param auth: (username, password), or the client half of a mechanism.
        @raise NotOffered: the mechanism is not offered, or the connection is in the clear.
        @raise SMTPError: the server does not know us.
        """
        return self._do(self._authenticate(auth))

    async def _authenticate(self, auth: Auth) -> Reply:
        if self.tls is None and not self._allow_insecure_auth:
            raise NotOffered("no TLS: a login in the clear needs allow_insecure_auth=True")
        if isinstance(auth, tuple):
            client: ISASLClient = strongest(self.extensions.get("AUTH", ()), *auth, self._binding)
        else:
            client = auth
        if not self.supports_auth(client.name):
            raise NotOffered(f"the server does not offer AUTH {client.name}")
        initial = client.start()
        words = [] if initial is None else [_base64(initial) or "="]
        reply = await self._dialog.send("AUTH", client.name, *words)
        while reply.code == 334:
            reply = await self._respond(client, reply)
        checked(reply, "AUTH")
        if not getattr(client, "finished", True):
            error = ProtocolError(f"AUTH {client.name}: the server has not proved that it knows the password")
            self._dialog.fail(Failure(error))
            raise error
        return reply

    async def _respond(self, client: ISASLClient, challenge: Reply) -> Reply:
        try:
            response = client.next(base64.b64decode(challenge.text, validate=True))
        except ValueError as error:
            self._write_secret(b"*\r\n")
            await self._dialog.expect("AUTH", "command")
            raise ProtocolError(f"AUTH {client.name}: {error}") from error
        self._write_secret(_base64(response).encode() + b"\r\n")
        return await self._dialog.expect("AUTH", "command")

    def mail(self, sender: str, options: MailOptions | None = None) -> Deferred[Reply]:
        """MAIL."""
        return self._do(self._mail(sender, copy.copy(options) if options is not None else MailOptions()))

    async def _mail(self, sender: str, options: MailOptions) -> Reply:
        return await self._checked("MAIL", *Envelope(sender, [], options, self.extensions, self._dialog.known).sender)

    def rcpt(self, recipient: str, options: RcptOptions | None = None) -> Deferred[Reply]:
        """RCPT."""
        return self._do(self._rcpt(recipient, options or RcptOptions()))

    async def _rcpt(self, recipient: str, options: RcptOptions) -> Reply:
        envelope = Envelope("", [(recipient, options)], MailOptions(), self.extensions, self._dialog.known)
        return await self._checked("RCPT", *envelope.recipients[0])

    def data(self, body: Any, accepted: int = 1) -> Deferred[list[Reply]]:
        """
        DATA and C{body}.

        @param accepted: how many recipients were, which under LMTP is the number of the replies.
        @return: the replies after the data, whatever they say.
        """
        return self._do(self._data(body, accepted))

    async def _data(self, body: Any, accepted: int) -> list[Reply]:
        sending = Sending(self._dialog, self, self.lmtp)
        checked(await self._dialog.send("DATA", phase="data"), "DATA")
        return await sending.by_data(self._source(body, False), accepted)

    def bdat(self, chunk: bytes, last: bool = False, accepted: int = 1) -> Deferred[list[Reply]]:
        """
        BDAT (RFC 3030) with C{chunk}, as it is.

        @return: the reply; under LMTP, to the last chunk, one for each of C{accepted} recipients.
        @raise NotOffered: the server does not offer CHUNKING.
        """
        return self._do(self._bdat(chunk, last, accepted))

    def transmit(self, body: Any, accepted: int = 1, binary: bool = False) -> Deferred[list[Reply]]:
        """
        C{body} after an envelope that C{accepted} recipients have accepted: by BDAT where it is offered, or by DATA.

        @param binary: MAIL said BODY=BINARYMIME, so that line ends are not touched.
        @return: the replies to it, whatever they say: one, or under LMTP one for each.
        """
        return self._do(self._transmit(body, accepted, binary))

    async def _transmit(self, body: Any, accepted: int, binary: bool) -> list[Reply]:
        if "CHUNKING" not in self.extensions:
            return await self._data(body, accepted)
        sending = Sending(self._dialog, self, self.lmtp, binary)
        return await sending.by_chunks(self._source(body, False), accepted)

    async def _bdat(self, chunk: bytes, last: bool, accepted: int) -> list[Reply]:
        if "CHUNKING" not in self.extensions:
            raise NotOffered("the server does not offer CHUNKING")
        return await Sending(self._dialog, self, self.lmtp).one_chunk(chunk, last, accepted)

    def reset(self) -> Deferred[Reply]:
        """RSET."""
        return self._do(self._checked("RSET"))

    def noop(self) -> Deferred[Reply]:
        """NOOP."""
        return self._do(self._checked("NOOP"))

    def verify(self, name: str) -> Deferred[Reply]:
        """VRFY; 252 is an answer too."""
        return self._do(self._look_up("VRFY", name))

    def expand(self, name: str) -> Deferred[Reply]:
        """EXPN."""
        return self._do(self._look_up("EXPN", name))

    async def _look_up(self, verb: str, name: str) -> Reply:
        """RFC 6531 §3.7.4.2: the answer may be in UTF-8 when we say that we can read it."""
        if "SMTPUTF8" in self.extensions:
            return await self._checked(verb, name, "SMTPUTF8")
        if not name.isascii():
            raise NotOffered(f"the server does not offer SMTPUTF8, which {name} needs")
        return await self._checked(verb, name)

    def help(self, command: str = "") -> Deferred[Reply]:
        """HELP."""
        return self._do(self._checked("HELP", *[command] * bool(command)))

    def xclient(self, **attributes: str) -> Deferred[Reply]:
        """
        XCLIENT: from now on we speak for another client; then hello again, by its name where HELO says it.

        What the server does not know of C{attributes} is not said.

        @param attributes: NAME, ADDR, PORT, PROTO, HELO, LOGIN, DESTADDR, DESTPORT; "" for unavailable.
        @raise NotOffered: the server does not offer it to us.
        @raise ValueError: an attribute cannot have that value.
        """
        return self._do(self._xclient(attributes))

    async def _xclient(self, given: dict[str, str]) -> Reply:
        await self._attributes("XCLIENT", given)
        self._another = True
        self._dialog.extensions = {}
        self._dialog.allowance = Allowance()
        return await self._hello(given.get("HELO") or self._domain or self._literal())

    def xforward(self, **attributes: str) -> Deferred[Reply]:
        """
        XFORWARD: where the next transaction comes from.  What the server does not know of C{attributes} is not said.

        @param attributes: NAME, ADDR, PORT, PROTO, HELO, IDENT, SOURCE; "" for unavailable.
        @raise NotOffered: the server does not offer it to us.
        @raise ValueError: an attribute cannot have that value.
        """
        return self._do(self._attributes("XFORWARD", attributes))

    async def _attributes(self, verb: str, given: dict[str, str]) -> Reply:
        if verb not in self.extensions:
            raise NotOffered(f"the server does not offer {verb}")
        words = attributes.format(given, self.extensions[verb])
        if not words:
            raise NotOffered(f"the server does not want these by {verb}: {' '.join(given)}")
        return await self._checked(verb, *words)

    def command(self, verb: str, *words: str) -> Deferred[Reply]:
        """
        A command of an extension of one's own.

        @raise ValueError: a word holds a control character.
        """
        return self._do(self._checked(verb, *words))

    def quit(self) -> Deferred[None]:
        """QUIT, and the end of the connection; there is no error, it ends in any case."""
        return self._do(self._quit())

    async def _quit(self) -> None:
        if self.usable:
            with contextlib.suppress(Exception):  # gone before it could say goodbye
                await self._dialog.send("QUIT", phase="quit")
        await self.close()

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

    async def _checked(self, verb: str, *words: str) -> Reply:
        phase = verb.lower() if verb in ("MAIL", "RCPT") else "command"
        return checked(await self._dialog.send(verb, *words, phase=phase), verb)

    # ---- a message

    def send(
        self,
        sender: str,
        recipients: Sequence[str | tuple[str, RcptOptions]],
        body: Any,
        options: MailOptions | None = None,
    ) -> Deferred[Result]:
        """
        Send one message.

        Where the server takes only so many recipients at a time (RFC 9422) it goes in several transactions.

        @param recipients: addresses, or (address, its options).
        @param body: C{bytes}, an C{EmailMessage}, a binary file, an C{IBodyProducer}, or an iterable or async
            iterable of C{bytes}.
        @return: a L{Result}, when at least one recipient accepted.
        @raise SMTPError: the sender or the message was refused.
        @raise RecipientsRefused: every recipient was.
        @raise NotOffered: the server does not offer what the message needs, or takes no more in this session.
        @raise ValueError: an address is none, or there is no recipient; or it needs several transactions, and the body
            can be read only once.
        @raise TypeError: it is no body.
        """
        return self._do(self._send(sender, recipients, body, options))

    async def _send(
        self,
        sender: str,
        recipients: Sequence[str | tuple[str, RcptOptions]],
        body: Any,
        options: MailOptions | None,
    ) -> Result:
        if isinstance(recipients, str) or not recipients:
            raise ValueError("recipients are a list of at least one address")
        pairs = [(each, RcptOptions()) if isinstance(each, str) else each for each in recipients]
        parts = self._dialog.allowance.shares(pairs, [each for each, _ in pairs], self.extensions)
        if len(parts) == 1:
            return await self._send_once(sender, pairs, body, options)
        again = shares.again(body)
        outcomes: list[tuple[list[str], Result | Exception]] = []
        for part in parts:
            outcome: Result | Exception
            try:
                outcome = await self._send_once(sender, part, again(), options)
            except (SMTPError, RecipientsRefused, *_LOST) as error:
                outcome = error
            outcomes.append(([each for each, _ in part], outcome))
        return shares.merged(outcomes)

    async def _send_once(
        self, sender: str, pairs: Sequence[tuple[str, RcptOptions]], body: Any, options: MailOptions | None
    ) -> Result:
        """In one transaction."""
        given = copy.copy(options) if options is not None else MailOptions()
        if given.body == "BINARYMIME" and "CHUNKING" not in self.extensions:
            raise NotOffered("the server does not offer CHUNKING, which BINARYMIME needs")
        if len(pairs) > 1 and "prdr" not in vars(given):
            given.prdr = True  # where it is offered
        message = self._describe(sender, [each for each, _ in pairs], body, given)
        envelope = Envelope(sender, pairs, given, self.extensions, self._dialog.known)
        sending = Sending(self._dialog, self, self.lmtp, given.body == "BINARYMIME")
        try:
            return await sending.run([each for each, _ in pairs], envelope, message)
        except (SMTPError, RecipientsRefused):
            if self.usable:
                with contextlib.suppress(Exception):  # the error that counts is the first
                    await self._dialog.send("RSET")  # whatever of a transaction is left
            raise

    def _describe(self, sender: str, recipients: Sequence[str], body: Any, options: MailOptions) -> source.Source:
        """The body, and what MAIL says of it."""
        addresses_need = not all(each.isascii() for each in (sender, *recipients))
        needs = options.smtputf8 or source.needs_utf8(body)
        if needs:
            options.smtputf8 = True
        message = self._source(body, "SMTPUTF8" in self.extensions and (needs or addresses_need))
        if message.eight_bit and "body" not in vars(options):
            options.body = "8BITMIME"
        if "size" not in vars(options):
            size = source.size_of(body) if message.octets is None else len(message.octets)
            options.size = size
        limit = self.max_message_size
        if limit and options.size is not None and options.size > limit:
            raise SMTPError(552, (5, 3, 4), f"The server takes {limit} octets, not {options.size}", command="MAIL")
        return message

    def _source(self, body: Any, utf8: bool) -> source.Source:
        return source.source(body, self.extensions, self._in_thread, utf8)

    # ---- what Twisted calls

    def connectionMade(self) -> None:
        """Wait for the greeting."""
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
        LineReceiver.dataReceived(self, data)

    def lineReceived(self, line: bytes) -> None:
        """Take a line; a bare LF ends it too."""
        line = line.removesuffix(b"\r")
        if self._transcript is not None:
            self._transcript(self._session, "S", printable(line))
        self._dialog.line_received(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        """What has no end is no reply."""
        self._dialog.fail(Failure(ProtocolError("a reply line without end")))

    def handshakeCompleted(self) -> None:
        """TLS stands."""
        transport = self.transport
        while not hasattr(transport.getHandle(), "get_cipher_name"):
            transport = transport.transport
        self._tls_connection = transport.getHandle()
        self.tls = TLSState(self._tls_connection)
        secured, self._secured = self._secured, None
        if secured is not None:
            secured.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Everyone who waits for anything learns why it will not come."""
        self._lost = True
        self._deadlines.stop()
        reason = fresh(reason if self.tls is not None else tls_failure(self._tls_options, reason))
        secured, self._secured = self._secured, None
        self._dialog.fail(reason)
        if secured is not None:
            secured.errback(self._dialog.failure or reason)
        writable, self._writable = self._writable, None
        if writable is not None:
            writable.errback(self._dialog.failure or reason)
        closed, self._closed = self._closed, []
        for gone in closed:
            gone.callback(None)

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
        """The transport has gone; C{connectionLost} follows."""

    # ---- what the dialog calls

    def write(self, octets: bytes) -> None:
        """Send C{octets}, a line."""
        if self._transcript is not None:
            self._transcript(self._session, "C", shown(octets[:-2], False))
        self.transport.write(octets)

    def write_body(self, octets: bytes) -> None:
        """Send C{octets} of a message."""
        if self._transcript is not None:
            self._transcript(self._session, "C", f"[{len(octets)} octets of a message]")
        self.transport.write(octets)

    def _write_secret(self, octets: bytes) -> None:
        if self._transcript is not None:
            self._transcript(self._session, "C", shown(octets[:-2], True))
        self.transport.write(octets)

    def writable(self) -> Deferred[None] | None:
        """A Deferred until which the server does not read, None when it does."""
        if not self._paused_writing or self._lost:
            return None
        self._writable = Deferred(lambda _: self._forget_writable())
        return self._writable

    def _forget_writable(self) -> None:
        self._writable = None

    def awaiting(self, phase: str | None) -> None:
        """The next reply belongs to this phase."""
        if phase is None:
            self._deadlines.clear("reply")
        else:
            self._await_reply(phase, getattr(self._timeouts, phase))

    def _await_reply(self, phase: str, seconds: float) -> None:
        self._phase = phase
        self._deadlines.clear("reply")
        self._deadlines.set("reply", seconds)

    def give_up(self) -> None:
        """Hang up at once."""
        if not self._lost and self.transport is not None:
            self.transport.abortConnection()

    # ---- inside

    def _do(self, coroutine: Coroutine[Any, Any, T]) -> Deferred[T]:
        return Deferred.fromCoroutine(self._in_turn(coroutine))

    async def _in_turn(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """
        One thing at a time: whatever is said within a message is taken for a part of it.
        """
        try:
            await self._turn.acquire()
        except BaseException:  # cancelled while nothing of it had been said
            coroutine.close()
            raise
        try:
            return await coroutine
        finally:
            self._turn.release()

    def _handshake_cancelled(self, secured: Deferred[None]) -> None:
        self._secured = None
        self._dialog.fail(Failure(ProtocolError("given up: the TLS handshake was cancelled")))

    def _close_cancelled(self, gone: Deferred[None]) -> None:
        self._closed.remove(gone)
        self.give_up()

    def _literal(self) -> str:
        """This end's address, for those who have no name (RFC 5321 §4.1.3)."""
        host = getattr(self.transport.getHost(), "host", None)
        if not host:
            return "localhost"
        host, _, _ = host.partition("%")  # the scope of a link-local address is nobody else's
        return f"[IPv6:{host}]" if ":" in host else f"[{host}]"

    def _binding(self) -> Any:
        return channel_binding(self._tls_connection) if self.tls is not None else None

    def _expired(self, phase: str) -> None:
        if phase == "close":
            self.give_up()
        else:
            self._dialog.fail(Failure(TimeoutError(f"no answer in time ({self._phase})")))


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
