"""The connections of the POP3 port."""

from __future__ import annotations

import pytest
from twisted.logger import capturedLogs, formatEvent

from tests.inbox.pop3_client import Pop3Client
from txsmtpx.inbox import pop3_factory
from txsmtpx.inbox.pop3_factory import Pop3Factory
from txsmtpx.wire.http_channel import RefusedConnection


@pytest.fixture
def factory(web, monkeypatch) -> Pop3Factory:
    monkeypatch.setattr(pop3_factory, "MAX_CONNECTIONS", 2)
    return Pop3Factory(web.site.inbox, web.clock)


def test_a_new_connection_replaces_the_silent_one(web, factory):
    first, second = (Pop3Client(web, factory=factory) for _ in range(2))
    web.clock.advance(1)
    first.ask("NOOP")
    third = Pop3Client(web, factory=factory)
    assert (first.transport.aborted, second.transport.aborted) == (False, True)
    first.lose()
    Pop3Client(web, factory=factory)
    assert not third.transport.aborted


def test_busy_connections_stay(web, factory):
    web.keep(b"x")
    clients = [Pop3Client(web, factory=factory) for _ in range(2)]
    for each in clients:
        each.protocol.dataReceived(b"RETR 1\r\n")
    with capturedLogs() as logged:
        assert isinstance(factory.buildProtocol(None), RefusedConnection)
    assert formatEvent(logged[0]) == "pop3: 2 connections are busy; a new one is closed"
    web.clock.work()
    assert [each.transport.aborted for each in clients] == [False, False]


def test_the_end(web, factory):
    clients = [Pop3Client(web, factory=factory) for _ in range(2)]
    factory.stopFactory()
    assert [each.transport.aborted for each in clients] == [True, True]
    assert clients[0].timers == []
