"""
The PROXY protocol of HAProxy, on the client: it sends a header before all other octets, in version 1 or 2.

The server's half is `txsmtpx.wire.proxy_protocol_server`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.interfaces import (
    IAddress,
    IHandshakeListener,
    IProtocol,
    IProtocolFactory,
    IReactorCore,
    IStreamClientEndpoint,
    IStreamClientEndpointStringParserWithReactor,
    ITransport,
)
from twisted.plugin import IPlugin
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface import implementer

from txsmtpx.arguments import checked
from txsmtpx.grammar.host import plain_address
from txsmtpx.grammar.proxy import ProxyHeader, encode
from txsmtpx.interfaces import ClientEndpoint

if TYPE_CHECKING:
    _WrappingFactory = WrappingFactory[ProtocolWrapper]
else:
    _WrappingFactory = WrappingFactory  # which takes no parameter before Twisted 25


def header(version: int, source: IAddress, destination: IAddress) -> bytes:
    """
    Encode the header of a connection.

    Args:
        version: The version of the header, 1 or 2.
        source: The address that the connection comes from.
        destination: The address that it went to.

    Returns:
        The header.  If an address is not one of TCP, it is ``PROXY UNKNOWN`` in version 1, LOCAL in version 2.

    Raises:
        ValueError: There is no such version.
    """
    hosts = [plain_address(getattr(end, "host", "")) for end in (source, destination)]
    if len({":" in host for host in hosts}) == 2:
        # The header has one address family.  An IPv4 client of an IPv6 server would be lost, and the next server would
        # take the proxy for the client.  HAProxy maps the IPv4 address too (RFC 4291 §2.5.5.2).
        hosts = [host if ":" in host else f"::ffff:{host}" for host in hosts]
    ports = [int(getattr(end, "port", 0)) for end in (source, destination)]
    here, there = zip(hosts, ports, strict=True)
    try:
        return encode(ProxyHeader(version, here, there))
    except ValueError:
        return encode(ProxyHeader(version))


@implementer(IHandshakeListener)
class _Announcing(ProtocolWrapper):
    """Sends the header before it connects the wrapped protocol."""

    def makeConnection(self, transport: ITransport) -> None:
        announced = cast(_AnnouncingFactory, self.factory)
        source = announced.source or transport.getHost()
        destination = announced.destination or transport.getPeer()
        transport.write(header(announced.version, source, destination))
        ProtocolWrapper.makeConnection(self, transport)

    def handshakeCompleted(self) -> None:
        """Pass on that the handshake of STARTTLS is complete."""
        if IHandshakeListener.providedBy(self.wrappedProtocol):
            self.wrappedProtocol.handshakeCompleted()


class _AnnouncingFactory(_WrappingFactory):
    protocol = _Announcing
    noisy = False

    def __init__(
        self, factory: IProtocolFactory, version: int, source: IAddress | None, destination: IAddress | None
    ) -> None:
        WrappingFactory.__init__(self, factory)  # type: ignore[arg-type]  # a type that cannot be named at runtime
        self.version = version
        self.source = source
        self.destination = destination


@implementer(IStreamClientEndpoint)
class PROXYEndpoint:
    """
    A client endpoint that sends a PROXY header before all other octets.

    The endpoint strings are ``haproxy:v1:tcp:HOST:PORT`` and ``haproxy:v2:tcp:HOST:PORT``.  Their header has the
    addresses of the connection itself.

    Attributes:
        endpoint: The endpoint that connects.
        version: The version of the header.

    Args:
        endpoint: The endpoint that connects.
        version: The version of the header, 1 or 2; default 2.
        source: The address of the client in the header; by default that of this end.
        destination: The address that the client connected to; by default that of the server.

    Raises:
        ValueError: There is no such version.
        TypeError: A value has the wrong type.

    Example:
        A server behind a listener that expects a PROXY header::

            await connect(PROXYEndpoint(TCP4ClientEndpoint(reactor, "192.0.2.25", 25)))
    """

    @checked
    def __init__(
        self,
        endpoint: IStreamClientEndpoint | ClientEndpoint,
        version: int = 2,
        source: IAddress | None = None,
        destination: IAddress | None = None,
    ) -> None:
        if version not in (1, 2):
            raise ValueError(f"the PROXY protocol has versions 1 and 2, not {version}")
        self.endpoint: IStreamClientEndpoint = cast(IStreamClientEndpoint, endpoint)
        self.version = version
        self._source = source
        self._destination = destination

    def around(self, endpoint: IStreamClientEndpoint) -> PROXYEndpoint:
        """
        Return an endpoint that sends the same header before another endpoint.

        Args:
            endpoint: The other endpoint.

        Returns:
            The endpoint around it.
        """
        return PROXYEndpoint(endpoint, self.version, self._source, self._destination)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect, and send the header.

        Args:
            protocolFactory: Makes the protocol.

        Returns:
            A Deferred of the protocol.
        """
        factory = _AnnouncingFactory(protocolFactory, self.version, self._source, self._destination)
        return Deferred.fromCoroutine(self._connect(factory))

    async def _connect(self, factory: _AnnouncingFactory) -> IProtocol:
        wrapper = await self.endpoint.connect(cast(IProtocolFactory, factory))
        return cast(ProtocolWrapper, wrapper).wrappedProtocol


@implementer(IPlugin, IStreamClientEndpointStringParserWithReactor)
class PROXYParser:
    """Parses ``haproxy:v1:ENDPOINT`` and ``haproxy:v2:ENDPOINT`` for ``clientFromString``.  The plugin creates it."""

    prefix = "haproxy"

    def parseStreamClient(self, reactor: IReactorCore, *args: object, **kwargs: object) -> PROXYEndpoint:
        """
        Make an endpoint from the words of its string.

        Args:
            reactor: Connects.
            args: The words without a name: the version, and those of the other endpoint.
            kwargs: The words with a name, all of the other endpoint.

        Returns:
            The endpoint.

        Raises:
            ValueError: The version is missing, or what follows is no endpoint.
        """
        version = proxy_version(str(args[0]) if args else "")
        words = [_quoted(str(word)) for word in args[1:]]
        words += [f"{name}={_quoted(str(value))}" for name, value in kwargs.items()]
        return PROXYEndpoint(clientFromString(reactor, ":".join(words)), version)


def proxy_version(word: str) -> int:
    """
    Return the version of the header.

    Args:
        word: The word behind ``haproxy:``.

    Returns:
        1 for ``v1``, 2 for ``v2``.

    Raises:
        ValueError: It is another word.
    """
    if word not in ("v1", "v2"):
        raise ValueError(f"haproxy:{word}: has no version: write haproxy:v1: or haproxy:v2:")
    return int(word[1])


def _quoted(word: str) -> str:
    return re.sub(r"([\\:=])", r"\\\1", word)
