"""Sockets that somebody else has opened: served, and left as they are."""

from __future__ import annotations

import socket
import stat

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol

from txsmtpx.wire.adopted import adopt_port


class Greeting(Protocol):
    def connectionMade(self):
        self.transport.write(b"hello")
        self.transport.loseConnection()


class Listening(Protocol):
    """A client that hears it all."""

    def __init__(self):
        self.heard = b""
        self.done = Deferred()

    def dataReceived(self, data):
        self.heard += data

    def connectionLost(self, reason):
        self.done.callback(self.heard)


@pytest.fixture
def factory():
    made = Factory.forProtocol(Greeting)
    made.noisy = False
    return made


async def greeted(endpoint):
    client = await connectProtocol(endpoint, Listening())
    return await client.done


async def test_unix(tmp_path, factory):
    """Of several processes that share one, each may go without harm to the others."""
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(path))
        path.chmod(0o640)
        opened.listen()
        first = adopt_port(reactor, opened.fileno(), socket.AF_UNIX, factory)
        second = adopt_port(reactor, opened.fileno(), socket.AF_UNIX, factory)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert await greeted(UNIXClientEndpoint(reactor, str(path))) == b"hello"
        await first.stopListening()
        assert await greeted(UNIXClientEndpoint(reactor, str(path))) == b"hello"
        await second.stopListening()
        assert path.exists()


async def test_tcp(factory):
    with socket.create_server(("127.0.0.1", 0)) as opened:
        number = opened.getsockname()[1]
        first = adopt_port(reactor, opened.fileno(), socket.AF_INET, factory)
        second = adopt_port(reactor, opened.fileno(), socket.AF_INET, factory)
        assert first.getHost().port == second.getHost().port == number
        assert await greeted(TCP4ClientEndpoint(reactor, "127.0.0.1", number)) == b"hello"
        await first.stopListening()
        assert await greeted(TCP4ClientEndpoint(reactor, "127.0.0.1", number)) == b"hello"
        await second.stopListening()


async def test_one_at_a_time(factory):
    """So that the first to look does not get all that wait."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        port = adopt_port(reactor, opened.fileno(), socket.AF_INET, factory)
        waiting = [socket.create_connection(opened.getsockname()) for _ in range(5)]
        port.stopReading()
        port.doRead()
        assert port.sessionno == 1
        port.startReading()
        for each in waiting:
            each.close()
        await port.stopListening()
