"""Bounded memory (guarantee 5): who does not read is not written to, and what nobody takes is not read."""

from __future__ import annotations

import gc
import tracemalloc

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.internet.task import deferLater
from zope.interface import implementer

from tests.conversations import greeted
from txsmtpx import Session, SMTPError
from txsmtpx.dialog.message import HIGH_WATER
from txsmtpx.testing import RecordingBackend
from txsmtpx.wire.back_pressure import HELD_INPUT, TURN

HELLO = ("EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>")
OK = "250 2.0.0 Ok"

SEGMENT = 4096
LINE = b"x" * 62 + b"\r\n"


def paused(client) -> bool:
    return client.transport.producerState == "paused"


def fill(client, segment: bytes, most: int = 100) -> int:
    """Send ``segment`` until the server wants no more; how often."""
    for sent in range(most):
        if paused(client):
            return sent
        client.send(segment)
    raise AssertionError("it takes everything")


def test_commands_that_wait_for_a_backend_pause_the_transport_and_come_back():
    waiting = Deferred()
    client = greeted(RecordingBackend(mail=[waiting]))
    client.ask(*HELLO[:2])
    noops = b"NOOP\r\n" * 1000
    sent = fill(client, noops)
    assert HELD_INPUT < sent * len(noops) <= HELD_INPUT + len(noops)
    assert client.replies() == []
    waiting.callback(None)
    client.clock.advance(0)  # a turn after the other
    assert not paused(client)
    assert client.replies() == ["250 2.1.0 Sender ok", *[OK] * 1000 * sent]
    client.hang_up()


def test_held_to_the_bound_the_transport_is_not_paused():
    client = greeted(RecordingBackend(mail=[Deferred()]))
    client.ask(*HELLO[:2])
    client.send(b"x" * HELD_INPUT)
    assert not paused(client)
    client.send(b"x")
    assert paused(client)
    client.hang_up()


def test_fifty_commands_at_a_second_each_are_answered_in_order():
    backend = RecordingBackend()
    client = greeted(backend)
    for method in ("mail", "rcpt", "reset"):
        backend.outcomes[method] = lambda *arguments: deferLater(client.clock, 1, lambda: None)
    lines = ["EHLO client.example", "MAIL FROM:<a@client.example>"]
    lines += [f"RCPT TO:<b{n}@localhost>" for n in range(46)]
    lines += ["RSET", "NOOP"]
    assert len(lines) == 50
    said = client.ask(*lines)
    for _ in range(48):
        before = len(said)
        client.clock.advance(0.5)
        assert client.replies() == []
        client.clock.advance(0.5)
        said += client.replies()
        assert len(said) > before
    answers = [line for line in said if line[3] == " "]
    assert answers[1:] == ["250 2.1.0 Sender ok", *["250 2.1.5 Recipient ok"] * 46, OK, OK]
    assert [call[1] for call in backend.calls if call[0] == "rcpt"] == [f"b{n}@localhost" for n in range(46)]
    client.hang_up()


