"""
A client that types and a server, joined in memory by L{twisted.test.iosim}, with real TLS.

The transports of iosim only pretend TLS; these start it.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.test.iosim import FakeTransport, connect
from zope.interface import directlyProvides

from txsmtpx import SMTPServerFactory


class Transport(FakeTransport):
    """A transport in memory that can start real TLS, in the way of those of the reactor."""

    def __init__(self, protocol: Any, isServer: bool, clock: Clock, peer: str = "192.0.2.1") -> None:
        super().__init__(protocol, isServer, IPv4Address("TCP", "192.0.2.25", 25), IPv4Address("TCP", peer, 4000))
        self._clock = clock
        self._tls: Any = None

    def startTLS(self, contextFactory: Any, beNormal: bool = True) -> None:
        producer, self.producer = self.producer, None
        factory = TLSMemoryBIOFactory(contextFactory, self.isServer != beNormal, None, self._clock)
        self._tls = self.protocol = factory.protocol(factory, self.protocol, False)
        self.getHandle = self._tls.getHandle
        directlyProvides(self, ISSLTransport)
        self._tls.makeConnection(_Below(self))
        if producer is not None:
            self.registerProducer(producer, True)

    def write(self, data: bytes) -> None:
        (self._tls or super()).write(data)

    def loseConnection(self) -> None:
        (self._tls or super()).loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        (self._tls or super()).registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        (self._tls or super()).unregisterProducer()


class _Below:
    """A transport as TLS sees it from above."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        if name in ("write", "loseConnection", "registerProducer", "unregisterProducer"):
            return getattr(super(Transport, self._transport), name)
        return getattr(self._transport, name)


class Client(Protocol):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Any) -> None:
        self.lost = True


class Link:
    """
    A connection.

    @ivar server: what the transport of the server talks to.
    @ivar client: the L{Client}.
    """

    def __init__(self, server: Any, clock: Clock, peer: str = "192.0.2.1", tls: Any = None) -> None:
        """
        @param tls: the client's options, for TLS from the first octet on.
        """
        self.server = server
        self.client = Client()
        outer: Any = self.client
        if tls is not None:
            factory = TLSMemoryBIOFactory(tls, True, None, clock)
            outer = factory.protocol(factory, self.client)
        self.transport = Transport(outer, False, clock)
        self.server_transport = Transport(server, True, clock, peer)
        self._pump = connect(server, self.server_transport, outer, self.transport, clock=clock)

    def send(self, octets: bytes) -> None:
        """Let the server have C{octets}, in one segment, and the client its answers."""
        self.client.transport.write(octets)
        self._pump.flush()

    def send_raw(self, octets: bytes) -> None:
        """The same, past TLS."""
        FakeTransport.write(self.transport, octets)
        self._pump.flush()

    def ask(self, *lines: str) -> list[str]:
        """Say C{lines} in one segment; the lines of the answers."""
        self.send("".join(f"{line}\r\n" for line in lines).encode())
        return self.said()

    def said(self) -> list[str]:
        """What the server has said since this was last asked."""
        self._pump.flush()
        heard, self.client.heard = self.client.heard, b""
        return heard.decode().splitlines()

    def start_tls(self, options: Any) -> None:
        """The client's side of the handshake."""
        self.transport.startTLS(options)
        self._pump.flush()

    def hang_up(self) -> None:
        """The client goes."""
        self.transport.disconnecting = True
        self._pump.flush()

    @property
    def over(self) -> bool:
        """Whether both ends have seen the connection end."""
        self._pump.flush()
        return self.client.lost and bool(self.server_transport.disconnected or self.transport.disconnected)


def link(backend: Any, *, clock: Clock | None = None, **settings: Any) -> Link:
    """A connection to a server of its own."""
    clock = clock or Clock()
    factory = SMTPServerFactory(backend, reactor=clock, **settings)
    return Link(factory.buildProtocol(None), clock)


def codes(lines: list[str]) -> list[str]:
    """The numbers that begin the last line of each reply."""
    return [match[1] for line in lines if (match := re.match(r"(\d{3})(?: |$)", line))]
