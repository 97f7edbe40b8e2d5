"""Back-pressure of a client's transport: the transport pauses it, and who writes waits."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IPushProducer
from twisted.internet.testing import StringTransport
from zope.interface.verify import verifyObject

from txsmtpx.testing import Outcome
from txsmtpx.wire.client_back_pressure import ClientBackPressure


@pytest.fixture
def pressure():
    pressure = ClientBackPressure()
    pressure.register(StringTransport())
    return pressure


def test_it_is_the_producer_of_the_transport():
    transport, pressure = StringTransport(), ClientBackPressure()
    pressure.register(transport)
    assert verifyObject(IPushProducer, pressure)
    assert transport.producer is pressure
    assert transport.streaming


def test_nothing_is_waited_for_while_the_peer_reads(pressure):
    assert not pressure.congested
    assert pressure.writable() is None


def test_it_is_waited_for_until_the_peer_reads_again(pressure):
    pressure.pauseProducing()
    assert pressure.congested
    waiting = Outcome(pressure.writable())
    assert not waiting.fired
    pressure.resumeProducing()
    assert waiting.result() is None
    assert not pressure.congested
    assert pressure.writable() is None
    pressure.pauseProducing()
    assert not Outcome(pressure.writable()).fired


def test_a_lost_connection_is_an_error_of_its_own(pressure):
    """Guarantee 21: no exception object is shared."""
    reason = ConnectionLost("gone")
    pressure.pauseProducing()
    waiting = Outcome(pressure.writable())
    pressure.stopProducing()
    assert not waiting.fired
    pressure.lost(reason)
    assert isinstance(waiting.error, ConnectionLost)
    assert waiting.error is not reason
    assert pressure.writable() is None
    pressure.resumeProducing()
    assert len(waiting.results) == 1


def test_a_lost_connection_for_which_nothing_waits(pressure):
    pressure.pauseProducing()
    pressure.lost(ConnectionLost())
    assert not pressure.congested


def test_one_who_no_longer_waits_is_not_woken(pressure):
    pressure.pauseProducing()
    waiting = pressure.writable()
    outcome = Outcome(waiting)
    waiting.cancel()
    assert isinstance(outcome.error, CancelledError)
    pressure.resumeProducing()
    assert len(outcome.results) == 1
