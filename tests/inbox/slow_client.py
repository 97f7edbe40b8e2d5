"""Clients of the inbox that read when a test says so."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from tests.inbox.site import Line, Web

BUFFER = 64 * 1024
KEEP = {"Connection": "keep-alive"}


class Transport(StringTransport):
    """Tells its producer to pause when more than ``BUFFER`` octets wait, as the transports of Twisted do."""

    aborted = False
    paused = False

    def write(self, data: bytes) -> None:
        super().write(data)
        if len(self.value()) > BUFFER and self.producer is not None:
            self.paused = True
            self.producer.pauseProducing()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def read(self) -> bytes:
        """What waits is read."""
        value = self.value()
        self.clear()
        if self.paused and self.producer is not None:
            self.paused = False
            self.producer.resumeProducing()
        return value

    def abortConnection(self) -> None:
        self.aborted = True


class Slow(Line):
    """A client that reads only when it is told to."""

    def __init__(self, web: Web, path: str, headers: dict[str, str] = KEEP, times: int = 1) -> None:
        """
        Args:
            times: How many times the request is sent, in one segment.
        """
        self._web = web
        self._work = web.clock.work
        self._method = "GET"
        self.transport = Transport()
        self.protocol = web.site.buildProtocol(None)
        self.protocol.makeConnection(self.transport)
        fields = {"Host": "localhost:8025"} | headers
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        self.protocol.dataReceived(("\r\n".join([*lines, "", ""]) * times).encode())
        web.clock.work()

    def read(self) -> bytes:
        value = self.transport.read()
        self._web.clock.work()
        return value

    def read_all(self) -> bytes:
        found = []
        while value := self.read():
            found.append(value)
        return b"".join(found)

    def lose(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))
