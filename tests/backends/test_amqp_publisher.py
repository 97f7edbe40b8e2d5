"""The publisher: it waits for the broker, and each wait has an end."""

from __future__ import annotations

import pytest

pytest.importorskip("pika", reason="pika is not installed (extra amqp)")

from pika import BasicProperties

from tests.backends.broker import Broker
from tests.backends.test_amqp_connection import connection
from txsmtpx.backends import amqp_publisher
from txsmtpx.backends.amqp_channel import BrokerError
from txsmtpx.backends.amqp_publisher import AMQPPublisher
from txsmtpx.settling import deferred_call
from txsmtpx.testing import Network, Outcome

NAME = "amqp://broker.example.org:5672"


class Publishing:
    """A publisher, and its broker."""

    def __init__(self) -> None:
        self.network = Network(lambda: self.broker)
        self.broker = Broker()
        self.connection = connection(self.network, self.network.clock)
        self.publisher = AMQPPublisher(self.connection, 5.0, self.network.clock)

    def deferred(self, octets: bytes = b"octets"):
        properties = BasicProperties()
        found = deferred_call(self.publisher.publish, "", "mail", len(octets), lambda: octets, properties)
        self.network.flush()
        return found

    def publish(self, octets: bytes = b"octets") -> Outcome:
        return Outcome(self.deferred(octets))

    def error(self, outcome: Outcome) -> BrokerError:
        with pytest.raises(BrokerError) as caught:
            outcome.result()
        return caught.value


@pytest.fixture
def publishing():
    made = Publishing()
    yield made
    made.connection.abort()
    made.network.flush()
    assert made.network.clock.getDelayedCalls() == []


def test_a_message(publishing) -> None:
    publishing.publish().result()
    assert [body for _, _, body in publishing.broker.messages] == [b"octets"]


def test_no_confirmation(publishing) -> None:
    publishing.broker.hold = True
    first, second = publishing.publish(), publishing.publish()
    publishing.network.advance(5)
    error = publishing.error(first)
    assert str(error) == f"{NAME} has not confirmed the message within 5 seconds"
    assert error.unknown
    assert publishing.error(second).unknown
    publishing.broker = Broker()
    publishing.publish().result()


def test_a_blocked_broker(publishing) -> None:
    publishing.publish().result()
    publishing.broker.block("low on memory")
    publishing.network.flush()
    waiting = publishing.publish()
    publishing.network.advance(4)
    late = publishing.publish()
    publishing.network.advance(1)
    error = publishing.error(waiting)
    assert (str(error), error.unknown) == (f"{NAME} takes no messages: low on memory", False)
    publishing.broker.unblock()
    publishing.network.flush()
    late.result()
    assert len(publishing.broker.messages) == 2


def test_the_octets_that_are_held_have_a_limit(publishing, monkeypatch) -> None:
    monkeypatch.setattr(amqp_publisher, "IN_FLIGHT", 10)
    publishing.publisher = AMQPPublisher(publishing.connection, 5.0, publishing.network.clock)
    publishing.broker.hold = True
    first, second, third = publishing.publish(b"x" * 6), publishing.publish(b"x" * 6), publishing.publish(b"x" * 100)
    assert len(publishing.broker.messages) == 1
    publishing.broker.ack(1)
    publishing.network.flush()
    first.result()
    assert len(publishing.broker.messages) == 2
    publishing.broker.ack(2)
    publishing.network.flush()
    second.result()
    publishing.broker.ack(3)
    publishing.network.flush()
    third.result()


def test_a_message_waits_too_long_for_those_before_it(publishing, monkeypatch) -> None:
    monkeypatch.setattr(amqp_publisher, "IN_FLIGHT", 10)
    publishing.publisher = AMQPPublisher(publishing.connection, 5.0, publishing.network.clock)
    publishing.broker.hold = True
    publishing.publish(b"x" * 10)
    publishing.network.advance(1)
    second = publishing.publish()
    publishing.network.advance(3.9)
    publishing.broker.ack(1)
    publishing.network.flush()
    publishing.broker.ack(2)
    publishing.network.flush()
    second.result()
    third, fourth = publishing.publish(b"x" * 10), publishing.publish()
    publishing.network.advance(5)
    assert publishing.error(third).unknown
    assert not publishing.error(fourth).unknown


def test_a_cancelled_message_holds_its_octets_until_it_is_confirmed(publishing) -> None:
    publishing.broker.hold = True
    deferred = publishing.deferred()
    deferred.addErrback(lambda failure: None)
    free = publishing.publisher._budget.free
    deferred.cancel()
    assert publishing.publisher._budget.free == free < amqp_publisher.IN_FLIGHT
    publishing.broker.ack(1)
    publishing.network.flush()
    assert publishing.publisher._budget.free == amqp_publisher.IN_FLIGHT


@pytest.mark.parametrize("refused", [True, False])
def test_the_octets_of_a_failed_message_are_free(publishing, refused) -> None:
    publishing.broker.hold = True
    outcome = publishing.publish()
    if refused:
        publishing.broker.nack(1)
        publishing.network.flush()
    else:
        publishing.connection.abort()
        publishing.network.flush()
    publishing.error(outcome)
    assert publishing.publisher._budget.free == amqp_publisher.IN_FLIGHT
