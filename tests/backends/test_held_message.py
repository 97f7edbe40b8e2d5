"""A held message: read at the pace of its consumers, by several of them, and signed."""

from __future__ import annotations

import hmac

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from txsmtpx.backends.held_message import AT_ONCE, HeldMessage
from txsmtpx.testing import Outcome


class Consumer:
    """A request that pauses its body after each piece, until the test resumes it."""

    def __init__(self):
        self.pieces = []
        self.body = None

    def write(self, piece):
        self.pieces.append(piece)
        self.body.pauseProducing()


def test_a_held_body_waits_for_its_consumer():
    held = HeldMessage()
    Outcome(Deferred.fromCoroutine(held.receive(succeeding(b"x" * 100_000, b"y" * 100_000)))).result()
    consumer = Consumer()
    consumer.body = held.body()
    done = Outcome(consumer.body.startProducing(consumer))
    sizes = []
    while not done.fired:
        sizes.append(len(consumer.pieces))
        consumer.body.resumeProducing()
    assert sizes == [1, 2, 3, 4]
    assert b"".join(consumer.pieces) == b"x" * 100_000 + b"y" * 100_000
    assert consumer.body.length == 200_000
    held.close()


def test_a_held_body_that_is_stopped():
    held = HeldMessage()
    Outcome(Deferred.fromCoroutine(held.receive(succeeding(b"x" * 100_000)))).result()
    consumer = Consumer()
    consumer.body = held.body()
    done = consumer.body.startProducing(consumer)
    done.cancel()
    assert isinstance(Outcome(done).error, CancelledError)
    consumer.body.resumeProducing()
    assert len(consumer.pieces) == 1
    held.close()


def test_two_requests_read_one_message():
    held = HeldMessage()
    Outcome(Deferred.fromCoroutine(held.receive(succeeding(b"x" * 70_000, b"y" * 70_000)))).result()
    consumers = [Consumer(), Consumer()]
    for each in consumers:
        each.body = held.body()
        each.done = Outcome(each.body.startProducing(each))
    for _ in range(3):
        for each in consumers:
            each.body.resumeProducing()
    assert [b"".join(each.pieces) for each in consumers] == [b"x" * 70_000 + b"y" * 70_000] * 2
    assert all(each.done.fired for each in consumers)
    held.close()


async def succeeding(*chunks):
    for chunk in chunks:
        yield chunk


def test_a_long_message_is_signed_in_turns():
    held, clock = HeldMessage(), Clock()
    octets = b"x" * (AT_ONCE * 2 + 1000)
    Outcome(Deferred.fromCoroutine(held.receive(succeeding(octets)))).result()
    signature = hmac.new(b"key", digestmod="sha256")
    done = Outcome(Deferred.fromCoroutine(held.sign(signature, clock)))
    assert not done.fired
    clock.advance(0)
    assert done.result() is None
    assert signature.digest() == hmac.digest(b"key", octets, "sha256")
    held.close()
