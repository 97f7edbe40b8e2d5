"""Bodies of every kind arrive as they are, at the pace of the server; one that fails is no message."""

from __future__ import annotations

import io
import os

import pytest
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock, Cooperator
from twisted.internet.testing import StringTransport
from twisted.web.client import FileBodyProducer
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from tests.bodies import asynchronous
from tests.ports import listening
from txsmtpx import (
    Delivered,
    MailOptions,
    MemoryBackend,
    ProtocolError,
    SMTPClient,
    SMTPError,
    SMTPServerFactory,
    send_mail,
)
from txsmtpx.dialog.transfer import CHUNK
from txsmtpx.testing import Outcome, ScriptedServer
from txsmtpx.wire.client_protocol import ClientProtocol
from txsmtpx.wire.client_settings import ClientSettings

LINES = b"".join(b"line %d of many\r\n" % n for n in range(20_000))  # 420 kB
TO = ["you@example.net"]


@implementer(IBodyProducer)
class Producer:
    """Writes chunks, each when it is resumed."""

    length: object = len(LINES)

    def __init__(self, chunks=(LINES[:1000], LINES[1000:]), failing=False):
        self.chunks = list(chunks)
        self.calls = []
        self.failing = failing

    def startProducing(self, consumer):
        self.consumer, self.finished = consumer, Deferred()
        self._write()
        return self.finished

    def _write(self):
        if self.chunks:
            self.consumer.write(self.chunks.pop(0))
        elif self.failing:
            self.finished.errback(OSError("the disk is gone"))
        else:
            self.finished.callback(None)

    def pauseProducing(self):
        self.calls.append("pause")

    def resumeProducing(self):
        self.calls.append("resume")
        self._write()

    def stopProducing(self):
        self.calls.append("stop")


BODIES = {
    "bytes": lambda path: LINES,
    "bytearray": lambda path: bytearray(LINES),
    "memoryview": lambda path: memoryview(LINES),
    "BytesIO": lambda path: io.BytesIO(LINES),
    "a list": lambda path: [LINES[:7], b"", LINES[7:]],
    "a generator": lambda path: (LINES[n : n + 999] for n in range(0, len(LINES), 999)),
    "an asynchronous one": lambda path: asynchronous([b"", LINES[:7], LINES[7:]]),
    "a producer": lambda path: Producer(),
    "a file": lambda path: path.open("rb"),
    "a raw file": lambda path: path.open("rb", buffering=0),
}
SIZED = {"bytes", "bytearray", "memoryview", "BytesIO", "a producer", "a file", "a raw file"}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("bodies") / "message"
    path.write_bytes(LINES)
    return path


@pytest.mark.parametrize("offers", [[], ["PIPELINING", "CHUNKING"]], ids=["DATA", "BDAT"])
@pytest.mark.parametrize("kind", BODIES)
def test_every_kind_arrives(network, path, kind, offers):
    net = network(offers=["SIZE", *offers])
    body = BODIES[kind](path)
    net.result(net.greeted().send("me@example.org", TO, body))
    assert net.servers[0].messages == [LINES]
    size = f" SIZE={len(LINES)}" if kind in SIZED else ""
    assert net.servers[0].lines[1] == f"MAIL FROM:<me@example.org>{size}"
    if hasattr(body, "close"):
        body.close()


def test_a_file_is_sent_from_where_it_stands(network, path):
    net = network(offers=["SIZE"])
    for body in (path.open("rb"), io.BytesIO(LINES)):
        with body:
            body.seek(len(LINES) - 17)
            net.result(net.greeted().send("me@example.org", TO, body))
        assert net.servers[-1].messages == [LINES[-17:]]
        assert net.servers[-1].lines[1].endswith(" SIZE=17")


def test_what_has_no_end_has_no_size(network):
    net = network(offers=["SIZE"])
    reading, writing = os.pipe()
    os.write(writing, b"x\r\n")
    os.close(writing)
    with open(reading, "rb") as pipe:
        net.result(net.greeted().send("me@example.org", TO, pipe))
    assert net.servers[0].messages == [b"x\r\n"]
    assert "SIZE" not in net.servers[0].lines[1]


