"""The session of a client, around its messages: EHLO, STARTTLS, AUTH, XCLIENT, QUIT."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator

from txsmtpx.arguments import checked
from txsmtpx.dialog.client_commands import ClientCommands
from txsmtpx.dialog.exchange import Turns
from txsmtpx.dialog.offer import Allowance, Offer
from txsmtpx.errors import Fault, NotOffered
from txsmtpx.extensions.xclient import plain_attributes
from txsmtpx.grammar import asciitext, attributes
from txsmtpx.grammar.reply import Reply
from txsmtpx.wire.client_login import ClientLogin
from txsmtpx.wire.client_protocol import ClientProtocol
from txsmtpx.wire.client_settings import Auth
from txsmtpx.wire.description import address_literal, ehlo_name
from txsmtpx.wire.tls_state import TLSState


class ClientSession:
    """
    A session without its messages, the base of `txsmtpx.SMTPClient`.

    Attributes:
        protocol: The `ClientProtocol` of the connection, for Twisted.  Callers need it for its transport only.
        authenticated: True if the server has accepted a login.

    Args:
        protocol: The protocol of the connection.
    """

    def __init__(self, protocol: ClientProtocol) -> None:
        self.protocol = protocol
        self.authenticated: bool = False
        self._dialog = protocol.dialog
        self._commands = ClientCommands(protocol.dialog, protocol.settings.eight_bit)
        self._another = False  # whether XCLIENT has made the session that of another client
        self._do = Turns().take

    # ---- the connection

    @property
    def lmtp(self) -> bool:
        """True if this is LMTP (RFC 2033)."""
        return self._dialog.lmtp

    @property
    def greeting(self) -> Deferred[Reply]:
        """A Deferred of the first reply of the server."""
        return self.protocol.greeting

    @property
    def tls(self) -> TLSState | None:
        """What TLS has negotiated; None in the clear."""
        return self.protocol.handshake.tls

    @property
    def server_name(self) -> str:
        """The name of the server, if the endpoint has found it out, such as that of an exchanger; otherwise ""."""
        return self.protocol.server_name

    @property
    def usable(self) -> bool:
        """True if another command can be sent."""
        return self.protocol.usable

    @property
    def spent(self) -> bool:
        """
        True if the session is used up.

        Then the server accepts no further message, or none to another domain (RFC 9422); or no message of another
        client, since Postfix accepts XCLIENT only once.
        """
        offered = self._dialog.offer.extensions
        return (self._another and "XCLIENT" not in offered) or self._dialog.allowance.spent(offered)

    def close(self) -> Deferred[None]:
        """
        Send what was written, then close the connection, without QUIT.

        Returns:
            A Deferred that fires when the connection is closed.
        """
        return self.protocol.close()

    def abort(self) -> None:
        """Abort the connection now."""
        self.protocol.abort()

    # ---- what the server offers

    @property
    def offer(self) -> Offer:
        """What the last answer to EHLO or LHLO offers, put together; nothing before `hello`."""
        return self._dialog.offer

    @property
    def extensions(self) -> dict[str, Any]:
        """Keyword to what stood behind it, as its extension reads it; empty before `hello`."""
        return self._dialog.offer.extensions

    @property
    def max_message_size(self) -> int | None:
        """Octets that the server accepts at most (RFC 1870); None if it announces no limit."""
        return self._dialog.offer.max_message_size or None

    def supports_auth(self, mechanism: str) -> bool:
        """
        Ask whether the server offers a mechanism of AUTH.

        Args:
            mechanism: Its name, in any case.

        Returns:
            True if the server offers it.
        """
        return asciitext.upper(mechanism) in self.extensions.get("AUTH", ())

    def can_authenticate(self, auth: Auth) -> bool:
        """
        Ask whether the server offers AUTH with a mechanism that fits.

        Args:
            auth: As for `authenticate`.

        Returns:
            True if the server offers one.
        """
        try:
            self._login(auth).check()
        except NotOffered:
            return False
        return True

    def _login(self, auth: Auth) -> ClientLogin:
        return ClientLogin(self._dialog, auth, self.tls, self.protocol.reactor)

    # ---- the session

    def hello(self, domain: str | None = None) -> Deferred[Reply]:
        """
        Send EHLO, and HELO if the server does not know EHLO; under LMTP, LHLO.

        Args:
            domain: The name of the client, in place of that of the settings.

        Returns:
            A Deferred of the reply.

        Raises:
            ValueError: The name is neither a domain nor an address literal.
        """
        return self._do(self._hello_by(domain or ""))

    async def _hello_by(self, domain: str) -> Reply:
        return await self._hello(ehlo_name(domain))

    async def _hello(self, name: str = "") -> Reply:
        name = name or ehlo_name(self.protocol.settings.domain)
        if not name:
            name = address_literal(getattr(self.protocol.transport.getHost(), "host", None) or "")
        return await self._commands.hello(name, self.tls is not None and self.tls.verified)

    def start_tls(self, options: IOpenSSLClientConnectionCreator) -> Deferred[TLSState]:
        """
        Send STARTTLS (RFC 3207), negotiate, and send EHLO again.

        Args:
            options: A `ClientTLS`, or anything that ``startTLS`` of a transport takes.

        Returns:
            A Deferred of what was negotiated.

        Raises:
            NotOffered: The server does not offer STARTTLS.
            TLSFailed: The handshake failed.
            ProtocolError: The server has sent more in the clear than its reply.
        """
        return self._do(self._start_tls(options))

    async def _start_tls(self, options: IOpenSSLClientConnectionCreator) -> TLSState:
        if "STARTTLS" not in self._dialog.offer.extensions:
            raise NotOffered("the server does not offer STARTTLS", command="STARTTLS", temporary=True)
        await self._commands.command("STARTTLS")
        await self.protocol.start_tls(options)
        self.authenticated = False
        self._dialog.forget()
        await self._hello()
        assert self.tls is not None
        return self.tls

    def authenticate(self, auth: Auth) -> Deferred[Reply]:
        """
        Send AUTH (RFC 4954).

        Args:
            auth: (username, password), the client half of a mechanism, or `txsmtpx.OAuth2`.  With a password, PLAIN or
                LOGIN is tried within TLS if CRAM-MD5 has failed.

        Returns:
            A Deferred of the reply.

        Raises:
            NotOffered: The server does not offer the mechanism, or the connection is in the clear.
            SMTPError: The server rejects the login.
            TokenFailed: The issuer of `txsmtpx.OAuth2` gives no access token.
        """
        return self._do(self._authenticate(auth))

    async def _authenticate(self, auth: Auth) -> Reply:
        if self.tls is None and not self.protocol.settings.allow_insecure_auth:
            text = "no TLS: a login in the clear needs allow_insecure_auth=True"
            raise NotOffered(text, command="AUTH", fault=Fault.CALLER)
        reply = await self._login(auth).run()
        self.authenticated = True
        return reply

    @checked
    def xclient(
        self,
        *,
        name: str | None = None,
        addr: str | None = None,
        port: int | str | None = None,
        proto: str | None = None,
        helo: str | None = None,
        login: str | None = None,
        destaddr: str | None = None,
        destport: int | str | None = None,
    ) -> Deferred[Reply]:
        """
        Send XCLIENT, so that the session is that of another client; then EHLO, by the name in `helo` if that is given.

        The value "" is sent as unavailable, and None is not sent.  An attribute that the server does not offer is left
        out.

        Args:
            name: The host name of the other client.
            addr: Its IP address.
            port: Its port, 0 to 65535.
            proto: The protocol that it uses: "SMTP" or "ESMTP".
            helo: The name that it has given in EHLO or HELO.
            login: The name that it has logged in with.
            destaddr: The IP address that it has connected to.
            destport: The port that it has connected to, 0 to 65535.

        Returns:
            A Deferred of the reply to EHLO.

        Raises:
            NotOffered: The server does not offer XCLIENT to this client, or none of the attributes.
            TypeError: A value has the wrong type.
            ValueError: An attribute cannot have that value.
        """
        origin = {"NAME": name, "ADDR": addr, "PORT": port, "PROTO": proto, "HELO": helo, "LOGIN": login}
        return self._do(self._xclient(_given(origin | {"DESTADDR": destaddr, "DESTPORT": destport})))

    async def _xclient(self, given: Mapping[str, str]) -> Reply:
        await self._send_attributes("XCLIENT", given)
        self._another = True
        self.authenticated = False  # Postfix begins a new session
        self._dialog.forget()
        self._dialog.allowance = Allowance()
        return await self._hello(given.get("HELO") or "")

    @checked
    def xforward(
        self,
        *,
        name: str | None = None,
        addr: str | None = None,
        port: int | str | None = None,
        proto: str | None = None,
        helo: str | None = None,
        ident: str | None = None,
        source: str | None = None,
    ) -> Deferred[Reply]:
        """
        Send XFORWARD: the origin of the next transaction, for the log of the server.

        The value "" is sent as unavailable, and None is not sent.  An attribute that the server does not offer is left
        out.

        Args:
            name: The host name of the client that the message comes from.
            addr: Its IP address.
            port: Its port, 0 to 65535.
            proto: The protocol that it uses: "SMTP" or "ESMTP".
            helo: The name that it has given in EHLO or HELO.
            ident: The identifier of the message on the server that it was sent to.
            source: "LOCAL" or "REMOTE": where the message comes from.

        Returns:
            A Deferred of the reply.

        Raises:
            NotOffered: The server does not offer XFORWARD to this client, or none of the attributes.
            TypeError: A value has the wrong type.
            ValueError: An attribute cannot have that value.
        """
        origin = {"NAME": name, "ADDR": addr, "PORT": port, "PROTO": proto, "HELO": helo}
        given = _given(origin | {"IDENT": ident, "SOURCE": source})
        return self._do(self._send_attributes("XFORWARD", given))

    async def _send_attributes(self, verb: str, given: Mapping[str, str]) -> Reply:
        offered = self._dialog.offer.extensions
        if not given:
            raise ValueError(f"{verb} needs an attribute, such as addr")
        if verb not in offered:
            raise NotOffered(f"the server does not offer {verb}", command=verb)
        words = attributes.format(plain_attributes(given), offered[verb])
        if not words:
            raise NotOffered(f"the server does not want these by {verb}: {' '.join(given)}", command=verb)
        return await self._commands.command(verb, *words)

    def quit(self) -> Deferred[None]:
        """
        Send QUIT, and close the connection.

        Returns:
            A Deferred that fires when the connection is closed.  It never fails.
        """
        return self._do(self._quit())

    async def _quit(self) -> None:
        if self.protocol.usable:
            with contextlib.suppress(Exception):  # the server has closed the connection before
                await self._dialog.send("QUIT", phase="quit")
        await self.protocol.close()


def _given(attributes: Mapping[str, int | str | None]) -> dict[str, str]:
    return {name: str(value) for name, value in attributes.items() if value is not None}
