"""A channel in confirm mode: each message has its own outcome, whatever the broker confirms together."""

from __future__ import annotations

import pytest

pytest.importorskip("pika", reason="pika is not installed (extra amqp)")

from pika import BasicProperties, spec
from twisted.internet.error import ConnectionDone

from tests.backends.broker import Broker
from tests.backends.test_amqp_connection import connection, opened
from txsmtpx.backends.amqp_channel import BrokerError, reason_of
from txsmtpx.testing import Network, Outcome


@pytest.fixture
def broker() -> Broker:
    broker = Broker()
    broker.hold = True
    return broker


@pytest.fixture
def network(broker) -> Network:
    return Network(broker)


@pytest.fixture
def channel(network):
    made = connection(network, network.clock)
    yield opened(network, made)
    made.abort()
    network.flush()
    assert network.clock.getDelayedCalls() == []


def publish(network, channel, number: int) -> list[Outcome]:
    outcomes = [Outcome(channel.publish("", "mail", b"octets", BasicProperties())) for _ in range(number)]
    network.flush()
    return outcomes


def failures(outcomes) -> list[str]:
    """The error of each message; "" for one that is stored."""
    found = []
    for outcome in outcomes:
        try:
            outcome.result()
        except BrokerError as error:
            found.append(f"{error}{' (unknown)' if error.unknown else ''}")
        else:
            found.append("")
    return found


RETURNED = "the broker has returned the message: 312 NO_ROUTE"


def test_a_message_is_stored_when_it_is_confirmed(network, broker, channel) -> None:
    (outcome,) = publish(network, channel, 1)
    assert [(key, body) for key, _, body in broker.messages] == [("mail", b"octets")]
    with pytest.raises(AssertionError):
        outcome.result()
    broker.ack(1)
    network.flush()
    assert outcome.result() is None


def test_messages_are_confirmed_together(network, broker, channel) -> None:
    outcomes = publish(network, channel, 3)
    broker.ack(3, multiple=True)
    network.flush()
    assert failures(outcomes) == ["", "", ""]


@pytest.mark.parametrize("returned", [[1], [2], [3], [1, 3], [2, 3], [1, 2, 3], []])
@pytest.mark.parametrize("multiple", [True, False])
def test_returned_messages_are_known_by_their_number(network, broker, channel, returned, multiple) -> None:
    """pika's adapter gives the last of them to the first message that is confirmed."""
    outcomes = publish(network, channel, 3)
    for number in returned:
        broker.give_back(number)
    for number in [3] if multiple else [1, 2, 3]:
        broker.ack(number, multiple=multiple)
    network.flush()
    assert failures(outcomes) == [RETURNED if number in returned else "" for number in (1, 2, 3)]


def test_a_rejected_message(network, broker, channel) -> None:
    outcomes = publish(network, channel, 2)
    broker.nack(1)
    broker.ack(2)
    network.flush()
    assert failures(outcomes) == ["the broker has rejected the message (basic.nack)", ""]


def test_a_lost_channel_leaves_the_outcome_open(network, broker, channel) -> None:
    outcomes = publish(network, channel, 2)
    closed = Outcome(channel.closed())
    broker.send(spec.Channel.Close(541, "INTERNAL_ERROR", 0, 0))
    network.flush()
    assert failures(outcomes) == ["541 INTERNAL_ERROR (unknown)"] * 2
    assert closed.result() == Outcome(channel.closed()).result() == "541 INTERNAL_ERROR"
    assert failures(publish(network, channel, 1)) == ["541 INTERNAL_ERROR (unknown)"]
    with pytest.raises(BrokerError, match="541 INTERNAL_ERROR"):
        Outcome(channel.writable()).result()


def test_a_blocked_connection(network, broker, channel) -> None:
    assert Outcome(channel.writable()).result() is None
    broker.block("low on memory")
    network.flush()
    assert channel.blocked == "low on memory"
    waiting = [channel.writable() for _ in range(3)]
    waiting[1].addErrback(lambda failure: None)
    waiting[1].cancel()
    broker.unblock()
    network.flush()
    assert [each.called for each in waiting] == [True, True, True]
    assert channel.blocked == ""


def test_a_blocked_connection_is_lost(network, broker, channel) -> None:
    broker.block("low on disk")
    network.flush()
    waiting = Outcome(channel.writable())
    broker.send(spec.Channel.Close(320, "CONNECTION_FORCED", 0, 0))
    network.flush()
    with pytest.raises(BrokerError, match="320 CONNECTION_FORCED"):
        waiting.result()


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConnectionDone(), "Connection was closed cleanly."),
        (ValueError(" a\n b "), "a b"),
        (ValueError(), "ValueError"),
    ],
)
def test_reasons(error, text) -> None:
    assert reason_of(error) == text
