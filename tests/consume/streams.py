"""A source of a stream, with a consumer group in memory whose failures the test chooses."""

from __future__ import annotations

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock

from tests.consume.queue import envelope
from txsmtpx import StoreError
from txsmtpx.backends.redis_entry import entry_of
from txsmtpx.consume.redis_source import RETRY, RedisSource
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
