"""A POP3 client in memory, and no socket."""

from __future__ import annotations

from twisted.cred.checkers import ICredentialsChecker
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.python.failure import Failure

from tests.inbox.site import Web
from tests.inbox.slow_client import Transport
from txsmtpx.inbox.pop3_factory import Pop3Factory


class Line(Transport):
    """The transport of a client: what an abort or an end does is seen."""

    def abortConnection(self) -> None:
        super().abortConnection()
        self.protocol.connectionLost(Failure(ConnectionAborted()))


class Pop3Client:
    """
    A client of an inbox.

    Args:
        web: The inbox.
        checker: It checks the logins.
        host: The address of the client.
        factory: The factory of another client, whose port this one uses.
        greeting: Whether the greeting is read, and the client logs in as "me".
    """

    def __init__(
        self, web: Web, checker: ICredentialsChecker | None = None, host: str = "127.0.0.1",
        factory: Pop3Factory | None = None, login: bool = True,
    ) -> None:  # fmt: skip
        self.web = web
        self.factory = factory or Pop3Factory(web.site.inbox, web.clock, checker)
        self.transport = Line(peerAddress=IPv4Address("TCP", host, 40000))
        self.protocol = self.transport.protocol = self.factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)
        self.greeting = self.read()
        if login:
            self.ask("USER me")
            assert self.ask("PASS secret") == b"+OK logged in\r\n"

    def send(self, octets: bytes) -> None:
        """Octets arrive, and what can be done at once is done."""
        self.protocol.dataReceived(octets)
        self.web.clock.work()

    def ask(self, *lines: str) -> bytes:
        """Commands, in one segment, and what comes back."""
        self.send("".join(f"{line}\r\n" for line in lines).encode())
        return self.read()

    def read(self) -> bytes:
        found = b""
        while value := self.transport.read():
            found += value
            self.web.clock.work()
        return found

    def lose(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))
        self.web.clock.work()

    @property
    def timers(self) -> list[float]:
        """Seconds until each timer of a connection ends."""
        calls = [call for call in self.web.clock.getDelayedCalls() if "timedOut" in str(call.func)]
        return [call.getTime() - self.web.clock.seconds() for call in calls]
