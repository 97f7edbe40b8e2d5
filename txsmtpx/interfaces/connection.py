"""The connection and the transaction, as backends and observers see them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Literal, Protocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

from txsmtpx.grammar.host import plain_address
from txsmtpx.grammar.options import MailOptions
from txsmtpx.grammar.proxy import ProxyHeader
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces.results import Results


class TLS(Protocol):
    """The TLS session of a connection."""

    @property
    def version(self) -> str:
        """The version, such as ``"TLSv1.3"``."""

    @property
    def cipher(self) -> str:
        """The name of the cipher suite, as OpenSSL writes it."""

    @property
    def cipher_bits(self) -> int:
        """The secret bits of the cipher, such as 256; 0 after the connection has been closed."""

    @property
    def verified(self) -> bool:
        """True if the client has sent a certificate that a trusted authority has signed."""

    @property
    def peer_certificate(self) -> object:
        """The certificate of the client, an `OpenSSL.crypto.X509`; None if it has sent none."""

    @property
    def peer_names(self) -> Collection[str]:
        """The names in the certificate of the client: e-mail addresses, DNS names and the common name."""

    @property
    def bindings(self) -> Mapping[str, bytes]:
        """The channel bindings by name (RFC 5056); empty after the connection has been closed."""


class Aborter(Protocol):
    """What can close a connection without a reply: its protocol."""

    def abort(self) -> None:
        """Close the connection now."""


NO_ATTRIBUTES: Mapping[str, str] = {}
"""The attributes of XCLIENT or XFORWARD of a client that has sent none; one for all, since a dict takes 64 octets."""


class Connection:
    """
    The connection of a client.  The server creates it; a backend reads it.

    Attributes:
        session_id: The identifier of this connection in the log.
        domain: The domain of the server, as in its greeting.
        lmtp: True for LMTP (RFC 2033).
        helo: The argument of HELO, EHLO or LHLO, or of XCLIENT HELO; ``""`` before it.
        peer_host: The IP address of `peer`; ``""`` if it has none, such as on a UNIX socket.
        extended: True after EHLO or LHLO, False after HELO.
        username: The authenticated user, by AUTH or by XCLIENT LOGIN; None without authentication.
        mechanism: The SASL mechanism of AUTH, such as ``"PLAIN"``; None without AUTH.
        proxy_header: The PROXY header with its TLVs; None without ``haproxy:``.
        proxy: The address of the proxy, if XCLIENT has replaced `peer`; None otherwise.
        xclient: The attributes of XCLIENT (`txsmtpx.extensions.xclient`), empty without it.
        xforward: The attributes of XFORWARD for the present transaction, empty without it.
        tls: The TLS session, a `txsmtpx.wire.tls_state.TLSState`; None without TLS.
        aborter: The object whose method `abort` calls; None if there is no transport, or no more.
        closing: True if the server closes the connection after its next rejection.
        filtered: Notifies the observers of the server of a verdict (`IFilterObserver`); None without such observers.
        repeats: True if a message may come again with the same queue id, perhaps for fewer recipients.
        kept_results: `results`, if it was used before; None on a connection without filters.

    Example:
        A backend that accepts mail of one network only::

            class LocalBackend(OpenBackend):
                def anonymous_login(self, connection: Connection) -> Session:
                    if not connection.peer_host.startswith("192.0.2."):
                        raise SMTPError(550, (5, 7, 1), "Local clients only")
                    return Session()
    """

    # What few connections have is set on those alone.
    closing: bool = False
    repeats: bool = False
    filtered: Callable[..., object] | None = None
    kept_results: Results | None = None
    mechanism: str | None = None
    proxy_header: ProxyHeader | None = None
    proxy: IAddress | None = None
    xclient: Mapping[str, str] = NO_ATTRIBUTES

    def __init__(self, session_id: str, domain: str, lmtp: bool) -> None:
        """
        Create a connection of which nothing else is known.

        Args:
            session_id: The identifier of this connection in the log.
            domain: The domain of the server.
            lmtp: True for LMTP.
        """
        self.session_id = session_id
        self.domain = domain
        self.lmtp = lmtp
        self.helo: str = ""
        self.extended: bool = False
        self.username: str | None = None
        self._peer: IAddress | None = None
        self.peer_host: str = ""
        self._host: IAddress | None = None
        self.xforward: Mapping[str, str] = NO_ATTRIBUTES
        self.tls: TLS | None = None
        self.aborter: Aborter | None = None

    def abort(self) -> None:
        """Close the connection now, without a reply.  The session's methods that wait are cancelled."""
        if self.aborter is not None:
            self.aborter.abort()

    def forget(self) -> None:
        """Discard the attributes that the client has sent, such as ``helo``.  The addresses are kept."""
        self.helo = ""
        self.extended = False
        self.username = self.mechanism = None
        if self.xclient:
            self.xclient = {name: said for name, said in self.xclient.items() if name not in ("HELO", "PROTO", "LOGIN")}
        self.xforward = NO_ATTRIBUTES

    @property
    def results(self) -> Results:
        """The results of filters on this connection, and in its present transaction."""
        if self.kept_results is None:
            self.kept_results = Results()
        return self.kept_results

    @results.setter
    def results(self, results: Results) -> None:
        self.kept_results = results

    @property
    def peer(self) -> IAddress | None:
        """The address of the client in its plain form; behind ``haproxy:``, that of the PROXY header."""
        return self._peer

    @peer.setter
    def peer(self, address: IAddress | None) -> None:
        peer = self._peer = address if address.__class__ is IPv4Address else _plain(address)
        self.peer_host = peer.host if isinstance(peer, IPv4Address | IPv6Address) else ""

    @property
    def host(self) -> IAddress | None:
        """The address that the client has connected to, in its plain form."""
        return self._host

    @host.setter
    def host(self, address: IAddress | None) -> None:
        host = address if address.__class__ is IPv4Address else _plain(address)
        self._host = _shared(type(host), *vars(host).values()) if isinstance(host, IPv4Address | IPv6Address) else host

    @property
    def peer_port(self) -> int:
        """The port of the client; 0 if it has none."""
        peer = self._peer
        return peer.port if isinstance(peer, IPv4Address | IPv6Address) else 0

    def with_protocol(self, utf8: bool = False) -> str:
        """
        Return the protocol for the "with" clause of a Received field (RFC 3848, RFC 6531 §4.3).

        Args:
            utf8: True for a message with SMTPUTF8.

        Returns:
            The protocol, such as ``"ESMTPSA"``.  After HELO it is SMTP, which has no suffixes.

        Example:
            >>> Connection("1", "mail.example.org", lmtp=False).with_protocol()
            'SMTP'
        """
        if not self.extended:
            return "SMTP"
        name = "LMTP" if self.lmtp else "SMTP" if utf8 else "ESMTP"
        return "UTF8" * utf8 + name + "S" * (self.tls is not None) + "A" * (self.username is not None)

    def __repr__(self) -> str:
        return f"<Connection {self.session_id} from {self.helo!r} [{self.peer_host}]>"


