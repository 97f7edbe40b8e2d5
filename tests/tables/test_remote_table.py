"""A table of another program: connections that are kept, time limits, and every failure as a `TableError`."""

from __future__ import annotations

import re

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from txsmtpx.tables.netstring import encoded
from txsmtpx.tables.remote_table import CONNECTIONS, IDLE, TIMEOUT, WAITING, RemoteTable
from txsmtpx.tables.table_codec import TableError
from txsmtpx.tables.table_connection import TableConnection
from txsmtpx.testing import Outcome


class Server:
    """A table in memory, and the program that it asks."""

    def __init__(self):
        self.reactor = MemoryReactorClock()
        self.table = RemoteTable("socketmap:unix:/run/map:virtual", reactor=self.reactor)
        self.connections: list[TableConnection] = []

    def look_up(self, key: str) -> Outcome[str | None]:
        return Outcome(self.table.look_up(key))

    def accept(self) -> TableConnection:
        """Accept the last connection that the table has asked for."""
        factory = self.reactor.unixClients[len(self.connections)][1]
        connection = factory.buildProtocol(None)
        self.connections.append(connection._wrappedProtocol)
        connection.makeConnection(StringTransport())
        return self.connections[-1]

    def refuse(self) -> None:
        factory = self.reactor.unixClients[len(self.connections)][1]
        factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))


@pytest.fixture
def server():
    return Server()


def asked(connection: TableConnection) -> bytes:
    """What the connection has asked, since it was asked this last."""
    octets = connection.transport.value()
    connection.transport.clear()
    return octets


def reply(connection: TableConnection, content: bytes) -> None:
    connection.dataReceived(encoded(content))


def lose(connection: TableConnection) -> None:
    connection.connectionLost(Failure(ConnectionDone()))


def test_a_connection_is_kept(server):
    first = server.look_up("a@b")
    connection = server.accept()
    assert asked(connection) == encoded(b"virtual a@b")
    reply(connection, b"OK c@d")
    assert first.result() == "c@d"
    server.reactor.advance(IDLE - 1)
    second = server.look_up("e@f")
    assert asked(connection) == encoded(b"virtual e@f")
    reply(connection, b"NOTFOUND ")
    assert second.result() is None
    server.reactor.advance(IDLE)
    assert connection.transport.disconnected
    assert len(server.reactor.unixClients) == 1
    server.look_up("g@h")
    assert len(server.reactor.unixClients) == 2
    server.reactor.advance(TIMEOUT)


def test_a_connection_that_was_closed_while_it_was_kept_is_replaced(server):
    first = server.look_up("a")
    connection = server.accept()
    reply(connection, b"OK x")
    assert first.result() == "x"
    second = server.look_up("b")
    lose(connection)
    assert not second.fired
    reply(server.accept(), b"OK y")
    assert second.result() == "y"
    third = server.look_up("c")
    lose(server.connections[1])
    lose(server.accept())  # the new one is not replaced again
    assert str(third.error) == "the server has closed the connection"
    server.table.close()


def test_one_that_is_lost_while_it_is_kept_is_forgotten(server):
    server.look_up("a")
    reply(server.accept(), b"OK x")
    lose(server.connections[0])
    server.look_up("b")
    reply(server.accept(), b"OK y")
    server.table.close()
    assert server.connections[1].transport.disconnected
    assert server.reactor.getDelayedCalls() == []


def test_a_few_connections_carry_all_look_ups(server):
    outcomes = [server.look_up(str(each)) for each in range(2 * CONNECTIONS)]
    assert len(server.reactor.unixClients) == CONNECTIONS
    for _ in range(CONNECTIONS):
        server.accept()
    for connection in server.connections * 2:
        reply(connection, b"OK " + asked(connection))
    assert [each.result() for each in outcomes] == [encoded(b"virtual %d" % each).decode() for each in range(10)]
    assert len(server.reactor.unixClients) == CONNECTIONS
    server.table.close()