@pytest.mark.parametrize("offers", [[], ["CHUNKING"]], ids=["DATA", "BDAT"])
@pytest.mark.parametrize("piece", ["text", 7, ["x"]], ids=repr)
def test_a_piece_that_comes_late_and_is_no_octets(network, offers, piece):
    net = network(offers=offers)
    with pytest.raises(TypeError, match=f"^a body is octets, and a piece of it is {type(piece).__name__}$"):
        net.result(net.greeted().send("me@example.org", TO, (each for each in [b"x\r\n", piece])))
    assert net.servers[0].messages == []


class Text:
    """A file of text that does not say that it is one."""

    def read(self, size):
        return "text"


@pytest.mark.parametrize("body", [Text, lambda: ["text"], lambda: asynchronous([b"x\r\n", 7])])
@pytest.mark.parametrize("offers", [[], ["CHUNKING"]], ids=["DATA", "BDAT"])
def test_what_turns_out_to_be_none(network, body, offers):
    net = network(offers=offers)
    client = net.greeted()
    with pytest.raises((TypeError, AttributeError)):
        net.result(client.send("me@example.org", TO, body()))
    assert net.servers[0].messages == []
    assert client.usable is (offers == ["CHUNKING"] or "DATA" not in net.servers[0].verbs)


def failing():
    yield LINES
    yield LINES
    raise OSError("the disk is gone")


async def failing_later():
    for chunk in failing():
        yield chunk


@pytest.mark.parametrize(
    "body", [failing, failing_later, lambda: Producer([LINES, LINES], failing=True)], ids=["sync", "async", "producer"]
)
@pytest.mark.parametrize("offers", [[], ["CHUNKING"], ["PIPELINING", "CHUNKING"]], ids=str)
@pytest.mark.parametrize("lmtp", [False, True])
def test_a_body_that_fails_is_no_message(network, body, offers, lmtp):
    net = network(offers=offers, lmtp=lmtp)
    client = net.greeted(lmtp=lmtp)
    with pytest.raises(OSError, match="the disk is gone"):
        net.result(client.send("me@example.org", TO, body()))
    assert net.servers[0].messages == []
    assert net.servers[0].lost is not client.usable
    assert client.usable is ("CHUNKING" in offers)


@pytest.mark.parametrize("error", [OSError("the disk is gone"), SMTPError(552, (5, 3, 4), "Too much")], ids=repr)
def test_a_body_that_fails_by_chunks_spares_the_connection(network, error):
    """The connection is in step: RSET ends the transaction, before the next."""

    def body():
        yield LINES
        yield LINES
        yield LINES
        raise error

    net = network(offers=["CHUNKING"])
    client = net.greeted()
    with pytest.raises(type(error)):
        net.result(client.send("me@example.org", TO, body()))
    assert net.servers[0].verbs == ["EHLO", "MAIL", "RCPT", "BDAT"]
    net.result(client.send("me@example.org", TO, LINES))
    assert net.servers[0].messages == [LINES]
    assert net.servers[0].verbs[4:] == ["RSET", "MAIL", "RCPT", "BDAT"]


def test_a_producer_is_told_to_stop(network):
    """And not once more, when it is done."""
    net = network(offers=["CHUNKING"], BDAT="552 5.3.4 Full")
    producer = Producer([LINES] * 9)
    with pytest.raises(SMTPError):
        net.result(net.greeted().send("me@example.org", TO, producer))
    assert producer.calls[-1] == "stop"
    assert producer.calls.count("stop") == 1
    done = Producer()
    net = network()
    net.result(net.greeted().send("me@example.org", TO, done))
    assert "stop" not in done.calls


def test_a_body_in_waiting_ends_with_the_connection(network):
    """What nobody will send is not waited for."""
    for offers in ([], ["CHUNKING"]):
        net = network(offers=offers)
        closed = []

        async def body(closed=closed):
            try:
                yield LINES
                await Deferred()
            finally:
                closed.append(True)

        outcome = Outcome(net.greeted().send("me@example.org", TO, body()))
        net.flush()
        assert not outcome.fired
        net.servers[0].transport.loseConnection()
        net.flush()
        assert "closed" in str(outcome.error)
        assert closed == [True]


