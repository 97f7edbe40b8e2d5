"""The start of a server with Redis: it ends if Redis does not keep messages, and goes on if Redis does not answer."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent

from tests.stores.redis_endpoint import Redis
from txsmtpx.backends.redis import RedisBackend


class Reactor(Clock):
    """A clock that can be stopped."""

    stopped = 0

    def stop(self):
        self.stopped += 1


class Started:
    """The service of a backend, which runs."""

    def __init__(self, fsync="checked", redis=None, **how):
        self.redis, self.reactor = redis or Redis(), Reactor()
        backend = RedisBackend("redis://localhost", fsync=fsync, endpoint=self.redis, reactor=self.reactor, **how)
        (self.service,) = backend.pools
        with capturedLogs() as events:
            self.service.startService()
        self.logged = [formatEvent(event) for event in events]


def test_redis_keeps_messages():
    it = Started()
    it.redis.bulk("appendonly", "yes", "appendfsync", "always")
    it.redis.bulk()
    it.redis.persists()
    assert (it.reactor.stopped, it.logged) == (0, [])
    it.service.stopService()
    assert it.redis.transport.disconnecting
    assert it.reactor.getDelayedCalls() == []


def test_redis_does_not_keep_messages(logged_failures):
    it = Started()
    with capturedLogs() as events:
        it.redis.bulk("appendonly", "no")
        it.redis.bulk()
    assert it.reactor.stopped == 1
    (line,) = [formatEvent(event) for event in events if event["log_level"] is LogLevel.critical]
    assert line.startswith("the server does not start: redis ")
    assert "appendonly is no, not yes" in line
    it.service.stopService()
    logged_failures.flush()


@pytest.mark.parametrize("error", ["LOADING the dataset", "NOAUTH Authentication required"])
def test_redis_does_not_work_yet(error):
    it = Started()
    it.redis.answer(f"-{error}", f"-{error}")
    assert it.reactor.stopped == 0
    it.service.stopService()


def test_redis_does_not_run():
    redis = Redis()
    redis.connecting = fail(ConnectionRefusedError())
    it = Started(redis=redis)
    assert it.reactor.stopped == 0
    it.service.stopService()


def test_the_server_stops_meanwhile():
    redis = Redis()
    redis.connecting = Deferred()
    it = Started(redis=redis)
    it.service.stopService()
    redis.connecting.errback(ConnectionRefusedError())
    assert it.reactor.stopped == 0


@pytest.mark.parametrize(("how", "warned"), [({}, True), ({"replicas": 1}, False)])
def test_the_operator_accepts_losses(how, warned):
    it = Started("none", **how)
    texts = [line.partition(": ")[2] for line in it.logged]
    assert texts == (["fsync=none: Redis may lose messages that clients have a 250 for"] if warned else [])
    it.service.stopService()
