"""
Two ends of a connection in memory, by `twisted.test.iosim`, whose transports only pretend TLS; these start it.

`Link` is a client that types to a server; `txsmtpx.testing.Network` joins our client to one.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.test.iosim import FakeTransport, connect

from txsmtpx.testing.layer import NO_FACTORY, StartsTLS
from txsmtpx.wire.factory import SMTPServerFactory


class Transport(StartsTLS, FakeTransport):
    """
    A transport in memory that can start real TLS, in the way of those of the reactor.

    Args:
        protocol: What talks over it.
        peer: The client's address, as the server sees it.
    """

    above = "protocol"

    def __init__(self, protocol: Any, isServer: bool, clock: Clock, peer: str = "192.0.2.1") -> None:
        kind = IPv6Address if ":" in peer else IPv4Address
        here, there = IPv4Address("TCP", "192.0.2.25", 25), kind("TCP", peer, 4000)
        super().__init__(protocol, isServer, here, there)  # type: ignore[no-untyped-call]
        self.clock = clock
        self.is_server = isServer


class Typist(Protocol):
    """
    A client that says what it is told and keeps what it hears.

    Attributes:
        heard: The octets since they were last taken from here.
        lost: Whether the connection is over.
    """

    transport: Any

    def __init__(self) -> None:
        self.heard = b""
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data

    def connectionLost(self, reason: Any = None) -> None:
        """It is over."""
        self.lost = True


class Link:
    """
    A client that types to a server, which may start TLS.

    Attributes:
        server: What the transport of the server talks to.
        client: The `Typist`.

    Args:
        server: A protocol.
        clock: The time of both.
        peer: The client's address, as the server sees it.
        tls: The client's options, for TLS from the first octet on.
    """

    def __init__(self, server: Any, clock: Clock, peer: str = "192.0.2.1", tls: Any = None) -> None:
        self.server = server
        self.client = Typist()
        outer: Any = self.client
        if tls is not None:
            factory = TLSMemoryBIOFactory(tls, True, NO_FACTORY, clock)
            outer = factory.protocol(factory, self.client)
        self.transport = Transport(outer, False, clock)
        self.server_transport = Transport(server, True, clock, peer)
        self._pump = connect(server, self.server_transport, outer, self.transport, clock=clock)

    @classmethod
    def to(cls, backend: Any, *, clock: Clock | None = None, **settings: Any) -> Link:
        """
        A connection to a server of its own.

        Args:
            backend: An `txsmtpx.IBackend`.
            settings: Of `SMTPServerFactory`.
        """
        clock = clock or Clock()
        return cls(SMTPServerFactory(backend, reactor=clock, **settings).buildProtocol(None), clock)

    def send(self, octets: bytes) -> None:
        """Let the server have ``octets``, in one segment, and the client its answers."""
        self.client.transport.write(octets)
        self._pump.flush()

    def send_raw(self, octets: bytes) -> None:
        """The same, past TLS."""
        FakeTransport.write(self.transport, octets)
        self._pump.flush()

    def ask(self, *lines: str) -> list[str]:
        """Say ``lines`` in one segment; the lines of the answers."""
        self.send("".join(f"{line}\r\n" for line in lines).encode())
        return self.said()

    def said(self) -> list[str]:
        """The lines that the server has said since this was last asked."""
        self._pump.flush()
        heard, self.client.heard = self.client.heard, b""
        return heard.decode().splitlines()

    def start_tls(self, options: Any) -> None:
        """
        The client's side of the handshake.

        Args:
            options: What ``startTLS`` takes, such as `txsmtpx.testing.Pem.client_options` gives.
        """
        self.transport.startTLS(options)
        self._pump.flush()

    def end_sending(self) -> None:
        """Shut down the client's sending side, as a TCP transport would report it to the server."""
        protocol = IHalfCloseableProtocol(self.server_transport.protocol, None)
        if protocol is None:
            self.hang_up()
        else:
            protocol.readConnectionLost()
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
