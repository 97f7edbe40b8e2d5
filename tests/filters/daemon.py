"""An endpoint in memory, at which a test is the daemon that a filter asks."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

REFUSED = "refused"
"""For `Daemon`: nothing listens there."""

NEVER = "never"
"""For `Daemon`: the connection neither comes to be nor fails."""


class Pipe(StringTransport):
    """One connection, seen from the daemon."""

    def __init__(self, protocol: Any) -> None:
        super().__init__()
        self.protocol = protocol
        self.aborted = False
        self.lost = False

    @property
    def asked(self) -> bytes:
        """What has come since the last look."""
        octets: bytes = self.value()
        self.clear()
        return octets

    def say(self, octets: bytes) -> None:
        """Answer."""
        self.protocol.dataReceived(octets)

    def hang_up(self, error: Exception | None = None) -> None:
        """End the connection."""
        if not self.lost:
            self.lost = True
            self.protocol.connectionLost(Failure(error or ConnectionDone()))

    def abortConnection(self) -> None:
        """The filter has ended it."""
        self.aborted = True
        self.hang_up()


class Daemon:
    """
    The endpoint.

    Attributes:
        pipes: The connections, the oldest first.
        connecting: The calls that nobody has answered.
    """

    def __init__(self, mode: str = "") -> None:
        self.mode = mode
        self.pipes: list[Pipe] = []
        self.connecting: list[Deferred[Any]] = []

    def connect(self, factory: IProtocolFactory) -> Deferred[Any]:
        """Of a client endpoint."""
        if self.mode == REFUSED:
            return fail(ConnectionRefusedError())
        if self.mode == NEVER:
            self.connecting.append(Deferred())
            return self.connecting[-1]
        protocol: Any = factory.buildProtocol(None)  # type: ignore[arg-type]
        self.pipes.append(Pipe(protocol))
        protocol.makeConnection(self.pipes[-1])
        return succeed(protocol)
