"""Ports that carry no mail leave most of the descriptors for mail (law 21)."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.logger import formatEvent, globalLogPublisher
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from txsmtpx.wire.auxiliary import AuxiliaryFactory, Refused


@pytest.fixture
def log():
    """What is logged, a line each."""
    seen = []

    def observe(event):
        seen.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    yield seen
    globalLogPublisher.removeObserver(observe)


def port(most, descriptors):
    return AuxiliaryFactory(Factory.forProtocol(Protocol), "the port", most, lambda: descriptors)


def come(factory):
    """A connection, None where it is closed at once."""
    protocol = factory.buildProtocol(None)
    transport = StringTransport()
    protocol.makeConnection(transport)
    assert transport.disconnecting is isinstance(protocol, Refused)
    return None if transport.disconnecting else protocol


def go(connection):
    connection.connectionLost(Failure(ConnectionDone()))


@pytest.mark.parametrize(
    ("most", "descriptors", "allowed"),
    [(500, 1024, 128), (500, 8000, 500), (500, 0, 500), (50, 1024, 50), (50, 200, 25), (50, 7, 1), (50, 8, 1)],
)
def test_how_many_there_may_be(log, most, descriptors, allowed):
    factory = port(most, descriptors)
    assert factory.most == allowed
    inside = [come(factory) for _ in range(allowed)]
    assert None not in inside
    assert [come(factory) for _ in range(1000)] == [None] * 1000
    assert log == [f"the port has {allowed} connections: more are refused"]
    go(inside.pop())
    assert come(factory) is not None
    assert come(factory) is None


def test_a_refused_connection_over_tls_is_closed(certificate):
    """At once, without an exception, and without a handshake."""
    wrapped = TLSMemoryBIOFactory(certificate.creator, False, port(1, 0))
    first, second = StringTransport(), StringTransport()
    wrapped.buildProtocol(None).makeConnection(first)
    assert not first.disconnecting
    wrapped.buildProtocol(None).makeConnection(second)
    assert second.disconnecting


def test_the_log_tells_when_it_is_over(log):
    factory = port(10, 0)
    inside = [come(factory) for _ in range(10)]
    assert come(factory) is None
    for _ in range(4):
        go(inside.pop())
    assert log == ["the port has 10 connections: more are refused"]
    go(inside.pop())
    assert log[1:] == ["the port accepts connections again"]
    assert [come(factory) is None for _ in range(6)] == [False] * 5 + [True]
    assert log[2:] == ["the port has 10 connections: more are refused"]
