"""What pika keeps private is still there."""

from __future__ import annotations

import pytest

pytest.importorskip("pika", reason="pika is not installed (extra amqp)")

from pika import spec
from pika.exceptions import AMQPConnectionError
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from tests.backends.broker import Broker
from txsmtpx.backends.amqp_url import AMQPURL
from txsmtpx.backends.pika_internals import protocol_of
from txsmtpx.testing import Outcome


def test_the_reason_of_the_broker() -> None:
    """pika itself reports that the connection was closed."""
    protocol = protocol_of(AMQPURL.parsed("amqp://localhost/"), Clock())
    ready = Outcome(protocol.ready)
    broker, transport = Broker(), StringTransport()
    protocol.makeConnection(transport)
    broker.makeConnection(StringTransport())
    broker.dataReceived(transport.value())
    broker.send(spec.Connection.Close(403, "ACCESS_REFUSED", 0, 0), channel=0)
    protocol.dataReceived(broker.transport.value())
    protocol.connectionLost(Failure(ConnectionDone()))
    assert "ACCESS_REFUSED" in str(protocol.reason)
    with pytest.raises(AMQPConnectionError):
        ready.result()
