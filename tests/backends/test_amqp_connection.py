"""The connection to a broker: when it is opened, how it fails, and how long it waits before it is opened again."""

from __future__ import annotations

import pytest

pytest.importorskip("pika", reason="pika is not installed (extra amqp)")

from pika import spec
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure

from tests.backends.broker import Broker
from txsmtpx.backends.amqp_channel import BrokerError
from txsmtpx.backends.amqp_connection import FIRST_DELAY, LONGEST_DELAY, AMQPConnection
from txsmtpx.backends.amqp_url import AMQPURL
from txsmtpx.settling import deferred_call
from txsmtpx.testing import Network, Outcome

NAME = "amqp://broker.example.org:5672"
URL = AMQPURL.parsed("amqp://ann:hunter2@broker.example.org/mail")


async def nothing(channel) -> None:
    pass


async def declares(channel) -> None:
    await channel.queue_declare("mail", durable=True)


def connection(endpoint, clock, prepare=nothing, timeout=5.0) -> AMQPConnection:
    return AMQPConnection(URL, prepare, timeout, None, None, endpoint, clock)


def opened(network, made):
    """The channel of a connection."""
    return network.result(deferred_call(made.channel))


def error(network, made) -> str:
    with pytest.raises(BrokerError) as caught:
        opened(network, made)
    assert not caught.value.unknown
    return str(caught.value)


def test_all_users_share_a_connection() -> None:
    network = Network(Broker)
    made = connection(network, network.clock, declares)
    first, second = Outcome(deferred_call(made.channel)), Outcome(deferred_call(made.channel))
    network.flush()
    assert first.result() is second.result() is opened(network, made)
    (broker,) = network.servers
    assert broker.heard[:3] == ["Connection.StartOk", "Connection.TuneOk", "Connection.Open"]
    assert broker.heard[3:] == ["Channel.Open", "Confirm.Select", "Queue.Declare"]
    made.abort()
    network.flush()
    assert network.clock.getDelayedCalls() == []


def test_one_octet_at_a_time() -> None:
    network = Network(Broker, one_by_one=True)
    made = connection(network, network.clock)
    assert opened(network, made).usable
    made.abort()
    network.flush()


class Refused:
    """An endpoint that refuses connections, and counts them."""

    attempts = 0

    def connect(self, factory):
        self.attempts += 1
        return fail(ConnectionRefusedError(111))


def test_the_delay_before_the_next_attempt_doubles() -> None:
    clock, endpoint = Clock(), Refused()
    made = connection(endpoint, clock)
    delays = []
    for attempt in range(1, 9):
        for _ in range(3):  # the second and the third one fail without an attempt
            with pytest.raises(BrokerError, match="Connection was refused by other side"):
                Outcome(deferred_call(made.channel)).result()
        assert endpoint.attempts == attempt
        delays.append(made.delay)
        clock.advance(made.delay)
    assert delays == [FIRST_DELAY, 2, 4, 8, 16, LONGEST_DELAY, LONGEST_DELAY, LONGEST_DELAY]
    assert clock.getDelayedCalls() == []


def test_a_failure_is_logged_once_and_its_end() -> None:
    network = Network(Broker)
    refused, clock = Refused(), network.clock
    made = connection(refused, clock)
    with capturedLogs() as logs:
        for _ in range(2):
            with pytest.raises(BrokerError):
                Outcome(deferred_call(made.channel)).result()
            clock.advance(made.delay)
        made._endpoint = network
        assert opened(network, made).usable
    text = "Connection was refused by other side: 111."
    assert [formatEvent(each) for each in logs] == [f"{NAME} cannot be used: {text}", f"{NAME} is used again"]
    made.abort()
    network.flush()


@pytest.mark.parametrize("name", ["Connection.StartOk", "Connection.Open", "Channel.Open", "Confirm.Select"])
def test_a_broker_that_does_not_answer(name) -> None:
    broker = Broker()
    broker.ignored.add(name)
    network = Network(broker)
    made = connection(network, network.clock)
    outcome = Outcome(deferred_call(made.channel))
    network.flush()
    network.advance(4.9)
    network.advance(0.1)
    with pytest.raises(BrokerError, match=f"^{NAME}: it cannot be used within 5 seconds$"):
        outcome.result()
    assert network.clock.getDelayedCalls() == []


def test_a_connection_that_is_never_made() -> None:
    clock = Clock()

    class Endpoint:
        def connect(self, factory):
            return Deferred()

    outcome = Outcome(deferred_call(connection(Endpoint(), clock).channel))
    clock.advance(5)
    with pytest.raises(BrokerError, match="it cannot be used within 5 seconds"):
        outcome.result()