@lru_cache(maxsize=64)
def _shared(kind: Callable[..., IAddress], *fields: object) -> IAddress:
    """Return an address, the same object for the same fields: all clients of a port have connected to one address."""
    return kind(*fields)


def _plain(address: IAddress | None) -> IAddress | None:
    """Return an address whose host is in the form of `plain_address`."""
    if not isinstance(address, IPv6Address):
        return address
    host = plain_address(address.host)
    if host == address.host:
        return address
    kind = IPv6Address if ":" in host else IPv4Address
    return kind(address.type, host, address.port)


End = Literal["answered", "reset", "closed"]
"""
How a transaction ended.  "answered": the server has replied to the data.  "reset": the client has ended it by RSET,
EHLO or the like.  "closed": the connection was closed first, also by QUIT.
"""


class Summary(Protocol):
    """
    The result of one transaction, for observers.  The server creates it at the end of the transaction.

    Example:
        Log the time that a backend needs for each message::

            class Slow(Observer):
                def concluded(self, summary: Summary) -> None:
                    log.info("{id}: {seconds} s", id=summary.queue_id, seconds=summary.backend_seconds)
    """

    @property
    def connection(self) -> Connection:
        """The connection.  It may change after the call of the observer."""

    @property
    def queue_id(self) -> str:
        """The identifier of the transaction in replies and in the log."""

    @property
    def sender(self) -> str:
        """The address of MAIL; ``""`` for the null reverse-path."""

    @property
    def options(self) -> MailOptions:
        """The parameters of MAIL."""

    @property
    def recipients(self) -> Sequence[str]:
        """The accepted addresses, in the order of RCPT."""

    @property
    def rejected(self) -> int:
        """The number of rejected RCPTs."""

    @property
    def octets(self) -> int:
        """The octets of the message that were received."""

    @property
    def reply(self) -> Reply | None:
        """The reply to the data; None for LMTP, and if there was none."""

    @property
    def outcomes(self) -> Sequence[Reply]:
        """The outcome for each recipient, in the order of RCPT, for LMTP and PRDR; otherwise empty."""

    @property
    def replies(self) -> Sequence[Reply]:
        """`outcomes`, or `reply` as the only item; empty if the data was not answered."""

    @property
    def end(self) -> End:
        """How the transaction ended."""

    @property
    def seconds(self) -> float:
        """Seconds from MAIL to the end."""

    @property
    def backend_seconds(self) -> float:
        """Seconds from the end of the data to the last reply."""

    @property
    def facts(self) -> Mapping[str, object]:
        """The facts that the backend and filters have given to `IDataContext.note`."""
