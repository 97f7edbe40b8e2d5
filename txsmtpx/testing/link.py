"""
The two ends of a connection in memory, by `twisted.test.iosim`, with real TLS.

`Link` is a client that sends lines to a server.  `txsmtpx.testing.Network` connects a `txsmtpx.SMTPClient` to one.
"""

from __future__ import annotations

from typing import Unpack

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHalfCloseableProtocol, IOpenSSLClientConnectionCreator, IProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, connect

from txsmtpx.arguments import checked_except
from txsmtpx.interfaces import BackendLike, StreamTransport
from txsmtpx.testing.keywords import InMemoryServerKeywords
from txsmtpx.testing.layer import NO_FACTORY, StartsTLS
from txsmtpx.wire.factory import SMTPServerFactory


class Transport(StartsTLS, FakeTransport):
    """
    A transport in memory that can start real TLS, as those of a reactor can.

    Args:
        protocol: The protocol above.
        isServer: True for the end of the server.
        clock: The clock.
        peer: The IP address of the client, as the server sees it.
    """

    above = "protocol"

    def __init__(self, protocol: IProtocol, isServer: bool, clock: Clock, peer: str = "192.0.2.1") -> None:
        kind = IPv6Address if ":" in peer else IPv4Address
        here, there = IPv4Address("TCP", "192.0.2.25", 25), kind("TCP", peer, 4000)
        super().__init__(protocol, isServer, here, there)  # type: ignore[no-untyped-call]
        self.clock: Clock = clock
        self.is_server = isServer


class Typist(Protocol):
    """
    A client that sends the octets that a test passes, and keeps what it receives.  `Link` creates it.

    Attributes:
        received: The octets received since they were last taken from here.
        lost: True after the connection has been closed.
    """

    transport: StreamTransport  # type: ignore[assignment]  # Twisted's is None before connectionMade

    def __init__(self) -> None:
        self.received: bytes = b""
        self.lost: bool = False

    def dataReceived(self, data: bytes) -> None:
        """
        Keep octets.

        Args:
            data: The octets.
        """
        self.received += data

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        Note that the connection was closed.

        Args:
            reason: Why.
        """
        self.lost = True


class Link:
    """
    A client that sends lines to a server, and may start TLS.

    Args:
        server: The protocol of the server.
        clock: The clock of both ends.
        peer: The IP address of the client, as the server sees it.
        tls: The options of the client, for TLS from the first octet on.  None: no TLS.

    Attributes:
        server: The protocol of the server.
        client: The client.
        transport: The transport of the client.
        server_transport: The transport of the server.
    """

    def __init__(
        self,
        server: IProtocol,
        clock: Clock,
        peer: str = "192.0.2.1",
        tls: IOpenSSLClientConnectionCreator | None = None,
    ) -> None:
        self.server = server
        self.client: Typist = Typist()
        outer: IProtocol = self.client
        if tls is not None:
            factory = TLSMemoryBIOFactory(tls, True, NO_FACTORY, clock)
            outer = factory.protocol(factory, self.client)
        self.transport: Transport = Transport(outer, False, clock)
        self.server_transport: Transport = Transport(server, True, clock, peer)
        self._pump = connect(server, self.server_transport, outer, self.transport, clock=clock)

    @classmethod
    @checked_except("backend")  # which the factory checks
    def to(
        cls, backend: BackendLike, *, clock: Clock | None = None, **settings: Unpack[InMemoryServerKeywords]
    ) -> Link:
        """
        Connect to a new server.

        Args:
            backend: The backend.
            clock: The clock.  None: a new one.
            settings: The other arguments of `txsmtpx.SMTPServerFactory`.

        Returns:
            The connection.

        Raises:
            TypeError: An argument is unknown or has the wrong type.
        """
        clock = clock or Clock()
        return cls(SMTPServerFactory(backend, reactor=clock, **settings).buildProtocol(None), clock)

    def send(self, octets: bytes) -> None:
        """
        Send octets in one segment, and receive the replies.

        Args:
            octets: The octets.
        """
        self.client.transport.write(octets)
        self._pump.flush()

    def send_raw(self, octets: bytes) -> None:
        """
        Send octets below TLS.

        Args:
            octets: The octets.
        """
        FakeTransport.write(self.transport, octets)
        self._pump.flush()

    def ask(self, *lines: str) -> list[str]:
        """
        Send lines in one segment.

        Args:
            lines: The lines, without their line ends.

        Returns:
            The lines that the server has sent since the last call.
        """
        self.send("".join(f"{line}\r\n" for line in lines).encode())
        return self.replies()

    def replies(self) -> list[str]:
        """
        Return the lines that the server has sent since the last call.

        Returns:
            The lines, without their line ends.
        """
        self._pump.flush()
        received, self.client.received = self.client.received, b""
        return received.decode().splitlines()

    def start_tls(self, options: IOpenSSLClientConnectionCreator) -> None:
        """
        Start TLS at the client's end.

        Args:
            options: The options, such as those of `txsmtpx.testing.Pem.client_options`.
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
        """Close the connection at the client's end."""
        self.transport.disconnecting = True
        self._pump.flush()

    @property
    def over(self) -> bool:
        """True after both ends have seen the connection closed."""
        self._pump.flush()
        return self.client.lost and bool(self.server_transport.disconnected or self.transport.disconnected)
