"""Stopping is graceful (guarantee 13), and caps on connections: the service and its factory, on a `Clock`."""

from __future__ import annotations

import asyncio

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import CannotListenError, ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from txsmtpx import OpenBackend, Session, SMTPServerFactory, SMTPService
from txsmtpx.testing import RecordingBackend

SHUTTING_DOWN = b"421 4.3.2 Service shutting down, closing the connection\r\n"
TOO_MANY = b"421 4.7.0 Too many connections, try again later\r\n"
HELLO = b"EHLO client.example\r\nMAIL FROM:<a@client.example>\r\nRCPT TO:<b@localhost>\r\n"


class Port:
    """An endpoint, and the port that it opens."""

    def __init__(self, stops=None):
        self.listening = False
        self._stops = stops

    def listen(self, factory):
        self.listening = True
        return succeed(self)

    def stopListening(self):
        self.listening = False
        return self._stops


class Transport(StringTransport):
    """Hangs up as a real one does: a moment later, and whatever the peer does."""

    def __init__(self, clock, host="192.0.2.1"):
        super().__init__()
        self._clock = clock
        self._host = host

    def getPeer(self):
        return IPv4Address("TCP", self._host, 4000)

    def loseConnection(self):
        super().loseConnection()
        self._over()

    def abortConnection(self):
        super().abortConnection()
        self._over()

    def _over(self):
        if self.connected:
            self.connected = False
            self._clock.callLater(0, self.protocol.connectionLost, Failure(ConnectionDone()))


class Served:
    """A service on two ports."""

    def __init__(self, backend=None, shutdown_timeout=30, **settings):
        self.clock = Clock()
        self.backend = backend or RecordingBackend()
        self.factory = SMTPServerFactory(self.backend, reactor=self.clock, **settings)
        self.ports = [Port(), Port()]
        self.service = SMTPService(self.factory, self.ports, shutdown_timeout)
        self.service.startService()

    def connect(self, said=b"", host="192.0.2.1"):
        transport = Transport(self.clock, host)
        transport.protocol = self.factory.buildProtocol(None)
        transport.protocol.makeConnection(transport)
        self.say(transport, said)
        return transport

    def say(self, transport, said):
        transport.clear()
        if said:
            transport.protocol.dataReceived(said)

    def hang_up(self, *transports):
        for transport in transports:
            transport.loseConnection()
        self.clock.advance(0)

    def stop(self):
        """Begin to stop; a list that gets something when it is over."""
        over = []
        self.service.stopService().addCallback(over.append)
        self.clock.advance(0)
        return over


@pytest.fixture
def served():
    return Served()


def test_listens_and_stops(served):
    assert [port.listening for port in served.ports] == [True, True]
    assert served.service.ports == served.ports
    assert served.stop() == [None]
    assert [port.listening for port in served.ports] == [False, False]
    assert served.clock.getDelayedCalls() == []


def test_listens_once_when_started_with_privileges():
    clock, port = Clock(), Port()
    opened = []
    port.listen = lambda factory: opened.append(factory) or succeed(port)
    service = SMTPService(SMTPServerFactory(RecordingBackend(), reactor=clock), [port])
    service.privilegedStartService()
    service.startService()
    assert opened == [service.factory]


def test_a_port_that_is_not_to_be_had(logged_failures):
    port = Port()
    port.listen = lambda factory: fail(CannotListenError("127.0.0.1", 25, OSError("in use")))
    service = SMTPService(SMTPServerFactory(RecordingBackend(), reactor=Clock()), [port])
    with pytest.raises(CannotListenError, match="25"):
        service.privilegedStartService()
    assert logged_failures.flush() == []  # a line for the operator, not a traceback
    port.listen = lambda factory: succeed(port)
    service.stopService()
    service.startService()
    assert service.ports == [port]


@pytest.mark.parametrize("said", [b"", b"EHLO client.example\r\n", b"EHLO clie"])
def test_the_idle_are_told(served, said):
    idle = served.connect(said)
    idle.clear()
    over = served.stop()
    assert idle.value() == SHUTTING_DOWN
    assert over == [None]
    assert served.clock.getDelayedCalls() == []


