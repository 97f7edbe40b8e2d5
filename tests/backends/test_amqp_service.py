"""The connection to a broker at the start and at the end of a server."""

from __future__ import annotations

import pytest

pytest.importorskip("pika", reason="pika is not installed (extra amqp)")

from pika import BasicProperties
from twisted.internet.defer import fail
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from tests.backends.broker import Broker
from tests.backends.test_amqp_connection import NAME, connection
from txsmtpx.backends.amqp_publisher import AMQPPublisher
from txsmtpx.backends.amqp_service import AMQPService
from txsmtpx.settling import deferred_call
from txsmtpx.testing import Network, Outcome


def test_it_connects_before_the_first_message_and_closes_after_the_last_confirmation() -> None:
    network, broker = Network(lambda: broker), Broker()
    made = connection(network, network.clock)
    publisher = AMQPPublisher(made, 5.0, network.clock)
    service = AMQPService(made, publisher)
    with capturedLogs() as logs:
        service.startService()
        network.flush()
    assert broker.heard[-1] == "Confirm.Select"
    assert [formatEvent(each) for each in logs] == [f"{NAME} is used"]
    broker.hold = True
    published = Outcome(deferred_call(publisher.publish, "", "mail", 1, lambda: b"x", BasicProperties()))
    network.flush()
    stopped = Outcome(service.stopService())
    network.flush()
    assert broker.heard[-1] == "Basic.Publish"
    broker.ack(1)
    network.flush()
    published.result()
    stopped.result()
    assert broker.heard[-1] == "Connection.Close"
    assert network.clock.getDelayedCalls() == []


def test_a_broker_that_does_not_run() -> None:
    class Refused:
        def connect(self, factory):
            return fail(ConnectionRefusedError(111))

    clock = Clock()
    made = connection(Refused(), clock)
    service = AMQPService(made, AMQPPublisher(made, 5.0, clock))
    with capturedLogs() as logs:
        service.startService()
    assert "Connection was refused" in formatEvent(logs[0])
    Outcome(service.stopService()).result()
    assert clock.getDelayedCalls() == []
