"""
The client on the wire: `SMTPClient`, one connection that sends many messages.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed

from txsmtpx.dialog import demands, source
from txsmtpx.dialog.addressing import address_of
from txsmtpx.dialog.client import checked
from txsmtpx.dialog.demands import EightBit
from txsmtpx.dialog.envelope import Envelope
from txsmtpx.dialog.limits import Allowance
from txsmtpx.dialog.offer import Offer
from txsmtpx.dialog.sending import Result
from txsmtpx.dialog.submission import Submission
from txsmtpx.dialog.transfer import Outcome, Transfer
from txsmtpx.dialog.turns import Turns
from txsmtpx.errors import Fault, NotOffered, SMTPError
from txsmtpx.extensions.xclient import plain_attributes
from txsmtpx.grammar import attributes
from txsmtpx.grammar.domain import to_a_label
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.wire.channel import ClientChannel
from txsmtpx.wire.client_login import ClientLogin
from txsmtpx.wire.client_settings import Auth
from txsmtpx.wire.description import ehlo_name
from txsmtpx.wire.tls_state import TLSState


class SMTPClient(ClientChannel):
    """
    A connection to a server.  `txsmtpx.connect` makes one that is greeted, secured and logged in.

    Every method that speaks returns a Deferred, which fails with `SMTPError` when the server says no.

    Attributes:
        lmtp: Whether LMTP is spoken (RFC 2033).
        greeting: Fires with the server's first reply.
        tls: A `TLSState`, None in the clear.
        server_name: The name of the server, where the endpoint found it out (`txsmtpx.wire.mx`).
        authenticated: Whether the server has accepted a login.
    """

    def __init__(self, **settings: Any) -> None:
        """See `ClientChannel`."""
        super().__init__(**settings)
        self.authenticated = False
        self._another = False
        self._accepted = 0  # by RCPT, in the transaction that is open
        self._utf8 = False  # whether its MAIL has asked for SMTPUTF8
        self._do = Turns().take

    # ---- what the server offers

    @property
    def offer(self) -> Offer:
        """``extensions``, put together."""
        return self._dialog.offer

    @property
    def spent(self) -> bool:
        """
        Whether the server takes no further message in this session, or none to another domain (RFC 9422), or none of
        another client, since Postfix lets XCLIENT be said but once.
        """
        return (self._another and "XCLIENT" not in self.extensions) or self._dialog.allowance.spent(self.extensions)

    # ---- the commands

    def hello(self, domain: str | None = None) -> Deferred[Reply]:
        """
        EHLO, or HELO where the server knows no better; under LMTP LHLO.

        Args:
            domain: What we call ourselves, in place of that of the connection.

        Raises:
            ValueError: It is neither a domain nor an address literal.
        """
        return self._do(self._hello_by(domain or ""))

    async def _hello_by(self, domain: str) -> Reply:
        return await self._hello(ehlo_name(domain) or self._domain or self._literal())

    async def _hello(self, domain: str) -> Reply:
        self._accepted = 0
        verb, domain = "LHLO" if self.lmtp else "EHLO", to_a_label(domain)  # RFC 6531 §3.7.1
        reply = await self._dialog.send(verb, domain)
        if reply.code in (500, 501, 502, 504, 550) and not self.lmtp:  # RFC 5321 §3.2
            self._dialog.forget()
            try:
                return checked(await self._dialog.send("HELO", domain), "HELO")
            except ConnectionClosed:  # what the server has said is not lost because it hung up afterwards
                raise SMTPError.from_reply(reply, verb) from None
        checked(reply, verb)
        self._dialog.learn(reply, self.tls is not None and self.tls.verified)
        return reply

    def start_tls(self, options: Any) -> Deferred[TLSState]:
        """
        STARTTLS (RFC 3207), then hello again.

        Args:
            options: A `ClientTLS`, or anything that ``startTLS`` of a transport takes.

        Raises:
            NotOffered: The server does not offer it.
            TLSFailed: The handshake failed.
            ProtocolError: The server said more in the clear than it was asked for.
        """
        return self._do(self._start_tls(options))

    async def _start_tls(self, options: Any) -> TLSState:
        if "STARTTLS" not in self.extensions:
            raise NotOffered("the server does not offer STARTTLS", command="STARTTLS", temporary=True)
        checked(await self._dialog.send("STARTTLS"), "STARTTLS")
        await self._secure(options)
        self.authenticated = False
        self._dialog.forget()
        await self._hello(self._domain or self._literal())
        assert self.tls is not None
        return self.tls

    def authenticate(self, auth: Auth) -> Deferred[Reply]:
        """
        AUTH (RFC 4954).

        Args:
            auth: (username, password), or the client half of a mechanism.  With the former, a failure of CRAM-MD5
                within TLS leads on to PLAIN or LOGIN.

        Raises:
            NotOffered: The mechanism is not offered, or the connection is in the clear.
            SMTPError: The server does not know us.
        """
        return self._do(self._authenticate(auth))

    async def _authenticate(self, auth: Auth) -> Reply:
        if self.tls is None and not self._allow_insecure_auth:
            text = "no TLS: a login in the clear needs allow_insecure_auth=True"
            raise NotOffered(text, command="AUTH", fault=Fault.CALLER)
        reply = await ClientLogin(self._dialog, auth, self.tls).run(self.write_secret, self._in_thread)
        self.authenticated = True
        return reply

    def can_authenticate(self, auth: Auth) -> bool:
        """Return whether the server offers AUTH with a mechanism that ``auth`` fits."""
        try:
            ClientLogin(self._dialog, auth, self.tls).mechanism()
        except NotOffered:
            return False
        return True

    def mail(self, sender: str, options: MailOptions | None = None) -> Deferred[Reply]:
        """MAIL."""
        return self._do(self._mail(sender, copy.copy(options) if options is not None else MailOptions()))

    async def _mail(self, sender: str, options: MailOptions) -> Reply:
        words = Envelope(address_of("sender", sender), [], options, self._dialog.offer).sender
        if self._dialog.left_open:
            await self._checked("RSET")
        self._utf8 = options.smtputf8
        return await self._checked("MAIL", *words)

    def rcpt(self, recipient: str, options: RcptOptions | None = None) -> Deferred[Reply]:
        """
        RCPT.

        Raises:
            ValueError: The local part is not ASCII, and `mail` has not asked for SMTPUTF8.
        """
        return self._do(self._rcpt(recipient, options or RcptOptions()))

    async def _rcpt(self, recipient: str, options: RcptOptions) -> Reply:
        of_mail = MailOptions(smtputf8=True) if self._utf8 else MailOptions()
        envelope = Envelope("", [(address_of("recipient", recipient), options)], of_mail, self._dialog.offer)
        if of_mail.smtputf8 and not self._utf8:
            raise ValueError(f"{recipient} needs SMTPUTF8: MAIL has to ask for it, by MailOptions(smtputf8=True)")
        return await self._checked("RCPT", *envelope.recipients[0])

    def data(self, body: Any, accepted: int = 1) -> Deferred[Sequence[Outcome]]:
        """
        DATA and ``body``.

        Args:
            accepted: How many recipients were, which under LMTP is the number of the replies.

        Returns:
            The replies after the data, whatever they say.  Where the connection was lost after some of them, its
            error stands in the place of each of the others.

        Raises:
            ValueError: `rcpt` has had no recipient accepted, and so no octet of ``body`` is sent.
            EightBitContent: ``body`` holds octets above 127, and the server does not offer 8BITMIME (`connect`).
            DeliveryError: No reply came.
        """
        return self._do(self._data(body, accepted))

    async def _data(self, body: Any, accepted: int) -> Sequence[Outcome]:
        message = self._source(body)
        transfer = Transfer(self._dialog, self, self.lmtp)
        checked(await self._dialog.send("DATA", phase="data"), "DATA")
        if not self._accepted:
            transfer.nothing()
        self._take_accepted()
        return await transfer.by_data(message, accepted)

    def bdat(self, chunk: bytes, last: bool = False, accepted: int = 1) -> Deferred[Sequence[Outcome]]:
        """
        BDAT (RFC 3030) with ``chunk``, as it is.

        It is up to the caller whether the server takes its octets.

        Returns:
            The reply; under LMTP, to the last chunk, one for each of ``accepted`` recipients (`data`).

        Raises:
            NotOffered: The server does not offer CHUNKING.
            ValueError: `rcpt` has had no recipient accepted, or the server has rejected a chunk before; a server
                that does not swallow this one would run it as commands.
        """
        return self._do(self._bdat(chunk, last, accepted))

    def transmit(self, body: Any, accepted: int = 1, binary: bool = False) -> Deferred[Sequence[Outcome]]:
        """
        ``body`` after an envelope that ``accepted`` recipients have accepted: by BDAT where it is offered, or by DATA.

        Args:
            binary: MAIL said BODY=BINARYMIME, so that line ends are not touched.

        Returns:
            The replies to it, whatever they say: one, or under LMTP one for each (`data`).

        Raises:
            ValueError: `rcpt` has had no recipient accepted.
            EightBitContent: As for `data`.
        """
        return self._do(self._transmit(body, accepted, binary))

    async def _transmit(self, body: Any, accepted: int, binary: bool) -> Sequence[Outcome]:
        if "CHUNKING" not in self.extensions:
            return await self._data(body, accepted)
        message = self._source(body, binary)
        self._take_accepted()
        transfer = Transfer(self._dialog, self, self.lmtp, binary)
        return await transfer.by_chunks(message, accepted)

    async def _bdat(self, chunk: bytes, last: bool, accepted: int) -> Sequence[Outcome]:
        if "CHUNKING" not in self.extensions:
            raise NotOffered("the server does not offer CHUNKING", command="BDAT")
        recipients = self._take_accepted()
        outcomes = await Transfer(self._dialog, self, self.lmtp).one_chunk(chunk, last, accepted)
        if not last and isinstance(outcomes[0], Reply) and outcomes[0].positive:
            self._accepted = recipients  # another chunk may follow
        return outcomes

    def _take_accepted(self) -> int:
        """
        How many recipients `rcpt` has had accepted; from now on none, as the message is being sent.

        Raises:
            ValueError: None (law 25).
        """
        accepted, self._accepted = self._accepted, 0
        if not accepted:
            raise ValueError("no octet of a message is sent before a recipient has been accepted")
        return accepted

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
            raise NotOffered(f"the server does not offer SMTPUTF8, which {name} needs", command=verb)
        return await self._checked(verb, name)

    def help(self, command: str = "") -> Deferred[Reply]:
        """HELP."""
        return self._do(self._checked("HELP", *[command] * bool(command)))

    def xclient(self, **attributes: str) -> Deferred[Reply]:
        """
        XCLIENT: from now on we speak for another client; then hello again, by its name where HELO says it.

        What the server does not know of ``attributes`` is not said.

        Args:
            attributes: NAME, ADDR, PORT, PROTO, HELO, LOGIN, DESTADDR, DESTPORT; "" for unavailable.

        Raises:
            NotOffered: The server does not offer it to us.
            ValueError: An attribute cannot have that value.
        """
        return self._do(self._xclient(attributes))

    async def _xclient(self, given: dict[str, str]) -> Reply:
        await self._attributes("XCLIENT", given)
        self._another = True
        self.authenticated = False  # Postfix begins a new session
        self._dialog.forget()
        self._dialog.allowance = Allowance()
        return await self._hello(given.get("HELO") or self._domain or self._literal())

    def xforward(self, **attributes: str) -> Deferred[Reply]:
        """
        XFORWARD: where the next transaction comes from.  What the server does not know of ``attributes`` is not said.

        Args:
            attributes: NAME, ADDR, PORT, PROTO, HELO, IDENT, SOURCE; "" for unavailable.

        Raises:
            NotOffered: The server does not offer it to us.
            ValueError: An attribute cannot have that value.
        """
        return self._do(self._attributes("XFORWARD", attributes))

    async def _attributes(self, verb: str, given: dict[str, str]) -> Reply:
        if verb not in self.extensions:
            raise NotOffered(f"the server does not offer {verb}", command=verb)
        words = attributes.format(plain_attributes(given), self.extensions[verb])
        if not words:
            raise NotOffered(f"the server does not want these by {verb}: {' '.join(given)}", command=verb)
        return await self._checked(verb, *words)

    def command(self, verb: str, *words: str) -> Deferred[Reply]:
        """
        A command of an extension of one's own.

        Raises:
            ValueError: A word holds a control character.
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

    async def _checked(self, verb: str, *words: str) -> Reply:
        phase = verb.lower() if verb in ("MAIL", "RCPT") else "command"
        reply = checked(await self._dialog.send(verb, *words, phase=phase), verb)
        if verb == "RCPT":
            self._accepted += 1
        elif verb in ("MAIL", "RSET"):
            self._accepted, self._dialog.left_open = 0, False
        return reply

    # ---- a message

    def send(
        self,
        sender: str,
        recipients: Sequence[str | tuple[str, RcptOptions]],
        body: Any,
        options: MailOptions | None = None,
        *,
        eight_bit: EightBit | None = None,
    ) -> Deferred[Result]:
        """
        Send one message.

        MAIL says BODY=8BITMIME, SMTPUTF8 and SIZE as the message needs them.  A stream, such as an iterator, a producer
        or a pipe, is not read before the server has accepted a recipient: for UTF-8 in its header, ``options`` have to
        ask for SMTPUTF8.  If a stream holds what the server does not take, nothing of the message is delivered.

        Where the server takes only so many recipients at a time (RFC 9422) it goes in several transactions.

        Args:
            sender: An address, "" for the null reverse-path; octets are UTF-8, here and in ``recipients``.
            recipients: Addresses, or (address, its options).
            body: ``bytes``, an ``EmailMessage``, a binary file, an ``IBodyProducer``, or an iterable or async
                iterable of ``bytes``.
            eight_bit: None for what `connect` was given.

        Returns:
            A `Result`, when at least one recipient accepted.

        Raises:
            SMTPError: The sender or the message was refused.
            RecipientsRefused: Every recipient was.
            NotOffered: The server does not offer what the message needs, or takes no more in this session.
            EightBitContent: The message holds octets above 127, and the server does not offer 8BITMIME.
            ValueError: An address is none, or there is no recipient; or it needs several transactions, and the body
                can be read only once.
            TypeError: It is no body.
        """
        if eight_bit is not None:
            demands.check_eight_bit(eight_bit)
        submission = Submission(self._dialog, self, self.lmtp, self._in_thread, eight_bit or self._eight_bit)
        return self._do(submission.run(sender, recipients, body, options))

    def _source(self, body: Any, binary: bool = False) -> source.Source:
        """
        A body after MAIL has been sent.

        Raises:
            EightBitContent: It is in memory, and the server does not take it.
        """
        message = source.source(body, self.extensions, self._in_thread, False)
        watch = demands.watch_octets(self._dialog.offer, self._eight_bit, binary)
        if watch is not None and message.octets is not None:
            watch.see(message.octets)
        message.watch = watch
        return message