def test_a_transaction_may_finish(served):
    client = served.connect(HELLO + b"DATA\r\nhi\r\n")
    idle = served.connect()
    over = served.stop()
    assert idle.value() == SHUTTING_DOWN
    served.say(client, b".\r\n")
    said = client.value()
    assert said.startswith(b"250 2.0.0 Ok: queued as ")
    assert said.endswith(b"\r\n" + SHUTTING_DOWN)
    assert over == []
    served.clock.advance(0)
    assert over == [None]
    assert len(served.backend.messages) == 1
    assert served.clock.getDelayedCalls() == []


@pytest.mark.parametrize("end", [b"RSET\r\n", b"EHLO again.example\r\n", b"QUIT\r\n"])
def test_a_transaction_given_up_is_finished_too(served, end):
    client = served.connect(HELLO)
    over = served.stop()
    served.say(client, end)
    served.clock.advance(0)
    assert client.value().endswith(SHUTTING_DOWN) is (end != b"QUIT\r\n")
    assert over == [None]


@pytest.mark.parametrize("method", ["mail", "rcpt", "data"])
def test_a_backend_may_finish(method):
    waiting = Deferred()
    served = Served(RecordingBackend(**{method: [waiting]}))
    client = served.connect(HELLO + (b"DATA\r\nhi\r\n.\r\n" if method == "data" else b""))
    over = served.stop()
    served.clock.advance(29)
    assert client.connected
    client.clear()
    waiting.callback(None)
    assert client.value().startswith(b"250 ")
    if method != "data":
        served.say(client, b"RSET\r\n")
    assert client.value().endswith(SHUTTING_DOWN)
    served.clock.advance(0)
    assert over == [None]


def test_one_more_transaction_is_not_begun(served):
    client = served.connect(HELLO + b"DATA\r\nhi\r\n")
    over = served.stop()
    served.say(client, b".\r\n")
    served.clock.advance(0)
    client.clear()
    client.protocol.dataReceived(HELLO)
    assert client.value() == b""
    assert over == [None]


def test_the_deadline_aborts(served):
    client = served.connect(HELLO + b"DATA\r\nhalf a mess")
    over = served.stop()
    served.clock.advance(29.9)
    assert over == []
    assert not client.disconnected
    served.clock.advance(0.1)
    assert client.disconnected
    served.clock.advance(0)
    assert over == [None]
    assert served.backend.messages == []
    assert served.clock.getDelayedCalls() == []


def test_a_peer_that_does_not_read_the_421_is_aborted():
    served = Served(write_timeout=1000)
    client = served.connect()
    client._over = lambda: None  # what is written stays unread
    over = served.stop()
    assert client.value() == SHUTTING_DOWN
    served.clock.advance(30)
    assert client.disconnected
    assert over == []
    client.protocol.connectionLost(Failure(ConnectionDone()))
    assert over == [None]


class Leaving(Session):
    """Its methods at the end take a while."""

    def __init__(self):
        self.reset_done, self.logout_done = Deferred(), Deferred()

    def reset(self):
        return self.reset_done

    def logout(self):
        return self.logout_done


def test_it_waits_for_reset_and_logout():
    session = Leaving()
    served = Served(OpenBackend(lambda connection: session))
    client = served.connect(HELLO)
    over = served.stop()
    served.hang_up(client)
    session.reset_done.callback(None)
    assert over == []
    session.logout_done.callback(None)
    assert over == [None]
    assert served.clock.getDelayedCalls() == []


class Leisurely(OpenBackend):
    """A backend that is a policy, too: its `disconnected` takes a while."""

    def __init__(self, ended, session=None):
        super().__init__(lambda connection: session or Session())
        self.ended = ended

    def connected(self, connection):
        return None

    def hello(self, connection, name):
        return None

    def disconnected(self, connection):
        return self.ended


def test_it_waits_for_the_policy():
    """After `logout`."""
    session, ended = Leaving(), Deferred()
    served = Served(Leisurely(ended, session))
    client = served.connect(HELLO)
    over = served.stop()
    served.hang_up(client)
    session.reset_done.callback(None)
    session.logout_done.callback(None)
    assert over == []
    ended.callback(None)
    assert over == [None]


@pytest.mark.parametrize("error", [None, CancelledError, asyncio.CancelledError])
def test_the_deadline_cancels_the_policy(logged_failures, error):
    ended = Deferred(None if error is None else lambda deferred: deferred.errback(error()))
    served = Served(Leisurely(ended))
    client = served.connect(HELLO)
    over = served.stop()
    served.hang_up(client)
    assert over == []
    served.clock.advance(30)
    assert over == [None]
    assert logged_failures.flush() == []


