"""A network in memory: an endpoint that connects a `txsmtpx.SMTPClient` to a server, with a clock of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar, Unpack, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.test.iosim import FakeTransport, IOPump, connect
from zope.interface import implementer

from txsmtpx.arguments import checked, checked_except
from txsmtpx.interfaces import BackendLike
from txsmtpx.testing.keywords import ConnectionKeywords, InMemoryServerKeywords
from txsmtpx.testing.link import Transport
from txsmtpx.testing.outcome import Outcome
from txsmtpx.wire.client import SMTPClient
from txsmtpx.wire.client_protocol import ClientProtocol
from txsmtpx.wire.client_settings import ClientSettings
from txsmtpx.wire.factory import SMTPServerFactory

T = TypeVar("T")


class Builds(Protocol):
    """A factory of server protocols, such as `txsmtpx.SMTPServerFactory` and `txsmtpx.testing.Script`."""

    def buildProtocol(self, addr: IPv4Address, /) -> IProtocol | None:
        """
        Build the protocol of a connection.

        Args:
            addr: The address of the client.

        Returns:
            The protocol.
        """


@implementer(IStreamClientEndpoint)
class Network:
    """
    An endpoint whose connections go to servers in memory.  TLS is real.

    Args:
        servers: A protocol for each connection; or a factory or function that makes a protocol for each.
        one_by_one: True delivers what the server sends octet by octet.
        clock: The clock.  None: a new one.

    Attributes:
        clock: The clock.
        servers: The protocols of the servers, in the order of the connections.
        clients: The protocols of the clients.
        pumps: The pumps, which move the octets of each connection.
    """

    def __init__(
        self,
        *servers: IProtocol | Builds | Callable[[], IProtocol],
        one_by_one: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self.clock: Clock = clock or Clock()
        self.servers: list[IProtocol] = []
        self.clients: list[IProtocol] = []
        self.pumps: list[IOPump] = []
        self._next = list(servers)
        self._one_by_one = one_by_one

    @classmethod
    @checked_except("backend")  # which the factory checks
    def to(
        cls, backend: BackendLike, *, clock: Clock | None = None, **settings: Unpack[InMemoryServerKeywords]
    ) -> Network:
        """
        Return a network with one server, of this library.

        Args:
            backend: The backend.
            clock: The clock.  None: a new one.
            settings: The other arguments of `txsmtpx.SMTPServerFactory`.

        Returns:
            The network.

        Raises:
            TypeError: An argument is unknown or has the wrong type.
        """
        clock = clock or Clock()
        return cls(SMTPServerFactory(backend, reactor=clock, **settings), clock=clock)

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect a client (`IStreamClientEndpoint.connect`).

        Args:
            factory: It makes the protocol of the client.

        Returns:
            A Deferred of the protocol, which has fired.
        """
        server = self._server()
        client = cast(IProtocol, factory.buildProtocol(IPv4Address("TCP", "192.0.2.25", 25)))
        ours, theirs = Transport(client, False, self.clock), Transport(server, True, self.clock)
        if self._one_by_one:
            _arrive_one_by_one(ours)
        self.servers.append(server)
        self.clients.append(client)
        self.pumps.append(connect(server, theirs, client, ours, greet=False, clock=self.clock))
        return succeed(client)

    def _server(self) -> IProtocol:
        first = self._next[0]
        if hasattr(first, "buildProtocol"):
            built = cast(Builds, first).buildProtocol(IPv4Address("TCP", "192.0.2.1", 4000))
            return cast(IProtocol, built)
        return first() if callable(first) else cast(IProtocol, self._next.pop(0))

    def flush(self) -> None:
        """Move octets until no end has anything left to send."""
        moved = True
        while moved:
            moved = False
            for pump in list(self.pumps):
                moved |= pump.flush()

    @checked
    def client(self, **settings: Unpack[ConnectionKeywords]) -> SMTPClient:
        """
        Connect a client, which has not received the greeting yet.

        Args:
            settings: The settings of `txsmtpx.connect`.

        Returns:
            The client.

        Raises:
            TypeError: An argument is unknown or has the wrong type.
        """
        protocol = ClientProtocol(ClientSettings(**settings), reactor=self.clock)
        self.connect(Factory.forProtocol(lambda: protocol))
        return SMTPClient(protocol)

    def greeted(self, **settings: Unpack[ConnectionKeywords]) -> SMTPClient:
        """
        Connect a client, receive the greeting, and send EHLO or LHLO.

        Args:
            settings: The settings of `txsmtpx.connect`.

        Returns:
            The client.
        """
        client = self.client(**settings)
        self.result(client.greeting)
        self.result(client.hello())
        return client

    def result(self, deferred: Deferred[T]) -> T:
        """
        Return the result of a Deferred, after no end has anything left to send.

        Args:
            deferred: The Deferred.

        Returns:
            The value.

        Raises:
            Exception: The Deferred has failed with it.
            AssertionError: The Deferred waits for something else, such as time.
        """
        outcome = Outcome(deferred)
        self.flush()
        return outcome.result()

    def advance(self, seconds: float) -> None:
        """
        Advance the clock, and move the octets that are sent then.

        Args:
            seconds: The seconds.
        """
        self.clock.advance(seconds)
        self.flush()

    def hang_up(self) -> None:
        """
        Close all connections.

        Raises:
            AssertionError: A timer is left.
        """
        for pump in self.pumps:
            pump.serverIO.disconnecting = True
        self.flush()
        if self.clock.getDelayedCalls():
            raise AssertionError(f"timers are left: {self.clock.getDelayedCalls()}")


def _arrive_one_by_one(transport: FakeTransport) -> None:
    whole: Callable[[bytes], None] = transport.bufferReceived

    def received(octets: bytes) -> None:
        for n in range(len(octets)):
            whole(octets[n : n + 1])

    transport.bufferReceived = received  # type: ignore[method-assign]
