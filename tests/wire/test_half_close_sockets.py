"""A client that sends everything and shuts down its sending side, over sockets, as ``printf ... | nc`` does."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import AsyncIterator

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol, serverFromString
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater

from tests.maildir import stored
from tests.waiting import PATIENCE
from tests.wire.replies import codes
from tests.wire.twistd import LOCAL, Twistd
from txsmtpx import (
    Filter,
    FilterBackend,
    LoginBackend,
    MaildirBackend,
    MemoryBackend,
    RelayBackend,
    Session,
    SMTPServerFactory,
)
from txsmtpx.testing import RecordingBackend
from txsmtpx.testing.layer import OwnClock

pytestmark = pytest.mark.system

BODY = b"Subject: hi\r\n\r\nhi\r\n"
MAIL = (
    b"EHLO client.example\r\nMAIL FROM:<a@client.example>\r\nRCPT TO:<b@localhost>\r\nRCPT TO:<c@localhost>\r\n"
    b"DATA\r\n" + BODY + b".\r\n"
)
QUIT = b"QUIT\r\n"
HEADER = b"PROXY TCP4 198.51.100.7 203.0.113.25 40000 25\r\n"


class Netcat(Protocol):
    """Sends all that it has, shuts down its sending side, and reads until the server closes."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._heard = b""
        self.done: Deferred[list[str]] = Deferred()

    def connectionMade(self) -> None:
        self.transport.write(self._octets)
        self.transport.loseWriteConnection()

    def dataReceived(self, data: bytes) -> None:
        self._heard += data

    def connectionLost(self, reason: object) -> None:
        self.done.callback(self._heard.decode().splitlines())


async def sent(endpoint: str, octets: bytes) -> list[str]:
    """The lines that the server at ``endpoint`` answers."""
    client = await connectProtocol(clientFromString(reactor, endpoint), Netcat(octets))
    return await client.done


@contextlib.asynccontextmanager
async def listening(backend, endpoint: str = LOCAL, wrap=lambda factory: factory, **settings) -> AsyncIterator[str]:
    """The client endpoint of a server."""
    factory = SMTPServerFactory(backend, **settings)
    port = await serverFromString(reactor, endpoint).listen(wrap(factory))
    host = port.getHost()
    try:
        yield f"tcp:127.0.0.1:{host.port}" if hasattr(host, "port") else f"unix:{host.name.decode()}"
    finally:
        await port.stopListening()
        await factory.drain(10)


class Pausing(LoginBackend):
    """Everything takes a turn of the reactor, or some."""

    def __init__(self):
        self.messages = []

    def pause(self, *arguments):
        return deferLater(reactor, 0.01, lambda: None)

    def anonymous_login(self, connection):
        return self.pause().addCallback(lambda _: PausingSession(self))


class PausingSession(Session):
    def __init__(self, backend):
        self.mail = self.rcpt = self.reset = backend.pause
        self._backend = backend

    async def data(self, message, context):
        content = await message.content()
        await self._backend.pause()
        self._backend.messages.append(content)


class Thinking(Filter):
    """Makes up its mind later."""

    def end(self, size):
        return deferLater(reactor, 0.01, lambda: None)


@pytest.mark.parametrize("quits", [True, False], ids=["QUIT", "no QUIT"])
@pytest.mark.parametrize("endpoint", [LOCAL, "unix:{}", "haproxy:" + LOCAL, "haproxy:unix:{}"])
async def test_everything_is_answered(tmp_path_factory, endpoint, quits):
    backend = Pausing()
    path = tmp_path_factory.mktemp("s") / "socket"
    async with listening(backend, endpoint.format(path)) as port:
        header = HEADER if endpoint.startswith("haproxy") else b""
        said = await sent(port, header + MAIL + MAIL[21:] + QUIT * quits)
    message = ["250", "250", "250", "354", "250"]
    assert codes(said) == ["220", "250", *message, *message, *["221"] * quits]
    assert backend.messages == [BODY] * 2


async def test_in_the_testing_server():
    backend = Pausing()
    async with listening(backend, wrap=lambda factory: OwnClock(factory, reactor)) as port:
        assert codes(await sent(port, MAIL))[-1] == "250"