@pytest.mark.parametrize("error", [None, CancelledError, asyncio.CancelledError])
def test_the_deadline_cancels_reset_and_logout(logged_failures, error):
    """A task of asyncio fails with an error of its own."""
    session = Leaving()
    if error is not None:
        session.logout_done = Deferred(lambda deferred: deferred.errback(error()))
    served = Served(OpenBackend(lambda connection: session))
    client = served.connect(HELLO)
    session.reset_done.callback(None)
    over = served.stop()
    served.hang_up(client)
    served.clock.advance(29.9)
    assert over == []
    served.clock.advance(0.1)
    assert over == [None]
    assert logged_failures.flush() == []


def test_who_comes_while_it_stops_is_told_too(served):
    served.connect(HELLO)
    served.stop()
    late = Transport(served.clock)
    late.protocol = served.factory.buildProtocol(None)
    late.protocol.makeConnection(late)
    assert late.value() == SHUTTING_DOWN
    assert late.disconnecting


def test_it_waits_for_the_ports_before_all():
    closing = Deferred()
    served = Served()
    served.ports[0]._stops = closing
    idle = served.connect()
    over = served.stop()
    assert idle.value() == b""
    assert over == []
    closing.callback(None)
    served.clock.advance(0)
    assert idle.value() == SHUTTING_DOWN
    assert over == [None]


def test_started_again(served):
    served.stop()
    served.service.startService()
    assert [port.listening for port in served.ports] == [True, True]
    client = served.connect(HELLO)
    assert client.value().endswith(b"250 2.1.5 Recipient ok\r\n")
    served.hang_up(client)
    assert served.stop() == [None]


def test_stopped_while_it_begins_to_listen():
    class Slow(Port):
        def listen(self, factory):
            self.opening = Deferred(lambda _: None)
            return self.opening

    service = SMTPService(SMTPServerFactory(RecordingBackend(), reactor=Clock()), [Slow()])
    service.startService()
    over = []
    service.stopService().addCallback(over.append)
    assert over == [None]


def test_max_connections():
    served = Served(max_connections=2)
    first, second = served.connect(), served.connect()
    third = served.connect()
    assert third.disconnecting
    third = Transport(served.clock)
    served.hang_up(first)
    fourth = served.connect(b"NOOP\r\n")
    assert fourth.value() == b"250 2.0.0 Ok\r\n"
    served.hang_up(second, fourth)
    assert served.factory.connections == set()


def test_max_connections_says_so():
    served = Served(max_connections=1)
    first = served.connect()
    second = Transport(served.clock)
    second.protocol = served.factory.buildProtocol(None)
    second.protocol.makeConnection(second)
    assert second.value() == TOO_MANY
    served.hang_up(first)


def test_max_connections_per_host():
    served = Served(max_connections_per_host=2)
    here = [served.connect(host="192.0.2.1") for _ in range(2)]
    assert served.connect(host="192.0.2.1").disconnecting
    there = served.connect(host="192.0.2.2")
    assert not there.disconnecting
    served.clock.advance(0)
    assert served.connect(host="192.0.2.1").disconnecting  # a refusal does not make room
    served.hang_up(here[0])
    again = served.connect(b"NOOP\r\n", host="192.0.2.1")
    assert again.value() == b"250 2.0.0 Ok\r\n"
    served.hang_up(here[1], there, again)


def test_two_factories_do_not_notice_each_other():
    """Guarantee 19."""
    strict, mild = Served(max_connections=1), Served()
    keep = [strict.connect(), mild.connect(), mild.connect()]
    assert [transport.disconnecting for transport in keep] == [False] * 3
    assert strict.connect().disconnecting
    assert not mild.connect().disconnecting


@pytest.mark.parametrize(
    "settings",
    [
        {"max_recipients": -1},
        {"max_message_bytes": -1},
        {"max_line_length": 0},
        {"delivery_timeout": 0},
        {"bare_newlines": "sometimes"},
        {"require_tls": True},
        {"require_auth": True},
        {"tls": "a certificate"},
        {"no_such_setting": 1},
    ],
)
def test_settings_that_make_no_sense(settings):
    with pytest.raises((ValueError, TypeError)):
        SMTPServerFactory(RecordingBackend(), reactor=Clock(), **settings)