def test_a_body_in_waiting_is_cancelled(network):
    net = network()
    stopped = []

    async def body():
        yield b"x\r\n"
        await Deferred(stopped.append)

    outcome = Outcome(given := net.greeted().send("me@example.org", TO, body()))
    net.flush()
    given.cancel()
    net.flush()
    assert isinstance(outcome.error, CancelledError)
    assert len(stopped) == 1
    assert net.servers[0].messages == []
    assert net.servers[0].lost


def test_binary_bodies_are_not_touched(network):
    """RFC 3030 §3: by BDAT only, as they are."""
    body = bytes(range(256)) * 3 + b"\n\r\r\n\n"
    net = network(offers=["PIPELINING", "CHUNKING", "BINARYMIME", "8BITMIME"])
    for given in (body, [body[:300], body[300:]]):
        net.result(net.greeted().send("me@example.org", TO, given, MailOptions(body="BINARYMIME")))
        assert net.servers[-1].messages == [body]
        assert "BODY=BINARYMIME" in net.servers[-1].lines[1]


# ---- the pace


class FullTransport(StringTransport):
    """Whatever is written is enough for now."""

    def write(self, data):
        super().write(data)
        self.producer.pauseProducing()


def open_client(server: bytes):
    """A client on such a transport, after ``server`` has said all this."""
    client = SMTPClient(ClientProtocol(ClientSettings(), reactor=Clock()))
    client.protocol.makeConnection(FullTransport())
    client.greeting.addErrback(lambda failure: None)
    client.protocol.dataReceived(b"220 x\r\n")
    hello = Outcome(client.hello())
    client.protocol.dataReceived(server)
    assert hello.fired
    return client


def one_by_one(client: SMTPClient, replies: bytes) -> None:
    """The server has waited for each command."""
    for reply in replies.splitlines(keepends=True):
        client.protocol.dataReceived(reply)


@pytest.mark.parametrize("offer", [b"250 x\r\n", b"250-x\r\n250 CHUNKING\r\n"], ids=["DATA", "BDAT"])
def test_a_server_that_does_not_read_is_waited_for(offer):
    """The source is asked for one chunk each time that there is room again; by BDAT also after each reply."""
    client = open_client(offer)
    chunking = b"CHUNKING" in offer
    asked = []

    def body():
        for n in range(8):
            asked.append(n)
            yield b"x" * (CHUNK if chunking else 1000)

    outcome = Outcome(client.send("me@example.org", TO, body()))
    one_by_one(client, b"250 x\r\n250 x\r\n" if chunking else b"250 x\r\n250 x\r\n354 x\r\n")
    ahead = 1 + chunking  # a chunk is held back there, for it may be the last
    assert len(asked) == ahead
    for n in range(8 - ahead):
        client.protocol.transport.producer.resumeProducing()
        assert len(asked) == ahead + n + 1
        if chunking:
            client.protocol.dataReceived(b"250 x\r\n")
    assert not outcome.fired
    client.protocol.connectionLost()
    assert outcome.error is not None
    assert client.protocol._deadlines._timer is None


def test_a_producer_is_paused_while_the_server_does_not_read():
    client = open_client(b"250 x\r\n")
    producer = Producer([b"x" * 1000] * 5)
    outcome = Outcome(client.send("me@example.org", TO, producer))
    one_by_one(client, b"250 x\r\n250 x\r\n354 x\r\n")
    assert (producer.calls, len(producer.chunks)) == (["pause"], 4)
    client.protocol.transport.producer.resumeProducing()
    assert (producer.calls, len(producer.chunks)) == (["pause", "resume", "pause"], 3)
    client.protocol.connectionLost()
    assert outcome.error is not None
    assert producer.calls[-1] == "stop"


@pytest.mark.system
async def test_a_server_that_reads_slowly():
    """On a socket: the source is asked only for what the server, and the buffers between, have room for."""
    held = []

    class Slow(ScriptedServer):
        def dataReceived(self, data):
            super().dataReceived(data)
            if self._in_data and not held:
                held.append(self)
                self.transport.pauseProducing()

    asked = 0
    total = 40 * 2**20

    def body():
        nonlocal asked
        while asked < total:
            asked += 2**16
            yield b"0123456789abcde\n" * 2**12

    port = await listening(reactor, Slow)
    sending = send_mail(f"tcp:127.0.0.1:{port.getHost().port}", "me@example.org", TO, body())
    seen = -1
    while not held or seen != asked:  # until nothing moves any more
        seen = asked
        waiting = Deferred()
        reactor.callLater(0.05, waiting.callback, None)
        await waiting
    assert asked < 20 * 2**20
    sending.cancel()
    with pytest.raises(CancelledError):
        await sending
    held[0].transport.resumeProducing()
    await port.stopListening()


