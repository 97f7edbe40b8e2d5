"""The source of a stream, with a consumer group in memory whose failures the test chooses."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from tests.consume.queue import envelope
from txsmtpx import StoreError
from txsmtpx.backends.redis_entry import entry_of
from txsmtpx.consume import SourceError
from txsmtpx.consume.message_source import Remainder, Settlement
from txsmtpx.consume.redis_group import Entry
from txsmtpx.consume.redis_source import FORGET, RETRY, SETTINGS, RedisSource
from txsmtpx.settling import deferred_call

NAME = "a" * 32 + ".eml"


def fields(body_file=""):
    entry = entry_of(envelope("b@example.net", "c@example.net"), b"hello", body_file)
    return {name: value if isinstance(value, bytes) else value.encode() for name, value in entry.items()}


class Group:
    """A consumer group: it keeps the calls, and fails while `error` is set."""

    name = "redis here stream mail"
    consumer = "me"

    def __init__(self, *arguments):
        self.calls = []
        self.error = None
        self.reading = None
        self.abandoned = []
        self.closed = 0

    def _call(self, *call, result=None):
        self.calls.append(call)
        if self.error is not None:
            raise StoreError(self.error)
        return result

    async def create(self):
        self._call("create")

    def read(self, count):
        self._call("read", count)
        self.reading = Deferred()
        return self.reading

    async def claim(self, idle, count):
        found, self.abandoned = self.abandoned, []
        return self._call("claim", idle, count, result=found)

    async def handled(self, id):
        self._call("handled", id)

    async def settle(self, id, retry, delay, dead):
        return self._call("settle", id, retry, delay, dead, result=True)

    async def release(self, id):
        self._call("release", id)

    async def renew(self, ids):
        self._call("renew", *ids)

    async def return_due(self):
        self._call("return_due")

    async def forget(self, itself=False):
        self._call("forget", itself)

    def close(self):
        self.closed += 1

    def take(self, *names):
        """The calls of these names, which are forgotten with all others."""
        found, self.calls = [call for call in self.calls if call[0] in names], []
        return found


class Started:
    """A source that runs, and the leases that it has given."""

    def __init__(self, monkeypatch, most=2, **how):
        monkeypatch.setattr("txsmtpx.consume.redis_source.RedisGroup", Group)
        self.clock = Clock()
        self.source = RedisSource("redis://localhost", in_thread=maybeDeferred, reactor=self.clock, **how)
        self.group = self.source._group
        self.leases = []
        self.source.start(self.leases.append, most)

    def give(self, *entries):
        reading, self.group.reading = self.group.reading, None
        reading.callback(list(entries))

    def settle(self, settlement):
        found = []
        deferred_call(self.leases[-1].settle, settlement).addBoth(found.append)
        return found

    def stop(self):
        found = []
        deferred_call(self.source.stop).addBoth(found.append)
        if self.group.reading is not None:
            self.give()
        self.clock.advance(RETRY)
        assert found == [None]
        assert self.group.closed == 1
        assert self.clock.getDelayedCalls() == []


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


@pytest.mark.parametrize("delay", [0, 7])
def test_what_is_tried_again_and_what_is_dead(start, delay):
    it = start()
    it.give(Entry("1-0", fields(), 2))
    it.group.take()
    again, dead = Remainder(envelope("b@example.net"), "Full"), Remainder(envelope("c@example.net"), "None")
    assert it.settle(Settlement(again, delay, dead)) == [None]
    ((_, id, first, seconds, second),) = it.group.take("settle")
    assert (id, seconds) == ("1-0", delay)
    assert (first["recipients"], first["attempts"], first["reason"]) == ('["b@example.net"]', "2", "Full")
    assert (second["recipients"], second["attempts"], second["reason"]) == ('["c@example.net"]', "2", "None")
    it.stop()


def test_the_body_of_a_handled_message_is_removed(start, tmp_path):
    (tmp_path / NAME).touch()
    it = start(bodies=str(tmp_path))
    it.give(Entry("1-0", fields(NAME), 1))
    assert it.leases[0].message.body == tmp_path / NAME
    assert it.settle(Settlement()) == [None]
    assert list(tmp_path.iterdir()) == []
    it.stop()


def test_the_body_cannot_be_removed(start, tmp_path):
    """The message is handled all the same."""
    (tmp_path / NAME).mkdir()
    it = start(bodies=str(tmp_path))
    it.give(Entry("1-0", fields(NAME), 1))
    with capturedLogs() as events:
        assert it.settle(Settlement()) == [None]
    assert "the file of a handled message remains" in formatEvent(events[0])
    it.stop()


def test_two_remainders_have_a_body_each(start, tmp_path):
    (tmp_path / NAME).write_bytes(b"long")
    it = start(bodies=str(tmp_path))
    it.give(Entry("1-0", fields(NAME), 1))
    it.group.take()
    it.settle(Settlement(Remainder(envelope(), ""), 1, Remainder(envelope(), "")))
    ((*_, first, _, second),) = it.group.take("settle")
    assert "body_file" not in first
    assert (tmp_path / second["body_file"]).read_bytes() == (tmp_path / NAME).read_bytes() == b"long"
    it.stop()


def test_the_body_is_gone(start, tmp_path):
    it = start(bodies=str(tmp_path))
    it.give(Entry("1-0", fields(NAME), 1))
    found = it.settle(Settlement(Remainder(envelope(), ""), 1, Remainder(envelope(), "")))
    assert found[0].check(SourceError)
    it.stop()


def test_redis_fails_when_a_lease_is_settled(start):
    """The lease is over: the message comes again after the time without a sign of life."""
    it = start(most=1)
    it.give(Entry("1-0", fields(), 1))
    it.group.error = "redis here: Lost connection"
    found = it.settle(Settlement())
    assert str(found[0].value) == "redis here stream mail: redis here: Lost connection"
    assert found[0].check(SourceError)
    it.group.error = None
    it.clock.advance(RETRY)
    it.group.take()
    it.give()
    it.clock.advance(1)
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


@pytest.mark.parametrize("fails", [False, True])
def test_a_lease_is_released_once(start, fails):
    it = start()
    it.give(Entry("1-0", fields(), 1))
    it.group.error = "redis here: refused" if fails else None
    with capturedLogs() as events:
        it.leases[0].release()
        it.leases[0].release()
    assert it.group.take("release") == [("release", "1-0")]
    assert len([each for each in events if "comes again later" in formatEvent(each)]) == fails
    it.group.error = None
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
