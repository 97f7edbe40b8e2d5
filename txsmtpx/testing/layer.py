"""
TLS over transports that cannot start it, or that use the wrong clock for it.

The transports of `twisted.test.iosim` only simulate TLS.  Those of a reactor delay small writes in TLS by the clock of
the global reactor, whichever reactor they belong to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLContextFactory,
    IOpenSSLServerConnectionCreator,
    IProducer,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    ISSLTransport,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import directlyProvides, implementer

from txsmtpx.interfaces import ClientEndpoint, Clock, StreamTransport
from txsmtpx.wire.half_close import PassesHalfClose

TLSOptions = IOpenSSLContextFactory | IOpenSSLClientConnectionCreator | IOpenSSLServerConnectionCreator
"""What `twisted.protocols.tls` takes as the options of TLS."""

NO_FACTORY = cast(Factory, None)
"""The wrapped factory where the protocol exists already."""


class StartsTLS:
    """
    A base class that stands before the class of a transport, and starts TLS over it.

    Attributes:
        above: The name of the attribute of the transport that holds the protocol above.
        clock: The clock of TLS.
        is_server: True for the end of the server.
    """

    above: str
    clock: Clock
    is_server: bool
    _tls: TLSMemoryBIOProtocol | None = None

    def startTLS(self, contextFactory: TLSOptions, beNormal: bool = True) -> None:
        """
        Start TLS (`ITLSTransport.startTLS`).

        Args:
            contextFactory: The options.
            beNormal: False if this end takes the other role in the handshake.
        """
        here: Any = self  # a transport of Twisted, whose attributes have no types
        clock = cast(IReactorTime, self.clock)
        producer, streaming = here.producer, getattr(here, "streamingProducer", True)
        if producer is not None:
            here.unregisterProducer()
        factory = TLSMemoryBIOFactory(contextFactory, self.is_server != beNormal, NO_FACTORY, clock)
        tls = self._tls = factory.protocol(factory, getattr(here, self.above), False)
        setattr(here, self.above, tls)
        here.getHandle = tls.getHandle
        directlyProvides(self, ISSLTransport)
        tls.makeConnection(_Below(self))
        if producer is not None:
            here.registerProducer(producer, streaming)

    def _through(self) -> StreamTransport:
        return cast(StreamTransport, self._tls or super())

    def write(self, data: bytes) -> None:
        """
        Write octets, through TLS if it has been started.

        Args:
            data: The octets.
        """
        self._through().write(data)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """
        Write octets, through TLS if it has been started.

        Args:
            iovec: The octets in pieces.
        """
        self._through().writeSequence(iovec)

    def loseConnection(self) -> None:
        """Close the connection, through TLS if it has been started."""
        self._through().loseConnection()

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """
        Register a producer.

        Args:
            producer: The producer.
            streaming: True for an `IPushProducer`.
        """
        self._through().registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """Unregister the producer."""
        self._through().unregisterProducer()


class _Below:
    """A transport as TLS uses it."""

    def __init__(self, transport: StartsTLS) -> None:
        self._transport = transport

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            if name in ("write", "writeSequence", "loseConnection", "registerProducer", "unregisterProducer"):
                return getattr(super(StartsTLS, self._transport), name)
            return getattr(self._transport, name)


class _Layer(StartsTLS, PassesHalfClose, ProtocolWrapper):
    above = "wrappedProtocol"

    def __init__(self, factory: OwnClock, protocol: IProtocol) -> None:
        super().__init__(cast("WrappingFactory[_Layer]", factory), protocol)
        self.clock = factory.clock
        self.is_server = factory.is_server


class OwnClock(WrappingFactory):
    """
    A factory whose connections start TLS with a clock of their own.

    Args:
        factory: The factory of the protocols.
        clock: The clock.
        is_server: True for the end of the server.

    Attributes:
        clock: The clock.
        is_server: True for the end of the server.
    """

    protocol = _Layer
    noisy = False

    def __init__(self, factory: IProtocolFactory, clock: Clock, is_server: bool = True) -> None:
        super().__init__(factory)  # type: ignore[no-untyped-call]
        self.clock = clock
        self.is_server = is_server


@implementer(IStreamClientEndpoint)
class OwnClockEndpoint:
    """
    A client endpoint whose connections start TLS with a clock of their own.

    Args:
        endpoint: It makes the connections.
        clock: The clock.
    """

    def __init__(self, endpoint: ClientEndpoint, clock: Clock) -> None:
        self._endpoint = endpoint
        self._clock = clock

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect (`IStreamClientEndpoint.connect`).

        Args:
            protocolFactory: It makes the protocol.

        Returns:
            A Deferred of the protocol.
        """
        connecting = self._endpoint.connect(OwnClock(protocolFactory, self._clock, is_server=False))
        return connecting.addCallback(_wrapped)


def _wrapped(layer: _Layer) -> IProtocol:
    return layer.wrappedProtocol