@pytest.mark.system
async def test_a_file_is_read_in_a_thread(path):
    """With the reactor's own threads, to our own server."""
    backend = MemoryBackend()
    port = reactor.listenTCP(0, SMTPServerFactory(backend), interface="127.0.0.1")
    to = f"tcp:127.0.0.1:{port.getHost().port}"
    with open(path, "rb") as file:
        await send_mail(to, "me@example.org", TO, file)
    with open(path, "rb") as file:
        await send_mail(to, "me@example.org", TO, FileBodyProducer(file, Cooperator()))
    await port.stopListening()
    assert [message.content for message in backend.messages] == [LINES, LINES]


REFUSED = {
    "a chunk": (b"250-x\r\n250 CHUNKING\r\n", b"250 x\r\n250 x\r\n", [b"x" * CHUNK, b"x" * CHUNK]),
    "the last chunk": (b"250-x\r\n250 CHUNKING\r\n", b"250 x\r\n250 x\r\n", b"x" * 100),
    "the message": (b"250 x\r\n", b"250 x\r\n250 x\r\n354 x\r\n", b"x" * 100),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_waits_to_be_sent_is_not_sent_after_a_no(what):
    """The server refused it before it had all of it, and may run the rest as commands: the connection is aborted."""
    offer, accepted, body = REFUSED[what]
    client = open_client(offer)
    outcome = Outcome(client.send("me@example.org", TO, body))
    one_by_one(client, accepted)
    client.protocol.dataReceived(b"552 5.3.4 Too big\r\n")
    assert client.protocol.transport.disconnecting
    assert not client.usable
    client.protocol.connectionLost()
    assert isinstance(outcome.error, SMTPError)
    assert (outcome.error.code, outcome.error.delivered) == (552, Delivered.NO)
    verb = "DATA" if what == "the message" else "BDAT"
    later = Outcome(client.noop())
    assert (outcome.error.command, later.error.command) == (verb, verb)


def test_a_refusal_counts_though_the_connection_was_lost_while_the_server_did_not_read():
    client = open_client(b"250-x\r\n250 CHUNKING\r\n")
    outcome = Outcome(client.send("me@example.org", TO, [b"x" * CHUNK] * 2))
    one_by_one(client, b"250 x\r\n250 x\r\n")
    client._paused_writing = False  # all of it is in the hands of the system
    client.protocol.dataReceived(b"552 5.3.4 Too big\r\n")
    client.protocol.connectionLost()
    assert isinstance(outcome.error, SMTPError)
    assert outcome.error.code == 552


@pytest.mark.parametrize("pieces", [1, 100])
def test_a_yes_that_comes_with_354(pieces):
    """However much of the message has left, the server may have taken that for a message."""
    client = open_client(b"250 x\r\n")
    outcome = Outcome(client.send("me@example.org", TO, [b"x" * CHUNK] * pieces))
    one_by_one(client, b"250 ok\r\n250 ok\r\n")
    client.protocol.dataReceived(b"354 go\r\n250 2.0.0 Taken\r\n")
    client.protocol.connectionLost()
    assert isinstance(outcome.error, ProtocolError)
    assert outcome.error.delivered is Delivered.MAYBE


@pytest.mark.parametrize("early", [b"250 2.0.0 Taken\r\n", b"353 Each\r\n"])
@pytest.mark.parametrize("what", ["the last chunk", "the message"])
def test_a_yes_to_what_still_waits_to_be_sent_is_none(what, early):
    """The server cannot have had all of it."""
    offer, accepted, body = REFUSED[what]
    client = open_client(offer)
    outcome = Outcome(client.send("me@example.org", TO, body))
    one_by_one(client, accepted)
    client.protocol.dataReceived(early)
    client.protocol.connectionLost()
    assert isinstance(outcome.error, ProtocolError)
    assert outcome.error.command == ("DATA" if what == "the message" else "BDAT")
    assert outcome.error.delivered is Delivered.MAYBE
    assert not client.usable