class Says(Protocol):
    """A server that sends something else."""

    octets = b""

    def connectionMade(self) -> None:
        self.transport.write(self.octets)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the server does not send frames of AMQP 0-9-1"),
        (b"AMQP\x00\x00\x09\x01", "the server does not send frames of AMQP 0-9-1"),
        (b"\x01\x00\x00\xff\xff\xff\xff", "the broker sends a frame of 4294967295 octets"),
        (b"\x01\x00\x00\x00\x00\x00\x04\xff\xff\xff\xff\xce", ""),
        (b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x0a\xce", ""),
    ],
)
def test_garbage(octets, text) -> None:
    server = Says()
    server.octets = octets
    network = Network(server)
    assert text in error(network, connection(network, network.clock))
    assert network.clock.getDelayedCalls() == []


def test_a_login_is_refused() -> None:
    class Refusing(Broker):
        def _method(self, channel, method) -> None:
            if method.NAME == "Connection.StartOk":
                self.send(spec.Connection.Close(403, "ACCESS_REFUSED - Login was refused", 0, 0), channel=0)
            elif method.NAME == "Connection.CloseOk":
                self.transport.loseConnection()

    network = Network(Refusing)
    with capturedLogs() as logs:
        text = error(network, connection(network, network.clock))
    assert "ACCESS_REFUSED - Login was refused" in text
    assert "hunter2" not in f"{text} {logs}"


def test_the_queue_is_refused() -> None:
    broker = Broker()
    broker.refused["Queue.Declare"] = (406, "PRECONDITION_FAILED - inequivalent arg")
    network = Network(broker)
    text = error(network, connection(network, network.clock, declares))
    assert text == f"{NAME}: 406 PRECONDITION_FAILED - inequivalent arg"
    assert network.clock.getDelayedCalls() == []


def test_a_lost_connection_is_opened_again_at_once() -> None:
    network = Network(Broker)
    made = connection(network, network.clock)
    first = opened(network, made)
    network.clients[0].connectionLost(Failure(ConnectionLost()))
    assert not first.usable
    assert opened(network, made) is not first
    assert len(network.servers) == 2
    made.abort()
    network.flush()


def test_a_closed_channel_ends_its_connection() -> None:
    network = Network(Broker)
    made = connection(network, network.clock)
    first = opened(network, made)
    with capturedLogs() as logs:
        network.servers[0].send(spec.Channel.Close(404, "NOT_FOUND - no exchange", 0, 0))
        network.flush()
    assert not first.usable
    assert [formatEvent(each) for each in logs] == [f"{NAME} was lost: 404 NOT_FOUND - no exchange"]
    assert network.clock.getDelayedCalls() == []


def test_garbage_later() -> None:
    network = Network(Broker)
    made = connection(network, network.clock)
    first = opened(network, made)
    network.servers[0].garble()
    network.flush()
    assert not first.usable
    assert network.clock.getDelayedCalls() == []


def test_a_broker_without_a_heartbeat_is_lost() -> None:
    network = Network(Broker)
    made = connection(network, network.clock)
    first = opened(network, made)
    for _ in range(100):
        network.advance(1)
    assert not first.usable
    assert network.clock.getDelayedCalls() == []


def test_close() -> None:
    network = Network(Broker)
    made = connection(network, network.clock)
    opened(network, made)
    broker = network.servers[0]
    closed = Outcome(deferred_call(made.close))
    network.flush()
    assert "Connection.Close" in broker.heard
    closed.result()
    Outcome(deferred_call(made.close)).result()
    assert network.clock.getDelayedCalls() == []


def test_close_while_it_connects() -> None:
    clock = Clock()
    waiting = []

    class Endpoint:
        def connect(self, factory):
            waiting.append(Deferred())
            return waiting[0]

    made = connection(Endpoint(), clock)
    outcome = Outcome(deferred_call(made.channel))
    Outcome(deferred_call(made.close)).result()
    with pytest.raises(BrokerError):
        outcome.result()
    assert clock.getDelayedCalls() == []


def test_a_user_that_waits_no_longer() -> None:
    broker = Broker()
    broker.ignored.add("Channel.Open")
    network = Network(broker)
    made = connection(network, network.clock)
    gone, other = deferred_call(made.channel), Outcome(deferred_call(made.channel))
    gone.addErrback(lambda failure: None)
    gone.cancel()
    network.flush()
    broker.send(spec.Channel.OpenOk())
    network.flush()
    assert other.result().usable
    made.abort()
    network.flush()


def test_pika_is_missing(monkeypatch) -> None:
    monkeypatch.setattr("txsmtpx.backends.amqp_connection.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pika is not installed: pip install 'txsmtpx\[amqp\]'"):
        connection(Refused(), Clock())


def test_certificates_without_tls() -> None:
    with pytest.raises(ValueError, match="certificates need TLS; write amqps: for amqp:"):
        AMQPConnection(URL, nothing, 5.0, "/etc/ssl/ca.pem", None, None, Clock())
