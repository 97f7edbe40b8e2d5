"""One connection to the server of a table: a request at a time, and each way in which it ends."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from txsmtpx.tables.table_codec import TableError, TableReply
from txsmtpx.tables.table_connection import ConnectionClosed, TableConnection
from txsmtpx.tables.tcp_table import TCPTable
from txsmtpx.testing import Outcome


class Server:
    """The server's view of a connection."""

    def __init__(self):
        self.clock = Clock()
        self.closed: list[TableConnection] = []
        self.connection = TableConnection(TCPTable(), self.clock, self.closed.append)
        self.transport = StringTransport()
        self.connection.makeConnection(self.transport)

    def lose(self) -> None:
        self.connection.connectionLost(Failure(ConnectionDone()))


@pytest.fixture
def server():
    return Server()


def test_requests_one_after_the_other(server):
    for key in ("a", "b"):
        server.transport.clear()
        reply = Outcome(server.connection.ask(key))
        assert server.transport.value() == f"get {key}\n".encode()
        server.connection.dataReceived(b"200 ")
        assert not reply.fired
        server.connection.dataReceived(key.encode() + b"\n")
        assert reply.result() == TableReply(key)
    assert not server.transport.disconnected


def test_it_is_closed_when_it_is_idle(server):
    server.connection.keep(10)
    server.clock.advance(9)
    reply = Outcome(server.connection.ask("a"))
    server.clock.advance(100)
    assert not server.transport.disconnected
    server.connection.dataReceived(b"500 none\n")
    assert reply.result() == TableReply(None)
    server.connection.keep(10)
    server.clock.advance(10)
    assert server.transport.disconnected
    assert server.closed == [server.connection]


def test_octets_that_are_no_reply_end_it(server):
    server.connection.dataReceived(b"200 unasked\n")
    assert server.transport.disconnected
    reply = Outcome(server.connection.ask("a"))
    server.connection.dataReceived(b"hello\n")
    assert isinstance(reply.error, TableError)


@pytest.mark.parametrize("octets", [b"", b"2", b"200 x"])
def test_a_connection_that_is_lost(server, octets):
    reply = Outcome(server.connection.ask("a"))
    if octets:
        server.connection.dataReceived(octets)
    server.lose()
    assert type(reply.error) is (TableError if octets else ConnectionClosed)
    assert server.closed == [server.connection]
    assert server.clock.getDelayedCalls() == []


def test_a_request_that_is_cancelled_ends_it(server):
    deferred = server.connection.ask("a")
    reply = Outcome(deferred)
    deferred.cancel()
    assert isinstance(reply.error, CancelledError)
    assert server.transport.disconnected
    server.connection.dataReceived(b"200 late\n")
    server.lose()
