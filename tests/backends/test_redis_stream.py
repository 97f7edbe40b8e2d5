"""Entries that are added to a stream, whose end here is the test; with the real one in tests/interop."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from tests.stores.redis_endpoint import Redis
from txsmtpx import StoreError
from txsmtpx.backends.redis_persistence import NotPersistent
from txsmtpx.backends.redis_stream import RedisStream
from txsmtpx.backends.redis_url import RedisURL
from txsmtpx.settling import deferred_call
from txsmtpx.stores.redis_connection import RETRY

KEEPS = ("appendonly", "yes", "appendfsync", "always")
LOOK = [["CONFIG", "GET", "*append*"], ["CONFIG", "GET", "maxmemory*"]]
ADD = ["XADD", "mail", "*", "id", "1", "content", "hello"]


class Stream:
    """A stream, and the requests to it."""

    def __init__(self, fsync="checked", replicas=0):
        self.clock, self.redis, self.preparing = Clock(), Redis(), False
        url = RedisURL.parsed("redis://me:secret@localhost/")
        self.stream = RedisStream(url, "mail", fsync, replicas, 10.0, self.redis, self.clock)

    def add(self):
        deferred = deferred_call(self.stream.add, {"id": "1", "content": b"hello"})
        self.found = []
        deferred.addBoth(self.found.append)
        return deferred

    def keeps(self):
        """Answer to a look at the configuration."""
        self.redis.bulk(*KEEPS)
        self.redis.bulk()
        if self.preparing:
            self.preparing = False
            self.redis.persists()

    def logged_in(self):
        assert self.redis.commands() == [["AUTH", "me", "secret"]]
        self.preparing = True
        self.redis.answer("+OK")

    def stored(self):
        """Answer to XADD."""
        self.redis.answer("$3", "1-0")

    @property
    def error(self):
        (failure,) = self.found
        assert failure.type is StoreError
        return failure.value


def test_it_is_added_and_then_confirmed():
    it = Stream()
    it.add()
    it.logged_in()
    assert it.redis.commands() == LOOK  # before anything is sent
    it.keeps()
    assert it.redis.commands() == [ADD, *LOOK]
    it.stored()
    assert it.found == []
    it.keeps()
    assert it.found == [None]
    assert it.clock.getDelayedCalls() == []


def test_it_is_refused_before_it_is_sent():
    it = Stream()
    it.add()
    it.logged_in()
    it.redis.commands()
    it.redis.bulk("appendonly", "no")
    it.redis.bulk()
    assert "appendonly is no, not yes; correct redis.conf" in str(it.error)
    assert isinstance(it.error.__cause__, NotPersistent)
    assert it.redis.transport.disconnecting
    assert b"XADD" not in it.redis.transport.value()
    assert "secret" not in str(it.error)


@pytest.mark.parametrize("fact", ["aof_rewrite_in_progress", "aof_rewrite_scheduled"])
def test_redis_writes_its_first_file(fact):
    """After CONFIG SET appendonly yes, it reports that it keeps messages, and does not keep them yet."""
    it = Stream()
    it.add()
    it.logged_in()
    it.redis.bulk(*KEEPS)
    it.redis.bulk()
    it.redis.persists(**{fact: 1})
    assert "Redis writes its first file of appendonly" in str(it.error)
    assert not isinstance(it.error.__cause__, NotPersistent)  # so a server that starts does not end
    assert it.redis.commands() == []


@pytest.mark.parametrize("answer", ["info", "-NOPERM no permissions", "-ERR unknown command 'INFO'"])
def test_redis_writes_another_file_or_does_not_say(answer):
    it = Stream()
    it.add()
    it.logged_in()
    it.redis.bulk(*KEEPS)
    it.redis.bulk()
    if answer == "info":
        it.redis.persists(aof_rewrite_in_progress=1, aof_last_rewrite_time_sec=2)
    else:
        assert it.redis.commands()[-1] == ["INFO", "persistence"]
        it.redis.answer(answer)
    assert it.redis.commands() == [ADD, *LOOK]
    it.stream.close()


def test_what_redis_does_not_keep_any_more():
    it = Stream()
    it.add()
    it.logged_in()
    it.keeps()
    it.stored()
    it.redis.bulk("appendonly", "yes", "appendfsync", "everysec")
    it.redis.bulk()
    assert "appendfsync is everysec" in str(it.error)


@pytest.mark.parametrize(("fsync", "commands"), [("assumed", [ADD]), ("none", [ADD])])
def test_without_a_look(fsync, commands):
    it = Stream(fsync)
    it.add()
    it.logged_in()
    assert it.redis.commands() == commands
    it.stored()
    assert it.found == [None]


@pytest.mark.parametrize(("replicas", "stored"), [(1, True), (0, False)])
def test_replicas(replicas, stored):
    it = Stream("none", 1)
    it.add()
    it.logged_in()
    assert it.redis.commands() == [ADD, ["WAIT", "1", "8000"]]
    it.stored()
    it.redis.answer(f":{replicas}")
    if stored:
        assert it.found == [None]
    else:
        assert str(it.error).endswith("0 of 1 replicas have the message")


@pytest.mark.parametrize("error", ["OOM command not allowed", "READONLY a replica", "WRONGTYPE another type"])
def test_redis_refuses_it(error):
    it = Stream()
    it.add()
    it.logged_in()
    it.keeps()
    it.redis.commands()
    it.redis.answer(f"-{error}")
    assert str(it.error).endswith(error)
    if error.startswith("WRONGTYPE"):  # which is said of this key only, so the connection is kept
        it.keeps()
        assert not it.redis.transport.disconnecting


def test_the_connection_is_lost():
    it = Stream()
    it.add()
    it.logged_in()
    it.keeps()
    it.stored()
    it.redis.transport.protocol.connectionLost(Failure(ConnectionDone()))
    assert str(it.error).endswith("Lost connection")
    it.clock.advance(RETRY)
    it.add()
    it.logged_in()
    it.keeps()
    it.redis.commands()
    it.stored()
    it.keeps()
    assert it.found == [None]


@pytest.mark.parametrize("answered", [0, 1, 2])
def test_no_answer_in_time(answered):
    it = Stream()
    it.add()
    it.logged_in()
    it.keeps()
    if answered:
        it.stored()
    if answered == 2:
        it.redis.bulk(*KEEPS)
    it.clock.advance(10)
    assert str(it.error).endswith("no answer within 10 seconds")
    assert it.redis.transport.disconnecting


@pytest.mark.parametrize("answered", [False, True])
def test_a_client_that_has_gone(answered):
    it = Stream()
    gone = it.add()
    it.logged_in()
    it.keeps()
    if answered:
        it.stored()
    gone.cancel()
    if not answered:
        it.stored()
    it.keeps()
    it.add()
    it.stored()
    it.keeps()
    assert it.found == [None]
    assert it.clock.getDelayedCalls() == []


def test_it_connects_and_is_closed():
    it = Stream("none")
    found = []
    deferred_call(it.stream.connection.connect).addBoth(found.append)
    it.logged_in()
    assert (found, it.redis.commands()) == ([None], [])
    it.stream.close()
    assert it.redis.transport.disconnecting