async def test_a_maildir(tmp_path):
    async with listening(MaildirBackend(str(tmp_path / "Maildir"))) as port:
        assert codes(await sent(port, MAIL + QUIT))[-2:] == ["250", "221"]
    (message,) = stored(tmp_path / "Maildir")
    assert message.endswith(BODY)


async def test_a_filter():
    kept = MemoryBackend()
    async with listening(FilterBackend(kept, Thinking)) as port:
        assert codes(await sent(port, MAIL + QUIT))[-2:] == ["250", "221"]
    assert len(kept.messages) == 1


async def test_a_relay():
    """The next server is the other one, which takes its time as well."""
    backend = Pausing()
    async with listening(backend) as following:
        relay = RelayBackend([following], domains=["localhost"])
        async with listening(relay) as port:
            assert codes(await sent(port, MAIL + QUIT))[-2:] == ["250", "221"]
        for pool in relay.pools:
            await pool.stopService()
    (content,) = backend.messages
    assert content.endswith(BODY)


async def test_half_a_message_is_none():
    backend = RecordingBackend()
    async with listening(backend) as port:
        assert codes(await sent(port, MAIL[:-3])) == ["220", "250", "250", "250", "250", "354"]
    assert backend.methods[-3:] == ["data", "reset", "logout"]
    assert backend.messages == []


class Kept(RecordingBackend):
    """Its MAIL waits until ``cancelled`` or ``waiting`` fires."""

    def __init__(self):
        super().__init__(mail=self._mail)
        self.began: Deferred[None] = Deferred()
        self.cancelled: Deferred[None] = Deferred()
        self.waiting: Deferred[None] = Deferred(lambda _: self.cancelled.callback(None))

    def _mail(self, *arguments):
        self.began.callback(None)
        return self.waiting


async def raw(endpoint: str, octets: bytes, backend: Kept) -> socket.socket:
    """A socket that has sent ``octets`` and read all answers, when the backend has begun to wait."""
    kind, _, rest = endpoint.partition(":")
    client = socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET)
    client.settimeout(PATIENCE)
    client.connect(rest if kind == "unix" else ("127.0.0.1", int(rest.rpartition(":")[2])))
    await deferLater(reactor, 0.05)
    client.recv(1000)  # the greeting: a socket that is closed with something to read is reset
    client.sendall(octets)
    await backend.began
    await deferLater(reactor, 0.05)
    client.recv(1000)
    return client


async def test_a_unix_socket_that_was_closed(tmp_path_factory):
    """The system knows that nobody reads any more."""
    backend = Kept()
    path = tmp_path_factory.mktemp("s") / "socket"
    async with listening(backend, f"unix:{path}") as port:
        client = await raw(port, MAIL, backend)
        client.close()
        await backend.cancelled


async def test_a_connection_that_was_reset():
    backend = Kept()
    async with listening(backend) as port:
        client = await raw(port, MAIL, backend)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        await backend.cancelled


async def test_a_tcp_connection_that_was_closed():
    """Nobody knows until a write fails; the first is answered with RST, and so the second fails."""
    backend = Kept()
    async with listening(backend) as port:
        client = await raw(port, MAIL, backend)
        client.close()
        await deferLater(reactor, 0.05)
        assert not backend.cancelled.called
        backend.waiting.callback(None)
    assert backend.methods[-2:] == ["reset", "logout"]


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["alone", "workers"])
def test_as_a_process(tmp_path_factory, workers):
    """``printf ... | nc`` as devices do; by workers as well, which adopt their sockets."""
    directory = tmp_path_factory.mktemp("t")
    options = ("--port", LOCAL, "--port", "unix:socket", "--backend", "maildir:Maildir", *workers)
    with Twistd(directory, *options, forked=True) as server:
        server.logged(r"worker \d is ready", 2 if workers else 0)
        for family, address in ((socket.AF_INET, ("127.0.0.1", server.port)), (socket.AF_UNIX, f"{directory}/socket")):
            with socket.socket(family) as client:
                client.settimeout(PATIENCE)
                client.connect(address)
                client.sendall(MAIL + QUIT)
                client.shutdown(socket.SHUT_WR)
                heard = b"".join(iter(lambda client=client: client.recv(4096), b""))
            assert codes(heard.decode().splitlines())[-2:] == ["250", "221"]
        assert len(stored(directory / "Maildir")) == 2
        assert server.stop()
