"""
The connection as backends see it.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress

from txsmtpx.grammar import trace


class Connection:
    """
    Who is at the other end, and what has been agreed with him.

    @ivar session_id: what this connection is called in the logs.
    @ivar domain: the name this server calls itself.
    @ivar lmtp: whether LMTP is spoken (RFC 2033).
    @ivar helo: what the client called itself, "" before it did; where XCLIENT said HELO, that.
    @ivar extended: whether it said EHLO or LHLO, not HELO.
    @ivar username: who logged in, by AUTH or says XCLIENT; None while nobody has.
    @ivar peer: the client's address; behind C{haproxy:} the real one, once it has said hello.
    @ivar host: the address it came to.
    @ivar proxy: who is really connected, where XCLIENT has made C{peer} another; None where it has not.
    @ivar xclient: what XCLIENT said (L{txsmtpx.extensions.xclient}), by attribute.
    @ivar xforward: what XFORWARD said of the transaction, by attribute.
    @ivar tls: a L{txsmtpx.wire.tls.TLSState}, None in the clear.
    """

    def __init__(self, session_id: str, domain: str, lmtp: bool) -> None:
        self.session_id = session_id
        self.domain = domain
        self.lmtp = lmtp
        self.helo = ""
        self.extended = False
        self.username: str | None = None
        self.peer: IAddress | None = None
        self.host: IAddress | None = None
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
    def peer_host(self) -> str:
        """The client's IP address, "" where it has none."""
        return getattr(self.peer, "host", None) or ""

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