def test_a_time_limit(server):
    connecting = server.look_up("a")
    server.reactor.advance(TIMEOUT)
    assert str(connecting.error) == "the server has not replied within 10 seconds"
    asking = server.look_up("b")
    server.reactor.unixClients.pop(0)
    server.accept()
    server.reactor.advance(TIMEOUT)
    assert str(asking.error) == "the server has not replied within 10 seconds"
    assert server.connections[0].transport.disconnected
    assert server.reactor.getDelayedCalls() == []


def test_waiting_counts(server):
    """One that waits for others fails at the same time as they do, and there is a limit to how many may wait."""
    outcomes = [server.look_up(str(each)) for each in range(CONNECTIONS + WAITING)]
    assert str(server.look_up("one more").error) == "1000 other look-ups wait for the server"
    server.reactor.advance(TIMEOUT)
    assert {str(each.error) for each in outcomes} == {"the server has not replied within 10 seconds"}
    again = server.look_up("again")
    del server.reactor.unixClients[:-1]
    reply(server.accept(), b"OK x")
    assert again.result() == "x"
    server.table.close()


def test_a_server_that_cannot_be_reached(server):
    outcome = server.look_up("a")
    server.refuse()
    assert isinstance(outcome.error, TableError)
    assert str(outcome.error) == "cannot connect: Connection was refused by other side."


@pytest.mark.parametrize("content", [b"TEMP busy", b"PERM no such map", b"nonsense"])
def test_no_answer(server, content):
    outcome = server.look_up("a")
    reply(server.accept(), content)
    assert isinstance(outcome.error, TableError)
    assert server.connections[0].transport.disconnected
    assert server.reactor.getDelayedCalls() == []


def test_a_look_up_that_is_cancelled(server):
    deferred = server.table.look_up("a")
    outcome = Outcome(deferred)
    connection = server.accept()
    deferred.cancel()
    assert isinstance(outcome.error, CancelledError)
    assert connection.transport.disconnected
    assert server.reactor.getDelayedCalls() == []


@pytest.mark.parametrize(("content", "text"), [(b"NOTFOUND ", "it answers"),
                                               (b"OK a@b", "it answers, postmaster is a@b")])  # fmt: skip
def test_a_check(server, content, text):
    from twisted.internet.defer import Deferred

    outcome = Outcome(Deferred.fromCoroutine(server.table.check()))
    connection = server.accept()
    assert asked(connection) == encoded(b"virtual postmaster")
    reply(connection, content)
    assert outcome.result() == text
    assert connection.transport.disconnected
    assert server.reactor.getDelayedCalls() == []


@pytest.mark.parametrize(
    ("description", "why"),
    [
        ("socketmap", "write socketmap:ENDPOINT:NAME, such as socketmap:unix:/run/map.sock:virtual"),
        ("socketmap:unix:/run/map", "write socketmap:ENDPOINT:NAME, such as socketmap:unix:/run/map.sock:virtual"),
        ("socketmap:tls:example.org:25:x", "a table has no TLS; write tcp:HOST:PORT or unix:PATH"),
        ("socketmap:foo:25:x", "no endpoint: foo:25 (no kind of endpoint is called 'foo'; write tcp:HOST:PORT or "
         "unix:PATH)"),
        ("tcp:example.org", "no endpoint: tcp:example.org (missing: port)"),
        ("file", "write socketmap:ENDPOINT:NAME, such as socketmap:unix:/run/map.sock:virtual"),
    ],
)  # fmt: skip
def test_what_cannot_be_used(description, why):
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        RemoteTable(description, reactor=MemoryReactorClock())


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan")])
def test_a_time_that_is_none(timeout):
    with pytest.raises(ValueError, match=r"^timeout must be a number of seconds greater than 0, not "):
        RemoteTable("tcp:localhost:25", timeout=timeout, reactor=MemoryReactorClock())
