"""
TLS over a transport that cannot start it, or not by the clock it should go by.

The transports of `twisted.test.iosim` only pretend TLS.  Those of a reactor, when they start it, gather small
writes by the clock of the global reactor, whichever reactor they are of.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ISSLTransport, IStreamClientEndpoint
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import directlyProvides, implementer

from txsmtpx.wire.half_close import PassesHalfClose

NO_FACTORY: Any = None
"""What is wrapped where the protocol is there already."""


class StartsTLS:
    """
    Stands before the class of a transport.

    Attributes:
        above: The attribute that holds the protocol which talks over it.
        clock: The time of TLS.
        is_server: Which end it is.
    """

    above: str
    clock: Any
    is_server: bool
    _tls: Any = None

    def startTLS(self, contextFactory: Any, beNormal: bool = True) -> None:
        """See `ITLSTransport.startTLS`."""
        here: Any = self
        producer, streaming = here.producer, getattr(here, "streamingProducer", True)
        if producer is not None:
            here.unregisterProducer()
        factory = TLSMemoryBIOFactory(contextFactory, self.is_server != beNormal, NO_FACTORY, self.clock)
        self._tls = factory.protocol(factory, getattr(here, self.above), False)
        setattr(here, self.above, self._tls)
        here.getHandle = self._tls.getHandle
        directlyProvides(self, ISSLTransport)
        self._tls.makeConnection(_Below(self))
        if producer is not None:
            here.registerProducer(producer, streaming)

    def _through(self) -> Any:
        return self._tls or super()

    def write(self, data: bytes) -> None:
        """Through TLS, where there is TLS; so it is with all of these."""
        self._through().write(data)

    def writeSequence(self, iovec: Any) -> None:
        """See `ITransport.writeSequence`."""
        self._through().writeSequence(iovec)

    def loseConnection(self) -> None:
        """See `ITransport.loseConnection`."""
        self._through().loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """See `IConsumer.registerProducer`."""
        self._through().registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """See `IConsumer.unregisterProducer`."""
        self._through().unregisterProducer()


class _Below:
    """A transport as TLS sees it from above."""

    def __init__(self, transport: StartsTLS) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        if name in ("write", "writeSequence", "loseConnection", "registerProducer", "unregisterProducer"):
            return getattr(super(StartsTLS, self._transport), name)
        return getattr(self._transport, name)


class _Layer(StartsTLS, PassesHalfClose, ProtocolWrapper):
    above = "wrappedProtocol"

    def __init__(self, factory: Any, protocol: Any) -> None:
        super().__init__(factory, protocol)
        self.clock = factory.clock
        self.is_server = factory.is_server


class OwnClock(WrappingFactory):
    """
    A factory whose connections start TLS by ``clock``.

    Args:
        factory: Of the protocols.
        is_server: Which end they are.
    """

    protocol = _Layer
    noisy = False

    def __init__(self, factory: Any, clock: Any, is_server: bool = True) -> None:
        super().__init__(factory)  # type: ignore[no-untyped-call]
        self.clock = clock
        self.is_server = is_server


@implementer(IStreamClientEndpoint)
class OwnClockEndpoint:
    """
    A client endpoint whose connections start TLS by ``clock``.

    Args:
        endpoint: Makes the connections.
    """

    def __init__(self, endpoint: IStreamClientEndpoint, clock: Any) -> None:
        self._endpoint = endpoint
        self._clock = clock

    def connect(self, factory: Any) -> Deferred[Any]:
        """See `IStreamClientEndpoint.connect`."""
        connecting: Deferred[Any] = self._endpoint.connect(OwnClock(factory, self._clock, is_server=False))
        return connecting.addCallback(lambda layer: layer.wrappedProtocol)
