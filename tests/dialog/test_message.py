"""The body on its way to the backend: three ways to read it, each with back-pressure; what ends it early."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx import SMTPError
from txsmtpx.dialog.buffer import PIECE
from txsmtpx.dialog.message import PIECES, Message, MessageAborted


def results(deferred: Deferred) -> list[object]:
    """What it has fired with, or fires with later, a Failure as well."""
    found: list[object] = []
    deferred.addBoth(found.append)
    return found


def result(deferred: Deferred) -> object:
    """What it has fired with."""
    (found,) = results(deferred)
    return found


def failed(deferred: Deferred, kind: type[BaseException]) -> BaseException:
    value = result(deferred)
    assert isinstance(value, Failure)
    assert value.check(kind)
    return value.value


@implementer(IConsumer)
class Consumer:
    """Takes so many writes before it pauses its producer."""

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.written: list[bytes] = []
        self.producer = None

    def registerProducer(self, producer, streaming):
        assert streaming
        assert self.producer is None
        self.producer = producer

    def unregisterProducer(self):
        self.producer = None

    def write(self, data):
        self.written.append(data)
        self.room -= 1
        if self.room <= 0:
            self.producer.pauseProducing()


async def read(message: Message) -> bytes:
    return b"".join([chunk async for chunk in message])


def consumed(message: Message) -> Deferred:
    consumer = Consumer()
    return message.deliver_to(consumer).addCallback(lambda _: b"".join(consumer.written))


WAYS: list[Callable[[Message], Deferred]] = [
    lambda message: message.content(),
    lambda message: Deferred.fromCoroutine(read(message)),
    consumed,
]
each_way = pytest.mark.parametrize("way", WAYS, ids=["content", "async for", "deliver_to"])


@each_way
@pytest.mark.parametrize("early", [0, 1, 2, 3])
def test_read(way, early):
    """The reader comes before all of it, between the chunks, or after all of it."""
    message = Message()
    chunks = [b"a", b"b", b"c"]
    for chunk in chunks[:early]:
        message.write(chunk)
    if early == 3:
        message.finish()
        assert result(way(message)) == b"abc"
        return
    found = results(way(message))
    for chunk in chunks[early:]:
        message.write(chunk)
    assert found == []
    message.finish()
    assert message.received == 3
    assert found == [b"abc"]


@each_way
def test_an_empty_one(way):
    message = Message()
    message.finish()
    assert result(way(message)) == b""


@each_way
@pytest.mark.parametrize("before", [True, False])
def test_ended_early(way, before):
    """Whenever the reader comes, it never takes a part for the whole."""
    message = Message()
    message.write(b"a")
    reading = None if before else way(message)
    message.fail(Failure(ZeroDivisionError()))
    failed(reading or way(message), ZeroDivisionError)
    message.write(b"b")
    message.finish()
    assert message.failed


@each_way
def test_too_big(way):
    message = Message(limit=3)
    reading = way(message)
    message.write(b"abc")
    assert not message.too_big
    message.write(b"d")
    assert message.too_big
    assert failed(reading, SMTPError).code == 552
    assert message.received == 4


def test_content_twice_and_a_limit_of_ones_own():
    message = Message()
    message.write(b"abc")
    message.finish()
    assert result(message.content()) == b"abc"
    assert result(message.content()) == b"abc"


@pytest.mark.parametrize("when", ["before", "while", "after"])
def test_content_with_a_limit_of_ones_own(when):
    message = Message()
    if when != "while":
        message.write(b"abcd")
    if when == "after":
        message.finish()
    reading = message.content(limit=3)
    if when == "while":
        message.write(b"abcd")
    assert failed(reading, SMTPError).code == 552
    assert not message.too_big  # the server takes it; this reader does not


def test_one_reader_only():
    for way in WAYS:
        message = Message()
        reading = way(message)
        with pytest.raises(RuntimeError, match=r"^the message has a reader already$"):
            message.content()
        message.abandon()
        assert str(failed(reading, MessageAborted)) == "data() has ended before it has read the message"


def test_a_reader_that_is_cancelled_makes_room_for_another():
    message = Message()
    for read in (message.content, message.content, message.__anext__, message.__anext__):
        reading = read()
        reading.cancel()
        failed(reading, CancelledError)
    consumer = Consumer()
    reading = message.deliver_to(consumer)
    consumer.producer.stopProducing()
    failed(reading, CancelledError)
    assert consumer.producer is None
    message.write(b"a")
    message.finish()
    assert result(message.content()) == b"a"


def test_what_was_read_is_held_no_more():
    message = Message(high_water=2)
    for _ in range(3):
        message.write(b"ab")
        assert not message.full
        assert result(message.__anext__()) == b"ab"


def test_a_writer_that_is_cancelled_waits_no_more():
    message = Message(high_water=1)
    message.write(b"ab")
    waiting = message.drained()
    waiting.cancel()
    failed(waiting, CancelledError)
    assert result(message.__anext__()) == b"ab"  # and nobody is told that there is room again
    message.write(b"cd")
    again = message.drained()
    assert result(message.__anext__()) == b"cd"
    assert result(again) is None


def test_nobody_reads():
    """Guarantee 5: full past the high-water mark, drained when somebody reads."""
    message = Message(high_water=10)
    message.write(b"a" * 10)
    assert not message.full
    message.write(b"a")
    assert message.full
    drained = message.drained()
    chunk = message.__anext__()
    assert result(chunk) == b"a" * 11
    assert result(drained) is None
    assert not message.full


def test_drained_when_all_of_it_is_wanted_or_nothing_any_more():
    for relieve in (Message.content, Message.abandon):
        message = Message(high_water=10)
        message.write(b"a" * 11)
        drained = message.drained()
        reading = relieve(message)
        assert result(drained) is None
        assert not message.full
        message.abandon()
        if reading is not None:
            failed(reading, MessageAborted)


def test_a_consumer_that_pauses():
    message = Message()
    consumer = Consumer(room=1)
    done = message.deliver_to(consumer)
    producer = consumer.producer
    message.write(b"a")
    assert message.full
    drained = message.drained()
    message.write(b"b")  # what was on its way
    assert consumer.written == [b"a"]
    consumer.room = 2
    producer.resumeProducing()
    assert consumer.written == [b"a", b"b"]
    assert result(drained) is None
    producer.pauseProducing()
    message.write(b"c")
    message.finish()
    assert consumer.producer is producer
    producer.resumeProducing()
    assert consumer.written == [b"a", b"b", b"c"]
    assert result(done) is None
    assert consumer.producer is None


def test_content_of_just_the_limit():
    message = Message()
    message.write(b"1234")
    found = results(message.content(4))
    message.finish()
    assert found == [b"1234"]
    message = Message()
    message.write(b"12345")
    assert failed(message.content(4), SMTPError).code == 552


def test_what_came_while_the_consumer_was_paused_is_written_as_it_came():
    message, consumer = Message(), Consumer(room=1)
    done = results(message.deliver_to(consumer))
    for chunk in (b"a", b"b", b"c"):
        message.write(chunk)
    message.finish()
    assert (b"".join(consumer.written), done) == (b"a", [])
    consumer.room = 1000
    message.resumeProducing()
    assert (b"".join(consumer.written), done) == (b"abc", [None])


def test_the_reader_after_a_paused_one_is_not_paused():
    message, consumer = Message(), Consumer(room=1)
    first = message.deliver_to(consumer)
    first.addErrback(lambda failure: failure.trap(CancelledError) and None)
    message.write(b"a")
    assert message.full
    first.cancel()
    assert not message.full
    second = Consumer()
    message.deliver_to(second)
    message.write(b"b")
    assert second.written == [b"b"]


def test_the_reader_after_a_paused_one_that_failed_is_not_paused():
    class Broken(Consumer):
        def write(self, data):
            self.producer.pauseProducing()
            raise ZeroDivisionError

    message = Message()
    first = message.deliver_to(Broken())
    message.write(b"a")
    failed(first, ZeroDivisionError)
    assert not message.full
    second = Consumer()
    message.deliver_to(second)
    message.write(b"b")
    assert second.written == [b"b"]


def test_there_is_one_reader_at_a_time():
    message = Message()
    message.content()
    with pytest.raises(RuntimeError, match="the message has a reader already"):
        message.content()


OCTETS = 100_000


@pytest.mark.parametrize("size", [1, 2, 1448])
@pytest.mark.parametrize("how", ["async for", "deliver_to"])
def test_a_reader_gets_few_chunks_however_small_they_come(how, size):
    message, chunks = Message(), []
    if how == "async for":

        async def collect():
            async for chunk in message:
                chunks.append(chunk)

        done = results(Deferred.fromCoroutine(collect()))
    else:
        consumer = Consumer(OCTETS)
        chunks = consumer.written
        done = results(message.deliver_to(consumer))
    body = b"%0.10d" * (OCTETS // 10) % tuple(range(OCTETS // 10))
    for at in range(0, OCTETS, size):
        message.write(body[at : at + size])
        assert not message.full
        if at < PIECES * size:
            assert b"".join(chunks) == body[: at + size]  # a reader of a slow client waits for nothing
    message.finish()
    assert done == [None]
    assert b"".join(chunks) == body
    assert len(chunks) <= PIECES + OCTETS // PIECE + 1
    assert all(len(chunk) >= PIECE for chunk in chunks[PIECES:-1])


def test_what_is_joined_is_lost_with_the_message():
    message, chunks = Message(), []

    async def collect():
        async for chunk in message:
            chunks.append(chunk)

    reading = Deferred.fromCoroutine(collect())
    for _ in range(PIECES + 1):
        message.write(b"ab")
    message.fail(ZeroDivisionError())
    failed(reading, ZeroDivisionError)
    assert b"".join(chunks) == b"ab" * PIECES


def test_a_full_message_is_passed_on_however_little_it_holds():
    message = Message(high_water=4)
    for _ in range(PIECES):
        message.write(b"a")
        assert result(message.__anext__()) == b"a"
    message.write(b"abcde")
    assert message.full
    assert result(message.__anext__()) == b"abcde"


def test_nobody_writes_to_a_message_that_has_ended():
    message = Message(high_water=1)
    message.write(b"abc")
    message.finish()
    assert not message.full


def test_each_reader_has_a_failure_of_its_own():
    shared = Failure(ZeroDivisionError("shared"))
    message = Message()
    first = message.content()
    message.fail(shared)
    values = [failed(each, ZeroDivisionError) for each in (first, message.content(), message.__anext__())]
    assert len({id(value) for value in (*values, shared.value)}) == 4
    assert {value.args for value in values} == {("shared",)}
