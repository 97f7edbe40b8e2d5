"""The events of a queue: each reader gets all of them, in order, with a bound."""

import gc

from twisted.internet.defer import Deferred

from txsmtpx.queue import queue_events
from txsmtpx.queue.queue_events import EventFeed, QueueEvent, QueueEvents
from txsmtpx.testing import Outcome


def event(id):
    return QueueEvent("queued", id, "me@example.org", "ann@example.net", "example.net")


def reading(reader, into):
    async def read():
        async for each in reader:
            into.append(each)

    return Outcome(Deferred.fromCoroutine(read()))


def test_each_reader_gets_all_events_in_order():
    feed, one, other = EventFeed(), [], []
    feed.add(event("before"))
    first = reading(QueueEvents(feed), one)
    feed.add(event("a"))
    second = reading(QueueEvents(feed), other)
    feed.add(event("b"))
    feed.end()
    assert [each.id for each in one] == ["a", "b"]
    assert [each.id for each in other] == ["b"]
    assert first.fired
    assert second.fired


def test_a_slow_reader_misses_the_oldest_and_learns_how_many(monkeypatch):
    monkeypatch.setattr(queue_events, "BUFFERED", 3)
    feed, found = EventFeed(), []
    reader = QueueEvents(feed)
    for id in "abcde":
        feed.add(event(id))
    reading(reader, found)
    assert [(each.id, each.missed) for each in found] == [("c", 2), ("d", 0), ("e", 0)]


def test_a_reader_can_end_early():
    feed, found = EventFeed(), []
    reader = QueueEvents(feed)
    read = reading(reader, found)
    Outcome(Deferred.fromCoroutine(reader.aclose()))
    feed.add(event("a"))
    assert read.fired
    assert found == []


def test_a_reader_that_is_dropped_is_forgotten():
    feed = EventFeed()
    QueueEvents(feed)
    gc.collect()
    assert len(feed.readers) == 0
