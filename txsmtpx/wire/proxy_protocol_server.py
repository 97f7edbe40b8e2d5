"""
The PROXY protocol of HAProxy, on the server: the header that ``haproxy:`` endpoints expect before all other octets.

The endpoint string is Twisted's, and so is the wrapper that it puts around each connection.  The server converts each
wrapper that it finds below itself to a `ProxiedConnection`; `convert_proxy_wrapper` says why.
"""

from __future__ import annotations

from typing import Protocol

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
    """The object that waits for the header: the server's `Opening`."""

    def announced(self, header: ProxyHeader, secured: bool) -> None:
        """
        Take the header.

        Args:
            header: The header.
            secured: True if it came inside TLS, which is complete then.
        """

    def not_announced(self, why: str) -> None:
        """
        Close the connection: no header comes.

        Args:
            why: The reason, for the log.
        """


@implementer(IHandshakeListener, IHalfCloseableProtocol)
class ProxiedConnection(PassesHalfClose, HAProxyProtocolWrapper):
    """
    Reads the header, then passes everything on.  `wait_for_header` converts a wrapper of Twisted to one.

    Attributes:
        header: The header; None until it has come.
    """

    header: ProxyHeader | None
    _waiting: HeaderReceiver | None
    _octets: bytes
    _timer: IDelayedCall

    def wait(self, waiting: HeaderReceiver, clock: IReactorTime) -> None:
        """
        Wait for the header.

        Args:
            waiting: Gets the header, or the reason why none comes.
            clock: Times `HEADER_TIMEOUT`.
        """
        self.header = None
        self._waiting = waiting
        self._octets = b""
        late = f"it was not complete after {HEADER_TIMEOUT:g} seconds"
        self._timer = clock.callLater(HEADER_TIMEOUT, self._refuse, late)

    def dataReceived(self, data: bytes) -> None:
        """
        Read the header, or pass on what follows it.

        Args:
            data: The octets of a segment.
        """
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
        """Pass on that the client sends no more.  Within a header that is an error."""
        self._end()
        super().readConnectionLost()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Twisted has a default here
        """
        Stop waiting, and inform the wrapped protocol.

        Args:
            reason: Why the connection was lost.
        """
        self._end()
        if self._waiting is not None:
            self._stop_waiting()
        HAProxyProtocolWrapper.connectionLost(self, reason)

    def _end(self) -> None:
        """Report half a header.  A connection without an octet is a monitor's, and is not reported."""
        if self._waiting is not None and self._octets:
            self._refuse("the connection ended within it")

    def handshakeCompleted(self) -> None:
        """Pass on that a handshake is complete: of TLS around the header, or of STARTTLS."""
        if IHandshakeListener.providedBy(self.wrappedProtocol):
            self.wrappedProtocol.handshakeCompleted()

    def getPeer(self) -> IAddress:
        """
        Return the client's address.

        Returns:
            The address in the header; the address of the proxy if the header has none.
        """
        source = None if self.header is None else self.header.source
        return super().getPeer() if source is None else _address(source)

    def getHost(self) -> IAddress:
        """
        Return the address to which the client connected.

        Returns:
            The address in the header; the address of this end if the header has none.
        """
        destination = None if self.header is None else self.header.destination
        return super().getHost() if destination is None else _address(destination)


def wait_for_header(transport: object, waiting: HeaderReceiver, clock: IReactorTime) -> bool:
    """
    Wait for the PROXY header, if the endpoint expects one.

    Args:
        transport: The transport of the server, to which no octet has come yet.
        waiting: Gets the header, or the reason why none comes.
        clock: Times `HEADER_TIMEOUT`.

    Returns:
        True if the endpoint expects a header.
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