@pytest.mark.parametrize("begin", ["DATA", "BDAT 1000000"])
def test_a_body_that_nobody_reads_stops(begin):
    taken = []
    backend = RecordingBackend(data=lambda message, context: taken.append(message) or Deferred())
    client = greeted(backend)
    client.ask(*HELLO, begin)
    sent = fill(client, LINE * (SEGMENT // len(LINE)))
    assert sent * SEGMENT <= HIGH_WATER + HELD_INPUT + 2 * SEGMENT
    assert taken[0].received <= HIGH_WATER + SEGMENT
    client.hang_up()


@pytest.mark.parametrize("size", [2, 500, 30_000])
def test_chunks_that_nobody_reads_stop(size):
    """Each is complete when it comes, and is answered when there is room for the next."""
    taken = []
    backend = RecordingBackend(data=lambda message, context: taken.append(message) or Deferred())
    client = greeted(backend)
    client.ask(*HELLO)
    chunk = b"BDAT %d\r\n" % size + b"x" * size
    answered = 0
    while not paused(client):
        client.send(chunk * 50)
        client.clock.advance(0)
        answered += len(client.replies())
        assert answered * size <= HIGH_WATER
    assert taken[0].received <= HIGH_WATER + size
    pieces = []
    taken[0].__anext__().addCallback(pieces.append)
    client.clock.advance(0)
    assert len(pieces[0]) == (answered + 1) * size
    assert client.replies()[0] == f"250 2.0.0 {size} octets received"
    client.hang_up()


def test_a_chunk_that_waits_for_its_reader_counts_for_the_time_of_the_message():
    backend = RecordingBackend(data=lambda message, context: Deferred())
    client = greeted(backend, message_timeout=60, read_timeout=10)
    client.ask(*HELLO)
    size = HIGH_WATER + 1
    client.send(b"BDAT %d\r\n" % size + b"x" * size)
    client.clock.advance(59)
    assert client.replies() == []
    client.clock.advance(1)
    assert client.replies() == ["421 4.4.2 The message took too long, closing the connection"]
    client.hang_up()


def test_a_chunk_that_waits_for_its_reader_is_given_up():
    backend = RecordingBackend(data=lambda message, context: Deferred())
    client = greeted(backend)
    client.ask(*HELLO)
    size = HIGH_WATER + 1
    client.send(b"BDAT %d\r\n" % size + b"x" * size)
    assert client.replies() == []
    client.hang_up()
    assert backend.methods[-2:] == ["reset", "logout"]


def test_a_chunk_is_answered_as_the_backend_says_meanwhile():
    answer = Deferred()
    client = greeted(RecordingBackend(data=lambda message, context: answer))
    client.ask(*HELLO)
    size = HIGH_WATER + 1
    client.send(b"BDAT %d\r\n" % size + b"x" * size)
    assert client.replies() == []
    answer.errback(SMTPError(550, (5, 7, 1), "No"))
    assert client.replies() == ["550 5.7.1 No"]
    client.hang_up()


@pytest.mark.parametrize("how", ["content", "iterate", "consumer"])
def test_a_body_that_is_read_late_comes_whole(how):
    begin, stored = Deferred(), []

    async def read(message, context):
        await begin
        if how == "content":
            stored.append(await message.content())
        elif how == "iterate":
            async for chunk in message:
                stored.append(chunk)
        else:
            consumer = Consumer()
            await message.deliver_to(consumer)
            stored.extend(consumer.written)

    client = greeted(RecordingBackend(data=read))
    client.ask(*HELLO, "DATA")
    segment = LINE * (SEGMENT // len(LINE))
    sent = fill(client, segment)
    begin.callback(None)
    assert not paused(client)
    client.send(segment + b".\r\n")
    assert client.replies()[0].startswith("250 2.0.0 Ok: queued as ")
    assert b"".join(stored) == segment * (sent + 1)
    client.hang_up()


@implementer(IConsumer)
class Consumer:
    """Takes what it is given, and can be told to want no more."""

    def __init__(self):
        self.producer = None
        self.written = []

    def registerProducer(self, producer, streaming):
        assert streaming
        self.producer = producer

    def unregisterProducer(self):
        self.producer = None

    def write(self, octets):
        self.written.append(octets)


def test_a_consumer_that_pauses_pauses_the_peer():
    consumer = Consumer()
    client = greeted(RecordingBackend(data=lambda message, context: message.deliver_to(consumer)))
    client.ask(*HELLO, "DATA")
    client.send(LINE + b"y")
    assert b"".join(consumer.written) == LINE + b"y"
    consumer.producer.pauseProducing()
    segment = LINE * (SEGMENT // len(LINE))
    sent = fill(client, segment)
    assert sent * SEGMENT <= HELD_INPUT + HIGH_WATER + 2 * SEGMENT
    assert b"".join(consumer.written) == LINE + b"y"
    consumer.producer.resumeProducing()
    assert not paused(client)
    client.send(b".\r\n")
    assert client.replies()[0].startswith("250 2.0.0 Ok: queued as ")
    assert b"".join(consumer.written) == LINE + b"y" + segment * sent
    assert consumer.producer is None
    client.hang_up()


def test_a_consumer_that_pauses_at_each_write():
    class Fussy(Consumer):
        def write(self, octets):
            super().write(octets)
            self.producer.pauseProducing()

    consumer = Fussy()
    client = greeted(RecordingBackend(data=lambda message, context: message.deliver_to(consumer)))
    client.ask(*HELLO, "DATA")
    client.replies()
    for _ in range(10):
        client.send(LINE)
    client.send(b".\r\nNOOP\r\n")
    assert client.replies() == []
    for _ in range(10):
        consumer.producer and consumer.producer.resumeProducing()
    assert b"".join(consumer.written) == LINE * 10
    assert consumer.producer is None
    queued, ok = client.replies()
    assert (queued[:4], ok) == ("250 ", OK)
    client.hang_up()


def test_a_peer_that_does_not_read_is_not_worked_for():
    client = greeted()
    client.ask("EHLO client.example")
    client.transport.producer.pauseProducing()
    assert client.ask("MAIL FROM:<a@client.example>", "RSET") == []
    assert client.backend.calls == []
    fill(client, b"NOOP\r\n" * 1000)
    assert client.backend.calls == []
    client.transport.producer.resumeProducing()
    assert client.replies()[:3] == ["250 2.1.0 Sender ok", OK, OK]
    client.clock.advance(0)
    assert not paused(client)
    client.hang_up()


def test_a_peer_that_stops_reading_within_a_segment():
    client = greeted()
    write, written = client.transport.write, []

    def full(octets):
        written.append(octets)
        write(octets)
        client.transport.producer.pauseProducing()

    client.transport.write = full
    client.send(b"NOOP\r\n")
    client.send(b"NOOP\r\n" * 3)
    assert client.replies() == [OK]
    client.transport.producer.resumeProducing()
    assert client.replies() == [OK] * 3
    assert len(written) == 2  # one write for all the answers of a segment
    client.hang_up()


def test_a_backend_that_answers_a_peer_that_does_not_read():
    waiting = Deferred()
    client = greeted(RecordingBackend(mail=[waiting]))
    client.ask(*HELLO)
    client.transport.producer.pauseProducing()
    waiting.callback(None)
    assert client.backend.methods == ["anonymous_login", "mail"]
    client.transport.producer.resumeProducing()
    assert client.replies() == ["250 2.1.0 Sender ok", "250 2.1.5 Recipient ok"]
    client.hang_up()


def growth(client, segment: bytes, times: int) -> int:
    """How much more memory is in use after ``segment`` was sent so often."""
    client.send(segment)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(times):
            client.send(segment)
            client.transport.clear()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def test_a_line_without_end_takes_no_memory():
    client = greeted()
    assert growth(client, b"x" * SEGMENT, 500) < 2 * SEGMENT
    assert client.ask("", "NOOP") == ["500 5.5.2 Line too long", OK]
    client.hang_up()


def test_a_login_without_end_takes_no_memory():
    client = greeted(RecordingBackend({"user": "secret"}), allow_insecure_auth=True)
    client.ask("EHLO client.example", "AUTH LOGIN")
    assert growth(client, b"A" * SEGMENT, 500) < 4 * SEGMENT
    assert client.ask("", "NOOP") == ["500 5.5.6 Response too long", OK]
    client.hang_up()


SEGMENTS = [
    b"NOOP\r\n",
    b"no such command\r\n",
    b"EHLO client.example\r\n",
    b"EHLO client.example\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRSET\r\n",
    b"EHLO client.example\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhi\r\n.\r\n",
    b"EHLO client.example\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 2\r\nhiBDAT 0 LAST\r\n",
    b"BDAT 6\r\nNOOP\r\n",
    b"EHLO client.example\r\nVRFY somebody\r\nEXPN somebody\r\nHELP\r\n",
    b"\0\r\n",
    b"\x80" * 3000 + b"\r\n",
]


def repeating(segment):
    """A conversation in which ``segment`` was often said, with a backend that keeps nothing of it."""
    client = greeted(RecordingBackend(data=lambda message, context: None))
    client.backend.asked = lambda method, *arguments: None
    session = Session()
    client.backend.anonymous_login = lambda connection: session
    client.send(segment * (TURN // 10))
    return client


@pytest.mark.parametrize("segment", SEGMENTS)
def test_nothing_grows_with_what_a_peer_says(segment):
    client = repeating(segment)
    assert growth(client, segment, 500) < 8192
    client.hang_up()


@pytest.mark.parametrize("segment", SEGMENTS)
def test_nothing_waits_for_the_garbage_collector(segment):
    client = repeating(segment)
    gc.collect()
    gc.disable()
    try:
        client.send(segment * 10)
        assert gc.collect() == 0
    finally:
        gc.enable()
    client.hang_up()


def test_an_oversized_message_takes_no_memory():
    client = greeted(RecordingBackend(data=lambda message, context: message.content()), max_message_bytes=1000)
    client.ask(*HELLO, "DATA")
    assert growth(client, LINE * 64, 500) < 8192
    (answer,) = client.ask(".")
    assert answer.startswith("552 5.3.4 ")
    client.hang_up()


SMALL = {
    "BDAT 2": b"BDAT 2\r\nhi" * 500,
    "BDAT 1": b"BDAT 1\r\nx" * 1000,
}


@pytest.mark.parametrize("segment", SMALL.values(), ids=SMALL)
def test_small_chunks_take_no_more_memory_than_their_octets(segment):
    """A piece of its own for each would take twenty times as much."""
    client = greeted(RecordingBackend(data=lambda message, context: message.content()))
    client.ask(*HELLO)
    segments, octets = 60, 1000

    def send():
        client.send(segment)
        client.clock.pump([0] * (TURN // 10))
        client.transport.clear()

    send()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(segments):
            send()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert client.protocol.dialog.transaction.message.received == (segments + 1) * octets
    assert grown < 1.3 * segments * octets + 16 * 1024
    client.hang_up()


def test_an_octet_a_segment_takes_no_more_memory_than_its_octets():
    client = greeted(RecordingBackend(data=lambda message, context: message.content()))
    client.ask(*HELLO, "DATA")
    octets = 50_000
    assert growth(client, b"x", octets) < 1.3 * octets + 16 * 1024
    client.hang_up()
