"""
Our client and a server, joined in memory: an endpoint whose connections go no further, and whose time is a `Clock`.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.test.iosim import connect
from zope.interface import implementer

from txsmtpx.testing.link import Transport
from txsmtpx.testing.outcome import Outcome
from txsmtpx.wire.client import SMTPClient
from txsmtpx.wire.client_protocol import ClientProtocol
from txsmtpx.wire.client_settings import ClientSettings
from txsmtpx.wire.factory import SMTPServerFactory


@implementer(IStreamClientEndpoint)
class Network:
    """
    An endpoint: each connection goes, in memory, to a server of its own.  TLS is real.

    Attributes:
        clock: The time.
        servers: Those connected to so far.
        clients: What connected to them.

    Args:
        servers: A server protocol a connection; or one that makes them for as many as come, a factory such as
            `SMTPServerFactory` and `txsmtpx.testing.Script`, or a function.
        one_by_one: What the server says arrives octet by octet.
        clock: Where the servers have it already.
    """

    def __init__(self, *servers: Any, one_by_one: bool = False, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.servers: list[Any] = []
        self.clients: list[Any] = []
        self.pumps: list[Any] = []
        self._next = list(servers)
        self._one_by_one = one_by_one

    @classmethod
    def to(cls, backend: Any, *, clock: Clock | None = None, **settings: Any) -> Network:
        """
        A network whose only server is one of ours.

        Args:
            backend: An `txsmtpx.IBackend`.
            settings: Of `SMTPServerFactory`.
        """
        clock = clock or Clock()
        return cls(SMTPServerFactory(backend, reactor=clock, **settings), clock=clock)

    def connect(self, factory: Any) -> Deferred[Any]:
        """A connection (`IStreamClientEndpoint.connect`)."""
        server = self._server()
        client = factory.buildProtocol(None)
        ours, theirs = Transport(client, False, self.clock), Transport(server, True, self.clock)
        if self._one_by_one:
            _arrive_one_by_one(ours)
        self.servers.append(server)
        self.clients.append(client)
        self.pumps.append(connect(server, theirs, client, ours, greet=False, clock=self.clock))
        return succeed(client)

    def _server(self) -> Any:
        first = self._next[0]
        if hasattr(first, "buildProtocol"):
            return first.buildProtocol(IPv4Address("TCP", "192.0.2.1", 4000))
        return first() if callable(first) else self._next.pop(0)

    def flush(self) -> None:
        """Until nobody has anything to say."""
        moved = True
        while moved:
            moved = False
            for pump in list(self.pumps):
                moved |= pump.flush()

    def client(self, **settings: Any) -> SMTPClient:
        """
        A client, connected but for its greeting.

        Args:
            settings: Of `txsmtpx.wire.client_settings.ClientSettings`.
        """
        protocol = ClientProtocol(ClientSettings(**settings), reactor=self.clock)
        self.connect(Factory.forProtocol(lambda: protocol))
        return SMTPClient(protocol)

    def greeted(self, **settings: Any) -> SMTPClient:
        """A client that has said hello."""
        client = self.client(**settings)
        self.result(client.greeting)
        self.result(client.hello())
        return client

    def result(self, deferred: Deferred[Any]) -> Any:
        """
        What comes of it, once nobody has anything to say.

        Raises:
            Exception: That.
            AssertionError: It waits for something else, such as time.
        """
        outcome = Outcome(deferred)
        self.flush()
        return outcome.result()

    def advance(self, seconds: float) -> None:
        """Time passes, and everybody says what he has to say then."""
        self.clock.advance(seconds)
        self.flush()

    def hang_up(self) -> None:
        """
        Everybody goes.

        Raises:
            AssertionError: A timer is left.
        """
        for pump in self.pumps:
            pump.serverIO.disconnecting = True
        self.flush()
        if self.clock.getDelayedCalls():
            raise AssertionError(f"timers are left: {self.clock.getDelayedCalls()}")


def _arrive_one_by_one(transport: Any) -> None:
    whole = transport.bufferReceived
    transport.bufferReceived = lambda octets: [whole(octets[n : n + 1]) for n in range(len(octets))]
