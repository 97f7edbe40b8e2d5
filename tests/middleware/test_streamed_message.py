"""A message made of another: one reader, who is never told that a part is the whole."""

from __future__ import annotations

import tracemalloc

import pytest
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from txsmtpx import MaildirBackend, MailOptions, RcptOptions, SMTPError
from txsmtpx.backends.maildir import GATHER, MaildirSession
from txsmtpx.dialog.buffer import PIECE
from txsmtpx.dialog.delivery import DataContext
from txsmtpx.dialog.message import Message, MessageAborted
from txsmtpx.dialog.server_transaction import Transaction
from txsmtpx.interfaces import IMessage
from txsmtpx.middleware.streamed_message import StreamedMessage
from txsmtpx.testing import Conversation, Outcome


async def doubled(message):
    async for chunk in message:
        yield chunk * 2


@pytest.fixture
def source():
    return Message()


@pytest.fixture
def stream(source):
    return StreamedMessage(source, doubled(source))


def test_what_it_is_made_of(source, stream):
    assert verifyObject(IMessage, stream)
    source.write(b"ab")
    content = Outcome(stream.content())
    source.write(b"c")
    assert not content.fired
    source.finish()
    assert content.result() == b"ababcc"
    assert (stream.received, stream.ended) == (3, True)


OCTETS = 100_000


def grown(work) -> int:
    """How much more memory is in use after ``work``."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        work()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


async def crumbs(message):
    """Middleware that hands on two octets at a time."""
    async for chunk in message:
        for at in range(0, len(chunk), 2):
            yield bytes(chunk[at : at + 2])


def test_small_chunks_take_no_more_memory_than_their_octets(source):
    content = Outcome(StreamedMessage(source, crumbs(source)).content())

    def write():
        for _ in range(OCTETS // PIECE):
            source.write(b"x" * PIECE)

    assert grown(write) < 1.3 * OCTETS + 16 * 1024
    source.finish()
    assert content.result() == b"x" * (OCTETS // PIECE * PIECE)


def test_a_maildir_gathers_small_chunks(source, tmp_path):
    """Less than it gathers before it writes."""
    backend = MaildirBackend(str(tmp_path), maybeDeferred, lambda descriptor: None)
    session = MaildirSession(backend, "localhost")
    transaction = _transaction()
    transaction.message = source
    context = DataContext(transaction)
    stored = Outcome(Deferred.fromCoroutine(session.data(StreamedMessage(source, crumbs(source)), context)))

    def write():
        for _ in range(OCTETS // PIECE):
            source.write(b"x" * PIECE)

    assert OCTETS < GATHER
    assert grown(write) < 1.3 * OCTETS + 16 * 1024
    source.finish()
    assert stored.result() is None
    (path,) = (tmp_path / "new").iterdir()
    assert path.read_bytes().endswith(b"\n" + b"x" * (OCTETS // PIECE * PIECE))


def _transaction() -> Transaction:
    dialog = Conversation().protocol.dialog
    transaction = Transaction("a@client.example", MailOptions(), "Q", dialog.connection, dialog.settings)
    transaction.recipients.append("b@localhost")
    transaction.recipient_options.append(RcptOptions())
    return transaction


def test_a_limit(source, stream):
    content = Outcome(stream.content(3))
    source.write(b"ab")
    assert isinstance(content.error, SMTPError)
    assert content.error.code == 552


def test_the_limit_of_the_source():
    source = Message(limit=3)
    content = Outcome(StreamedMessage(source, doubled(source)).content())
    source.write(b"ab")
    assert content.error.code == 552


def test_two_readers(source, stream):
    first, second = Outcome(stream.content()), Outcome(stream.content())
    assert isinstance(second.error, RuntimeError)
    source.write(b"x")
    source.finish()
    assert first.result() == b"xx"


@pytest.mark.parametrize("fail", ["lost", "cancelled"])
def test_a_part_is_never_the_whole(source, stream, fail):
    """Whoever reads on where another has failed fails as well."""
    first = stream.content()
    outcome = Outcome(first)
    source.write(b"half")
    if fail == "lost":
        source.fail(Failure(MessageAborted()))
    else:
        first.cancel()
        source.write(b"the rest")
        source.finish()
    error = {"lost": MessageAborted, "cancelled": CancelledError}[fail]
    assert isinstance(outcome.error, error)
    assert isinstance(Outcome(stream.content()).error, error)
    assert not stream.ended


class Consumer:
    def __init__(self):
        self.taken = b""

    def registerProducer(self, producer, streaming):
        self.producer = producer

    def unregisterProducer(self):
        self.producer = None

    def write(self, octets):
        self.taken += octets


def test_a_consumer_that_pauses(source, stream):
    consumer = Consumer()
    delivered = Outcome(stream.deliver_to(consumer))
    source.write(b"a")
    consumer.producer.pauseProducing()
    source.write(b"b")
    source.write(b"c")
    assert consumer.taken == b"aa"
    consumer.producer.resumeProducing()
    assert consumer.taken == b"aabbcc"
    consumer.producer.pauseProducing()
    source.finish()
    assert not delivered.fired
    consumer.producer.resumeProducing()
    delivered.result()
    assert consumer.producer is None


def test_a_consumer_that_stops(source, stream):
    consumer = Consumer()
    delivered = Outcome(stream.deliver_to(consumer))
    consumer.producer.stopProducing()
    assert isinstance(delivered.error, CancelledError)
    assert consumer.producer is None
