"""The consumer: what becomes of a message after its handler, and what a stop leaves."""

from __future__ import annotations

import pytest
from twisted.internet.defer import succeed
from twisted.internet.task import Clock

from tests.consume.queue import MemorySource, Slow, queued
from txsmtpx.consume import Consumer, PartlyHandled, QueuedMessage, Reject, Remainder, Settlement, SourceError

ACKNOWLEDGED = [Settlement()]


@pytest.fixture
def source() -> MemorySource:
    return MemorySource()


def consumer(source, handler, **settings):
    clock = Clock()
    made = Consumer(source, handler, reactor=clock, **settings)
    made.startService()
    return made, clock


def raising(error):
    def handle(message: QueuedMessage) -> None:
        raise error

    return handle


async def coroutine(message: QueuedMessage) -> int:
    return 7


@pytest.mark.parametrize("handler", [lambda message: None, coroutine, lambda message: succeed(None)])
def test_a_message_is_acknowledged_after_its_handler(source, handler) -> None:
    made, _ = consumer(source, handler)
    assert source.give(queued()).settled == ACKNOWLEDGED
    assert (made.handled, made.in_flight) == (1, 0)


def test_it_is_not_acknowledged_before(source) -> None:
    slow = Slow()
    made, _ = consumer(source, slow, concurrency=2)
    leases = [source.give(queued()), source.give(queued())]
    assert (source.most, made.in_flight) == (2, 2)
    assert [lease.settled for lease in leases] == [[], []]
    slow.waiting[1].callback(None)
    assert [lease.settled for lease in leases] == [[], ACKNOWLEDGED]
    assert made.in_flight == 1


def test_a_failed_attempt_is_repeated_later_and_later(source, logged_failures) -> None:
    consumer(source, raising(ZeroDivisionError("no\n way")), max_attempts=5, delays=[1, 10])
    found = [source.give(queued(attempt=attempt)).settled for attempt in (1, 2, 3, 4)]
    rest = Remainder(queued().envelope, "ZeroDivisionError: no way")
    assert found == [[Settlement(retry=rest, delay=delay)] for delay in (1, 10, 10, 10)]
    assert len(logged_failures.flush(ZeroDivisionError)) == 4


def test_the_last_attempt_leads_to_the_dead_letter_queue(source, logged_failures) -> None:
    consumer(source, raising(OSError(5, "disk")), max_attempts=3)
    rest = Remainder(queued().envelope, "OSError: [Errno 5] disk")
    assert source.give(queued(attempt=3)).settled == [Settlement(dead=rest)]
    assert len(logged_failures.flush(OSError)) == 1


def test_a_message_whose_attempts_have_no_outcome_is_not_tried_again(source) -> None:
    """Each of them has ended the process."""
    slow = Slow()
    consumer(source, slow, max_attempts=3)
    rest = Remainder(queued().envelope, "no outcome of 3 attempts")
    assert source.give(queued(attempt=4)).settled == [Settlement(dead=rest)]
    assert slow.waiting == []


def test_a_rejected_message_is_not_tried_again(source) -> None:
    consumer(source, raising(Reject("no such table")))
    assert source.give(queued()).settled == [Settlement(dead=Remainder(queued().envelope, "no such table"))]


def test_a_handler_has_limited_time(source) -> None:
    slow = Slow()
    made, clock = consumer(source, slow, timeout=20, delays=[5])
    lease = source.give(queued())
    clock.advance(19.9)
    assert lease.settled == []
    clock.advance(0.1)
    rest = Remainder(queued().envelope, "no outcome within 20 seconds")
    assert lease.settled == [Settlement(retry=rest, delay=5)]
    assert (slow.cancelled, made.in_flight, clock.getDelayedCalls()) == (1, 0, [])


def to(*recipients: str, reason: str = "later") -> Remainder:
    return Remainder(queued(*recipients).envelope, reason)


@pytest.mark.parametrize(
    ("attempt", "again", "rejected", "settlement"),
    [
        (1, [1], [], Settlement(retry=to("b@x"), delay=1)),
        (1, [], [0, 2], Settlement(dead=to("a@x", "a@x"))),
        (1, [1], [2], Settlement(retry=to("b@x"), delay=1, dead=to("a@x"))),
        (1, [], [], Settlement()),
        (5, [1], [], Settlement(dead=to("b@x"))),
        (5, [2], [0], Settlement(dead=to("a@x", "a@x"))),
    ],
)
def test_a_message_is_handled_for_some_recipients(source, attempt, again, rejected, settlement) -> None:
    consumer(source, raising(PartlyHandled("later", again=again, rejected=rejected)))
    lease = source.give(queued("a@x", "b@x", "a@x", attempt=attempt))
    assert lease.settled == [settlement]


def test_a_settlement_fails(source) -> None:
    """The broker is not there; it delivers the message again."""
    made, _ = consumer(source, lambda message: None)
    lease = source.give(queued(), SourceError("the connection is lost"))
    assert (lease.settled, made.handled, made.in_flight) == ([], 0, 0)


def test_a_stop_waits_for_the_handlers(source) -> None:
    slow = Slow()
    made, clock = consumer(source, slow)
    lease = source.give(queued())
    stopped = made.stopService()
    assert source.paused
    assert not source.stopped
    late = source.give(queued())
    assert (late.released, len(slow.waiting)) == (1, 1)
    slow.waiting[0].callback(None)
    assert lease.settled == ACKNOWLEDGED
    assert stopped.called
    assert source.stopped
    assert clock.getDelayedCalls() == []


def test_a_stop_cancels_handlers_after_a_time(source) -> None:
    slow = Slow()
    made, clock = consumer(source, slow, grace=4)
    lease = source.give(queued())
    stopped = made.stopService()
    clock.advance(4)
    assert (lease.settled, lease.released, slow.cancelled) == ([], 1, 1)
    assert stopped.called
    assert clock.getDelayedCalls() == []


def test_a_stop_without_messages(source) -> None:
    made, _ = consumer(source, lambda message: None)
    assert made.stopService().called
    assert source.stopped


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"concurrency": 0}, "concurrency must be an integer from 1 to 65535 .messages., not 0"),
        ({"max_attempts": 0}, "max_attempts must be an integer of 1 or more .attempts., not 0"),
        ({"timeout": 0}, "timeout must be a number of seconds greater than 0, not 0"),
        ({"grace": -1}, "grace must be a number of seconds, 0 or more, not -1"),
        ({"delays": []}, r"delays are numbers of seconds above 0, not \(\)"),
        ({"delays": [0]}, r"delays are numbers of seconds above 0, not \(0,\)"),
    ],
)
def test_wrong_settings(source, settings, text) -> None:
    with pytest.raises(ValueError, match=text):
        Consumer(source, lambda message: None, reactor=Clock(), **settings)
