"""The commands of a consumer of a group, whose answers the test gives; with a real Redis in tests/interop."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from tests.stores.redis_endpoint import Redis
from txsmtpx import StoreError
from txsmtpx.backends.redis_url import RedisURL
from txsmtpx.consume import redis_scripts
from txsmtpx.consume.redis_group import Entry, RedisGroup
from txsmtpx.settling import deferred_call

KEYS = ["3", "mail", "mail.retry", "mail.dead"]


class Group:
    """A consumer, and the result of its last request."""

    def __init__(self):
        self.clock, self.redis = Clock(), Redis()
        self.group = RedisGroup(RedisURL.parsed("redis://localhost"), "mail", "some", 10.0, self.redis, self.clock)

    def call(self, function, *args):
        self.found = []
        deferred_call(function, *args).addBoth(self.found.append)
        return self.redis.commands()

    @property
    def error(self):
        (failure,) = self.found
        assert failure.type is StoreError
        return str(failure.value)


@pytest.fixture
def it():
    made = Group()
    yield made
    made.group.close()
    assert made.clock.getDelayedCalls() == []


def bulks(*texts):
    return [line for text in texts for line in (f"${len(text)}", text)]


@pytest.mark.parametrize(
    "answer", ["+OK", "-BUSYGROUP Consumer Group name already exists", "-OOM command not allowed"]
)
def test_the_group_is_created_once(it, answer):
    assert it.call(it.group.create) == [["XGROUP", "CREATE", "mail", "some", "0", "MKSTREAM"]]
    it.redis.answer(answer)
    assert it.found == [None]


def test_the_group_cannot_be_created(it):
    it.call(it.group.create)
    it.redis.answer("-WRONGTYPE Operation against a key")
    assert it.error.endswith("WRONGTYPE Operation against a key")


def test_new_entries(it):
    (command,) = it.call(it.group.read, 5)
    name = it.group.consumer
    assert command == ["XREADGROUP", "GROUP", "some", name, "COUNT", "5", "BLOCK", "500", "STREAMS", "mail", ">"]
    it.redis.answer("*1", "*2", *bulks("mail"), "*2")
    it.redis.answer("*2", *bulks("1-0"), "*4", *bulks("id", "a", "content", "5"), "*2", *bulks("2-0"), "*0")
    assert it.found == [[Entry("1-0", {"id": b"a", "content": b"5"}, 1), Entry("2-0", {}, 1)]]


def test_no_new_entries(it):
    it.call(it.group.read, 5)
    it.redis.answer("*-1")
    assert it.found == [[]]


def test_a_request_for_entries_has_more_time(it):
    it.call(it.group.read, 5)
    it.clock.advance(10.4)
    assert it.found == []
    it.clock.advance(0.1)
    assert it.error.endswith("no answer within 10.5 seconds")


def test_entries_of_dead_consumers(it):
    assert it.call(it.group.claim, 60, 3) == [
        ["XAUTOCLAIM", "mail", "some", it.group.consumer, "60000", "0", "COUNT", "3"]
    ]
    it.redis.answer("*3", *bulks("0-0"), "*3", "*2", *bulks("1-0"), "*2", *bulks("id", "a"))
    it.redis.answer("*2", *bulks("2-0"), "*-1", "*2", *bulks("3-0"), "*2", *bulks("id", "c"), "*0")
    for id, answer in (("1-0", "4"), ("2-0", "2"), ("3-0", "")):
        assert it.redis.commands() == [["XPENDING", "mail", "some", id, id, "1"]]
        it.redis.answer(*(["*1", "*4", *bulks(id, "other"), ":9", f":{answer}"] if answer else ["*0"]))
    assert it.found == [[Entry("1-0", {"id": b"a"}, 4), Entry("2-0", {}, 2)]]  # the third one is settled meanwhile


def test_scripts(it):
    assert it.call(it.group.handled, "1-0") == [["EVAL", redis_scripts.HANDLED, *KEYS, "some", "1-0"]]
    it.redis.numbers(1)
    assert it.call(it.group.release, "1-0") == [
        ["EVAL", redis_scripts.RELEASE, *KEYS, "some", it.group.consumer, "1-0"]
    ]
    it.redis.numbers(1)
    assert it.call(it.group.renew, ["1-0", "2-0"]) == [
        ["EVAL", redis_scripts.RENEW, *KEYS, "some", it.group.consumer, "1-0", "2-0"]
    ]
    it.redis.numbers(2)
    assert it.call(it.group.renew, []) == []
    assert it.call(it.group.return_due) == [["EVAL", redis_scripts.RETURN_DUE, *KEYS]]
    it.redis.numbers(0)
    for itself, name in ((False, ""), (True, it.group.consumer)):
        assert it.call(it.group.forget, itself) == [["EVAL", redis_scripts.FORGET, *KEYS, "some", name, "3600000"]]
        it.redis.numbers(0)
    assert it.found == [None]


@pytest.mark.parametrize(
    ("retry", "dead", "words"),
    [
        ({"a": "b"}, None, ["1", "-1", "a", "b"]),
        (None, {"a": "b", "c": "d"}, ["-1", "2", "a", "b", "c", "d"]),
        ({"a": "b"}, {"c": "d"}, ["1", "1", "a", "b", "c", "d"]),
        ({}, None, ["0", "-1"]),
    ],
)
@pytest.mark.parametrize("counts", [True, False])
def test_what_is_left_of_an_entry(it, retry, dead, words, counts):
    assert it.call(it.group.settle, "1-0", retry, 1.5, dead) == [
        ["EVAL", redis_scripts.SETTLE, *KEYS, "some", it.group.consumer, "1-0", "1500", *words]
    ]
    it.redis.numbers(int(counts))
    assert it.found == [counts]


def test_each_consumer_has_a_name_of_its_own(it):
    assert Group().group.consumer != it.group.consumer
    assert it.group.name.endswith(" stream mail")


@pytest.mark.parametrize(("error", "raised"), [("OOM command not allowed", False), ("READONLY a replica", True)])
def test_redis_is_full(it, error, raised):
    """What is due waits, and the connection is kept: a consumer makes room."""
    it.call(it.group.return_due)
    it.redis.answer(f"-{error}")
    assert (it.found != [None]) is raised
    assert it.redis.transport.disconnecting is raised
