"""
The PROXY protocol of HAProxy, from the server's side: what ``haproxy:`` endpoints put around a connection.

The endpoint string is Twisted's, and so is the wrapper that it puts around each connection.  That wrapper connects
what it wraps before the header has come, and its parsers have faults (docs/upstream/haproxy.md).  It has no place for
another parser, so the server turns each wrapper that it finds below itself into a `ProxiedConnection`, before the
first octet arrives.  That works wherever the wrapper comes from: an endpoint string, an endpoint, inside TLS or around
it.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IReactorTime,
    ISSLTransport,
)
from twisted.python.failure import Failure
from zope.interface import alsoProvides, implementer

from txsmtpx.grammar.proxy import End, ProxyError, ProxyHeader, decode
from txsmtpx.wire.half_close import PassesHalfClose
from txsmtpx.wire.twisted_internals import HAProxyProtocolWrapper, convert_proxy_wrapper

HEADER_TIMEOUT = 10.0
"""Seconds for the whole header.  The specification asks for at least 3; Postfix has 5, go-proxyproto 10, Haraka 30."""


class HeaderReceiver(Protocol):
    """What waits for the header."""

    def announced(self, header: ProxyHeader, secured: bool) -> None:
        """
        The header has come.

        Args:
            secured: Whether it came inside TLS, which is complete then.
        """

    def not_announced(self, why: str) -> None:
        """
        No header comes: end the connection.

        Args:
            why: For the log.
        """


@implementer(IHandshakeListener, IHalfCloseableProtocol)
class ProxiedConnection(PassesHalfClose, HAProxyProtocolWrapper):
    """
    Reads the header, then passes everything on.

    Attributes:
        header: What the proxy has said, None before.
    """

    header: ProxyHeader | None
    _waiting: HeaderReceiver | None
    _octets: bytes
    _timer: IDelayedCall

    def wait(self, waiting: HeaderReceiver, clock: IReactorTime) -> None:
        """Tell ``waiting`` when the header has come, or that none comes."""
        self.header = None
        self._waiting = waiting
        self._octets = b""
        late = f"it was not complete after {HEADER_TIMEOUT:g} seconds"
        self._timer = clock.callLater(HEADER_TIMEOUT, self._refuse, late)

    def dataReceived(self, data: bytes) -> None:
        """The header, or what follows it."""
        if self.header is not None:
            self.wrappedProtocol.dataReceived(data)
        elif self._waiting is not None:
            self._octets += data
            try:
                found = decode(self._octets)
            except ProxyError as error:
                self._refuse(str(error))
                return
            if found is not None:
                self._accept(*found)

    def _accept(self, header: ProxyHeader, size: int) -> None:
        self.header = header
        rest, self._octets = self._octets[size:], b""
        self._stop_waiting().announced(header, bool(ISSLTransport.providedBy(self.transport)))
        if rest:
            self.wrappedProtocol.dataReceived(rest)

    def _refuse(self, why: str) -> None:
        self._stop_waiting().not_announced(why)

    def _stop_waiting(self) -> HeaderReceiver:
        waiting, self._waiting = self._waiting, None
        assert waiting is not None
        if self._timer.active():
            self._timer.cancel()
        return waiting

    def readConnectionLost(self) -> None:
        """The client, or the proxy for it, sends no more."""
        self._end()
        super().readConnectionLost()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Twisted has a default here
        """All is over."""
        self._end()
        if self._waiting is not None:
            self._stop_waiting()
        HAProxyProtocolWrapper.connectionLost(self, reason)

    def _end(self) -> None:
        """No more comes: a monitor may connect and send nothing, but half a header is a fault."""
        if self._waiting is not None and self._octets:
            self._refuse("the connection ended within it")

    def handshakeCompleted(self) -> None:
        """TLS is complete that stands around the header, or that STARTTLS has begun."""
        if IHandshakeListener.providedBy(self.wrappedProtocol):
            self.wrappedProtocol.handshakeCompleted()

    def getPeer(self) -> IAddress:
        """The client's address; the proxy's where the header does not say."""
        source = None if self.header is None else self.header.source
        return super().getPeer() if source is None else _address(source)

    def getHost(self) -> IAddress:
        """The address to which the client connected; ours where the header does not say."""
        destination = None if self.header is None else self.header.destination
        return super().getHost() if destination is None else _address(destination)


def wait_for_header(transport: Any, waiting: HeaderReceiver, clock: IReactorTime) -> bool:
    """
    Wait for the PROXY header, where there must be one.

    Args:
        transport: Of ``waiting``, to which nothing has come yet.

    Returns:
        Whether there must be one.
    """
    wrapper = convert_proxy_wrapper(transport, ProxiedConnection)
    if wrapper is None:
        return False
    alsoProvides(wrapper, IHandshakeListener, IHalfCloseableProtocol)
    wrapper.wait(waiting, clock)
    return True


def _address(end: End) -> IAddress:
    if isinstance(end, bytes):
        return UNIXAddress(end)
    kind = IPv6Address if ":" in end[0] else IPv4Address
    return kind("TCP", *end)
