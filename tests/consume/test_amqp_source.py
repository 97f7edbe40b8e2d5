"""The source of AMQP: it connects until it is stopped, and each message becomes a lease or goes to the dead letters."""

from __future__ import annotations

import pytest

pytest.importorskip("pika", reason="pika is not installed (extra amqp)")

from pika import BasicProperties, spec
from twisted.internet.defer import fail, maybeDeferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock

from tests.backends.broker import Broker
from tests.consume.queue import envelope
from txsmtpx.backends import amqp_message
from txsmtpx.consume import Settlement
from txsmtpx.consume.amqp_source import RETRY, AMQPSource
from txsmtpx.settling import deferred_call
from txsmtpx.testing import Network, Outcome

URL = "amqp://broker.example.org/"


class Receiving:
    """A source, its broker, and the leases that have come."""

    def __init__(self, **settings) -> None:
        self.broker = Broker()
        self.network = Network(lambda: self.broker)
        self.leases = []
        settings = {"endpoint": self.network, "in_thread": maybeDeferred, "reactor": self.network.clock, **settings}
        self.source = AMQPSource(URL, **settings)

    def start(self) -> Receiving:
        self.source.start(self.leases.append, 7)
        self.network.flush()
        return self

    def deliver(self, body: bytes = b"octets", attempts: int = 0, **headers) -> int:
        found = {**amqp_message.headers_of(envelope()), **{k.replace("_", "-"): v for k, v in headers.items()}}
        if attempts:
            found[amqp_message.ATTEMPTS] = attempts
        number = self.broker.deliver(BasicProperties(headers=found, message_id="m1"), body)
        self.network.flush()
        return number

    def stop(self) -> None:
        stopped = Outcome(deferred_call(self.source.stop))
        self.network.flush()
        stopped.result()


@pytest.fixture
def receiving():
    made = []

    def make(**settings) -> Receiving:
        made.append(Receiving(**settings).start())
        return made[-1]

    yield make
    for each in made:
        each.stop()
        assert each.network.clock.getDelayedCalls() == []


def test_a_message_becomes_a_lease(receiving) -> None:
    made = receiving()
    assert (made.broker.prefetch, made.broker.heard[-1]) == (7, "Basic.Consume")
    assert made.broker.arguments["mail"]["x-queue-type"] == "quorum"
    made.deliver(attempts=2, x_delivery_count=1)
    (lease,) = made.leases
    message = lease.message
    assert (message.id, message.attempt, message.content(), message.envelope) == ("m1", 4, b"octets", envelope())
    Outcome(deferred_call(lease.settle, Settlement())).result()
    made.network.flush()
    assert made.broker.acked == [1]


def test_a_message_that_cannot_be_read_goes_to_the_dead_letters(receiving) -> None:
    made = receiving()
    made.deliver(smtp_recipients="bob")
    assert made.leases == []
    ((queue, properties, body),) = made.broker.messages
    assert (queue, body, properties.delivery_mode) == ("mail.dead", b"octets", 2)
    assert properties.headers["smtp-reason"].startswith("the field recipients of the envelope is malformed")
    assert made.broker.acked == [1]


def test_a_body_without_a_directory_goes_to_the_dead_letters(receiving) -> None:
    made = receiving()
    made.deliver(b"", smtp_body_file="0" * 32 + ".eml")
    ((queue, properties, _),) = made.broker.messages
    assert queue == "mail.dead"
    assert properties.headers["smtp-reason"] == "its body is in a directory, and the consumer has none; set bodies"


def test_the_dead_letters_are_refused(receiving) -> None:
    """Then the broker keeps the message, and the source connects again."""
    made = receiving()
    made.broker.refused["Queue.Declare"] = (403, "ACCESS_REFUSED")
    made.deliver(smtp_recipients="bob")
    assert made.broker.acked == []
    made.broker = Broker()
    made.network.advance(RETRY)
    assert made.broker.tag


def test_it_connects_again(receiving) -> None:
    made = receiving()
    first = made.broker
    made.deliver()
    made.broker = Broker()
    first.send(spec.Channel.Close(541, "INTERNAL_ERROR", 0, 0))
    made.network.flush()
    assert not made.broker.tag
    made.network.advance(RETRY)
    assert made.broker.tag
    with pytest.raises(Exception, match="the connection on which it came is closed"):
        Outcome(deferred_call(made.leases[0].settle, Settlement())).result()
    made.leases[0].release()
    made.deliver()
    assert len(made.leases) == 2


def test_the_broker_ends_the_consumer(receiving) -> None:
    made = receiving()
    first, made.broker = made.broker, Broker()
    first.send(spec.Basic.Cancel(first.tag))
    made.network.flush()
    made.network.advance(RETRY)
    assert made.broker.tag


@pytest.mark.parametrize("name", ["Basic.Qos", "Basic.Consume"])
def test_the_broker_does_not_answer(name) -> None:
    made = Receiving(timeout=5)
    made.broker.ignored.add(name)
    made.start()
    made.broker = Broker()
    made.network.advance(5)
    made.network.advance(RETRY)
    assert made.broker.tag
    made.stop()


def test_the_delay_grows() -> None:
    class Refused:
        attempts = 0

        def connect(self, factory):
            self.attempts += 1
            return fail(ConnectionRefusedError(111))

    clock, endpoint = Clock(), Refused()
    source = AMQPSource(URL, endpoint=endpoint, reactor=clock)
    source.start([].append, 1)
    for seconds, attempts in ((0, 1), (1, 2), (1, 2), (1, 3), (3.9, 3), (0.1, 4)):
        clock.advance(seconds)
        assert endpoint.attempts == attempts
    Outcome(deferred_call(source.stop)).result()
    assert clock.getDelayedCalls() == []


def test_pause(receiving) -> None:
    made = receiving()
    made.deliver()
    made.source.pause()
    made.network.flush()
    assert made.broker.heard[-1] == "Basic.Cancel"
    Outcome(deferred_call(made.leases[0].settle, Settlement())).result()
    made.network.flush()
    assert made.broker.acked == [1]


def test_pause_while_it_connects() -> None:
    made = Receiving()
    made.broker.ignored.add("Queue.Declare")
    made.start()
    made.source.pause()
    made.network.flush()
    made.stop()
    assert made.network.clock.getDelayedCalls() == []


def test_a_handled_body_is_acknowledged(receiving, tmp_path) -> None:
    made = receiving(bodies=str(tmp_path))
    name = "0" * 32 + ".eml"
    (tmp_path / name).touch()
    (tmp_path / f"{name}.done").touch()
    made.deliver(b"", smtp_body_file=name)
    assert made.leases == []
    assert made.broker.acked == [1]
    assert [each.name for each in tmp_path.iterdir()] == [f"{name}.done"]


def test_its_name_has_no_password() -> None:
    source = AMQPSource("amqp://ann:hunter2@localhost/", queue="in", reactor=Clock())
    assert source.name == "amqp://localhost:5672 queue in"
    assert "hunter2" not in repr(vars(source))
