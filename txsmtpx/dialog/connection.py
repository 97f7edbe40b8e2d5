"""
The connection as backends see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv4Address, IPv6Address

from txsmtpx.grammar import trace
from txsmtpx.grammar.host import plain_address
from txsmtpx.grammar.proxy import ProxyHeader

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress


class Connection:
    """
    Who is at the other end, and what has been agreed with him.

    Attributes:
        session_id: What this connection is called in the logs.
        domain: The name this server calls itself.
        lmtp: Whether LMTP is spoken (RFC 2033).
        helo: What the client called itself, "" before it did; where XCLIENT said HELO, that.
        extended: Whether it said EHLO or LHLO, not HELO.
        username: Who logged in, by AUTH or says XCLIENT; None while nobody has.
        proxy_header: What the PROXY header says, with its TLVs: a `txsmtpx.grammar.proxy.ProxyHeader`; None where
            there is no ``haproxy:``.
        proxy: Who is really connected, where XCLIENT has made ``peer`` another; None where it has not.
        xclient: What XCLIENT said (`txsmtpx.extensions.xclient`), by attribute.
        xforward: What XFORWARD said of the transaction, by attribute.
        tls: A `txsmtpx.wire.tls_state.TLSState`, None in the clear.
    """

    def __init__(self, session_id: str, domain: str, lmtp: bool) -> None:
        self.session_id = session_id
        self.domain = domain
        self.lmtp = lmtp
        self.helo = ""
        self.extended = False
        self.username: str | None = None
        self._peer: IAddress | None = None
        self._host: IAddress | None = None
        self.proxy_header: ProxyHeader | None = None
        self.proxy: IAddress | None = None
        self.xclient: dict[str, str] = {}
        self.xforward: dict[str, str] = {}
        self.tls: Any = None

    def forget(self) -> None:
        """What the client said of itself; not where it comes from."""
        self.helo = ""
        self.extended = False
        self.username = None
        self.xclient = {name: said for name, said in self.xclient.items() if name not in ("HELO", "PROTO", "LOGIN")}
        self.xforward = {}

    @property
    def peer(self) -> IAddress | None:
        """
        The client's address, in its plain form (`plain_address`); behind ``haproxy:``, the one in the PROXY header.
        """
        return self._peer

    @peer.setter
    def peer(self, address: IAddress | None) -> None:
        self._peer = address if address.__class__ is IPv4Address else _plain(address)

    @property
    def host(self) -> IAddress | None:
        """The address that the client connected to, in its plain form."""
        return self._host

    @host.setter
    def host(self, address: IAddress | None) -> None:
        self._host = address if address.__class__ is IPv4Address else _plain(address)

    @property
    def peer_host(self) -> str:
        """The client's IP address, "" where it has none."""
        return getattr(self._peer, "host", None) or ""

    def with_protocol(self, utf8: bool = False) -> str:
        """The word behind "with" in a Received header (RFC 3848, RFC 6531 §4.3)."""
        return trace.with_protocol(
            extended=self.extended,
            lmtp=self.lmtp,
            utf8=utf8,
            tls=self.tls is not None,
            authenticated=self.username is not None,
        )

    def __repr__(self) -> str:
        return f"<Connection {self.session_id} from {self.helo!r} [{self.peer_host}]>"


def _plain(address: IAddress | None) -> IAddress | None:
    """``address``, whose host is in the form that `plain_address` gives."""
    if not isinstance(address, IPv6Address):
        return address
    host = plain_address(address.host)
    if host == address.host:
        return address
    kind = IPv6Address if ":" in host else IPv4Address
    return kind(address.type, host, address.port)
