"""
The PROXY protocol of HAProxy, from the client's side: a header before everything else, version 1 or 2.

The server's side is `txsmtpx.wire.proxy_protocol_server`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.interfaces import (
    IAddress,
    IHandshakeListener,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamClientEndpointStringParserWithReactor,
)
from twisted.plugin import IPlugin
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface import implementer

from txsmtpx.grammar.host import plain_address
from txsmtpx.grammar.proxy import ProxyHeader, encode

if TYPE_CHECKING:
    _WrappingFactory = WrappingFactory[ProtocolWrapper]
else:
    _WrappingFactory = WrappingFactory  # which takes no parameter before Twisted 25


def header(version: int, source: IAddress, destination: IAddress) -> bytes:
    """
    The header that says where a connection comes from and went to.

    Where that cannot be said, as of UNIX sockets, it is ``PROXY UNKNOWN`` in version 1, LOCAL in version 2.

    Raises:
        ValueError: There is no such version.
    """
    ends: Any = [(plain_address(getattr(end, "host", "")), getattr(end, "port", 0)) for end in (source, destination)]
    try:
        return encode(ProxyHeader(version, *ends))
    except ValueError:
        return encode(ProxyHeader(version))


@implementer(IHandshakeListener)
class _Announcing(ProtocolWrapper):
    """Says the header first."""

    factory: Any

    def makeConnection(self, transport: Any) -> None:
        announced = self.factory
        source = announced.source or transport.getHost()
        destination = announced.destination or transport.getPeer()
        transport.write(header(announced.version, source, destination))
        ProtocolWrapper.makeConnection(self, transport)

    def handshakeCompleted(self) -> None:
        """STARTTLS: whom we wrap wants to know."""
        if IHandshakeListener.providedBy(self.wrappedProtocol):
            self.wrappedProtocol.handshakeCompleted()


class _AnnouncingFactory(_WrappingFactory):
    protocol = _Announcing
    noisy = False

    def __init__(self, factory: Any, version: int, source: IAddress | None, destination: IAddress | None) -> None:
        WrappingFactory.__init__(self, factory)  # type: ignore[arg-type]  # a type that cannot be named at runtime
        self.version = version
        self.source = source
        self.destination = destination


@implementer(IStreamClientEndpoint)
class PROXYEndpoint:
    """
    A client endpoint that says a PROXY header first.

    As a string: ``haproxy:v1:tcp:HOST:PORT``, ``haproxy:v2:tcp:HOST:PORT``, which tell of the connection itself.

    Attributes:
        endpoint: What it connects by.
        version: Of the header, 1 or 2.

    Args:
        source: The address to tell of, None for our own.
        destination: The address it went to, None for the server's.

    Raises:
        ValueError: There is no such version.
    """

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        version: int = 2,
        source: IAddress | None = None,
        destination: IAddress | None = None,
    ) -> None:
        if version not in (1, 2):
            raise ValueError(f"the PROXY protocol has versions 1 and 2, not {version}")
        self.endpoint = endpoint
        self.version = version
        self._source = source
        self._destination = destination

    def around(self, endpoint: IStreamClientEndpoint) -> PROXYEndpoint:
        """Return an endpoint that sends the same header before another endpoint."""
        return PROXYEndpoint(endpoint, self.version, self._source, self._destination)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect; fires with the protocol that ``protocolFactory`` makes."""
        factory = _AnnouncingFactory(protocolFactory, self.version, self._source, self._destination)
        return Deferred.fromCoroutine(self._connect(factory))

    async def _connect(self, factory: Any) -> IProtocol:
        wrapper: Any = await self.endpoint.connect(factory)
        return cast(IProtocol, wrapper.wrappedProtocol)


@implementer(IPlugin, IStreamClientEndpointStringParserWithReactor)
class PROXYParser:
    """``haproxy:v1:ENDPOINT`` and ``haproxy:v2:ENDPOINT``, for ``clientFromString``."""

    prefix = "haproxy"

    def parseStreamClient(self, reactor: Any, *args: Any, **kwargs: Any) -> PROXYEndpoint:
        """
        Raises:
            ValueError: The version is missing, or what follows is no endpoint.
        """
        version = proxy_version(args[0] if args else "")
        rest = args[1:]
        words = [_quoted(word) for word in rest]
        words += [f"{name}={_quoted(value)}" for name, value in kwargs.items()]
        return PROXYEndpoint(clientFromString(reactor, ":".join(words)), version)


def proxy_version(word: str) -> int:
    """
    1 or 2, for ``v1`` or ``v2``.

    Raises:
        ValueError: It is neither.
    """
    if word not in ("v1", "v2"):
        raise ValueError(f"a client says haproxy:v1: or haproxy:v2: and an endpoint, not haproxy:{word}:")
    return int(word[1])


def _quoted(word: str) -> str:
    return re.sub(r"([\\:=])", r"\\\1", word)
