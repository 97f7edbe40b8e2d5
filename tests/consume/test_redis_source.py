"""The source of a stream, with a consumer group in memory whose failures the test chooses."""

from __future__ import annotations

import os

import pytest
from twisted.logger import capturedLogs, formatEvent

from tests.consume.streams import NAME, Started, fields
from txsmtpx import StoreError
from txsmtpx.consume.message_source import Settlement
from txsmtpx.consume.redis_group import Entry
from txsmtpx.consume.redis_source import AT_ONCE, FORGET, RETRY, SETTINGS, RedisSource
from txsmtpx.settling import deferred_call


@pytest.fixture
def start(monkeypatch):
    return lambda **how: Started(monkeypatch, **how)


def test_messages_are_read_up_to_the_limit(start):
    it = start()
    assert [call[0] for call in it.group.calls] == ["create", "return_due", "renew", "claim", "forget", "read"]
    assert it.group.take("read", "claim") == [("claim", 60.0, 2), ("read", 2)]
    it.give(Entry("1-0", fields(), 1))
    assert it.group.take("read") == [("read", 1)]
    it.give(Entry("2-0", fields(), 3))
    assert it.group.take("read") == []
    assert [lease.message.attempt for lease in it.leases] == [1, 3]
    assert it.settle(Settlement()) == [None]
    assert it.group.take("handled", "read") == [("handled", "2-0"), ("read", 1)]
    it.stop()


def test_leases_are_renewed_while_no_message_is_read(start):
    it = start(most=1)
    it.give(Entry("1-0", fields(), 1))
    it.group.take()
    it.clock.advance(1)
    assert it.group.take("renew", "return_due", "claim", "read") == [("return_due",), ("renew", "1-0")]
    it.clock.advance(1)
    assert it.group.take("renew") == [("renew", "1-0")]
    it.stop()


def test_what_a_dead_consumer_had(start):
    it = start()
    it.give()
    it.group.abandoned = [Entry("1-0", fields(), 2), Entry("2-0", {}, 2)]
    it.clock.advance(1)
    it.give()
    assert [lease.message.attempt for lease in it.leases] == [2]
    assert it.group.take("handled") == [("handled", "2-0")]  # it was deleted
    it.stop()


def test_dead_consumers_are_forgotten_now_and_then(start):
    it = start()
    it.group.take()
    for advance, expected in ((FORGET - 1, []), (1, [("forget", False)])):
        it.clock.advance(advance)
        it.give()
        assert it.group.take("forget") == expected
    it.stop()


def test_redis_fails_when_messages_are_read(start):
    """It is logged once, and tried again."""
    it = start()
    it.group.error = "redis here: refused"
    with capturedLogs() as events:
        it.give()
        it.clock.advance(1)
        it.clock.advance(RETRY)
        it.clock.advance(RETRY)
    assert [formatEvent(event) for event in events] == ["redis here stream mail cannot be read: redis here: refused"]
    it.group.error = None
    it.group.take()
    it.clock.advance(RETRY)
    assert it.group.take("create", "read") == [("create",), ("read", 2)]
    it.stop()


def test_messages_whose_answer_fails_are_read_one_by_one(start):
    """An answer with many long messages can be too long, or take too much time.  It would be so again."""
    it = start(most=100)
    assert it.group.take("read", "claim") == [("claim", 60.0, AT_ONCE), ("read", AT_ONCE)]
    reading, it.group.reading = it.group.reading, None
    with capturedLogs():
        reading.errback(StoreError("an answer of more than 1073741824 octets"))
    counts = []
    for number in range(6):
        it.clock.advance(RETRY)
        counts += it.group.take("claim", "read")
        it.give(Entry(f"{number}-0", fields(), 1))
    assert counts[:2] == [("claim", 60.0, 1), ("read", 1)]
    assert [call[1] for call in counts if call[0] == "read"][:5] == [1, 2, 4, 8, 16]
    it.stop()


def test_stopping_releases_what_is_not_settled(start):
    it = start()
    it.give(Entry("1-0", fields(), 1))
    it.group.take()
    found = []
    deferred_call(it.source.stop).addBoth(found.append)
    it.give(Entry("2-0", fields(), 1))  # which comes while the source waits for the last answer
    assert found == [None]
    assert it.group.take("release", "forget") == [("release", "2-0"), ("release", "1-0"), ("forget", True)]
    assert len(it.leases) == 1


def test_stopping_while_redis_fails(start):
    it = start()
    it.give(Entry("1-0", fields(), 1))
    it.group.error = "redis here: refused"
    with capturedLogs() as events:
        it.give()
        it.stop()
    assert any("the consumer me remains: redis here: refused" in formatEvent(event) for event in events)


def test_a_malformed_entry(start):
    it = start()
    it.group.take()
    it.give(Entry("1-0", {"x": b"y"}, 1))
    assert it.group.take("settle") == [("settle", "1-0", None, 0, {"reason": "the envelope lacks the field queue_id"})]
    it.give(Entry("2-0", fields("../../etc/passwd"), 1))
    assert (it.leases, it.group.take("settle")) == ([], [])  # there is no directory
    it.stop()


def test_a_name_that_leads_out_of_the_directory(start, tmp_path):
    it = start(bodies=str(tmp_path))
    it.group.take()
    it.give(Entry("2-0", fields("../../etc/passwd"), 1))
    ((_, _, _, _, dead),) = it.group.take("settle")
    assert dead["reason"].startswith("this is no name of a body")
    it.stop()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"url": "amqp://localhost"}, "the URL of a Redis begins with"),
        ({"stream": ""}, "stream must be "),
        ({"group": ""}, "group must be "),
        ({"idle": 0}, "idle must be "),
        ({"timeout": -1}, "timeout must be "),
        ({"bodies": "/nowhere/at/all"}, "is no directory"),
    ],
)
def test_what_cannot_be_used(arguments, error):
    with pytest.raises(ValueError, match=error):
        RedisSource(**{"url": "redis://localhost", **arguments})


def test_each_setting_is_an_argument():
    assert RedisSource("redis://localhost", **{each.name: each.default for each in SETTINGS})


def test_a_message_comes_again_that_is_handled(start, tmp_path):
    """Redis has failed, and has lost that it was deleted.  The mark beside its body is not lost."""
    (tmp_path / NAME).touch()
    it = start(bodies=str(tmp_path))
    it.give(Entry("1-0", fields(NAME), 1))
    deferred_call(it.leases[0].settle, Settlement())
    it.group.take()
    it.give(Entry("1-0", fields(NAME), 2))
    assert (len(it.leases), it.group.take("handled")) == (1, [("handled", "1-0")])
    it.stop()


def test_old_marks_are_removed(start, tmp_path):
    mark = tmp_path / f"{NAME}.done"
    mark.touch()
    os.utime(mark, (0, 0))
    it = start(bodies=str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    it.stop()


@pytest.mark.parametrize("answer", [7, [7], [None]])
def test_an_answer_that_is_none(start, answer):
    """The source goes on."""
    it = start()
    reading, it.group.reading = it.group.reading, None
    with capturedLogs() as events:
        reading.callback(answer)
    assert "cannot be read: " in formatEvent(events[0])
    it.clock.advance(RETRY)
    it.group.take()
    it.give()
    assert it.group.take("read") == [("read", 2)]
    it.stop()
