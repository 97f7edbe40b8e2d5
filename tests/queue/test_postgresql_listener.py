"""Notifications: a connection that is lost is replaced, and whatever was missed counts as a change."""

from __future__ import annotations

import errno
import os
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from txsmtpx.queue.postgresql_listener import RECONNECT, PostgreSQLListener


class Reactor(Clock):
    """A clock with readers."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[int] = []
        self.failure: OSError | None = None

    def addReader(self, reader: Any) -> None:
        if self.failure is not None:
            raise self.failure
        self.readers.append(reader.fileno())

    def removeReader(self, reader: Any) -> None:
        if reader.fileno() in self.readers:  # otherwise nothing, as the reactors of Twisted
            self.readers.remove(reader.fileno())


class Connection:
    """A connection whose notifications a test adds."""

    def __init__(self) -> None:
        self.ends = os.pipe()
        self.notifications = 0
        self.fails = self.closed = False
        self.pgconn = SimpleNamespace(consume_input=self._consume, notifies=self._notifies)

    def fileno(self) -> int:
        return self.ends[0]

    def close(self) -> None:
        self.closed = True
        for each in self.ends:
            os.close(each)

    def _consume(self) -> None:
        if self.fails:
            raise psycopg.OperationalError("server closed the connection")

    def _notifies(self) -> object:
        self.notifications -= 1
        return object() if self.notifications >= 0 else None


class Listening:
    """A listener, its connections, and how often it has called."""

    def __init__(self) -> None:
        self.reactor = Reactor()
        self.asked: list[tuple[str, Deferred[Any]]] = []
        self.calls = 0
        self.listener = PostgreSQLListener(self._connect, self._notified, self.reactor)  # type: ignore[arg-type]

    def _connect(self, statement: str) -> Deferred[Any]:
        self.asked.append((statement, Deferred()))
        return self.asked[-1][1]

    def _notified(self) -> None:
        self.calls += 1

    def connected(self) -> Connection:
        connection = Connection()
        self.asked[-1][1].callback(connection)
        return connection


@pytest.fixture
def it() -> Listening:
    made = Listening()
    made.listener.start()
    return made


def test_many_notifications_are_one_change(it: Listening) -> None:
    assert it.asked[0][0] == "LISTEN txsmtpx_queue"
    connection = it.connected()
    assert it.calls == 1  # something may have changed before
    connection.notifications = 3
    it.listener.doRead()
    it.listener.doRead()
    assert it.calls == 2
    it.listener.stop()
    assert (it.reactor.readers, connection.closed, it.listener.fileno()) == ([], True, -1)
    assert it.listener.logPrefix() == "queue"


def test_a_lost_connection_is_replaced(it: Listening) -> None:
    connection = it.connected()
    connection.fails = True
    it.listener.doRead()
    assert (it.reactor.readers, connection.closed) == ([], True)
    it.reactor.advance(RECONNECT)
    it.asked[-1][1].errback(psycopg.OperationalError("refused"))
    it.reactor.advance(RECONNECT)
    assert len(it.asked) == 3
    it.connected()
    assert it.calls == 2
    it.listener.stop()
    assert it.reactor.getDelayedCalls() == []


def test_stopped_while_it_waits_or_connects(it: Listening) -> None:
    it.listener.stop()
    assert it.connected().closed
    it.listener.start()
    it.connected()
    it.listener.connectionLost(Failure(psycopg.OperationalError("x")))
    it.listener.stop()
    assert it.reactor.getDelayedCalls() == []
    it.listener.stop()


@pytest.mark.parametrize("full", ["descriptors", "reactor"])
def test_a_connection_that_cannot_be_read_is_closed(
    it: Listening, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    failure = OSError(errno.EMFILE, "Too many open files")

    def dup(descriptor: int) -> int:
        raise failure

    it.connected().fails = True
    it.listener.doRead()
    with monkeypatch.context() as patched:
        if full == "descriptors":
            patched.setattr(os, "dup", dup)
        else:
            it.reactor.failure = failure
        it.reactor.advance(RECONNECT)
        assert it.connected().closed
        assert it.listener.fileno() == -1
    it.reactor.failure = None
    it.reactor.advance(RECONNECT)
    connection = it.connected()
    assert (len(it.reactor.readers), it.calls) == (1, 2)
    it.listener.stop()
    assert connection.closed
