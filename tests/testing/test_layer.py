"""TLS over transports: who starts it, with which clock, and what passes through it."""

from __future__ import annotations

import pytest
from twisted.internet.defer import succeed
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.test.iosim import connect

from txsmtpx.testing import Outcome
from txsmtpx.testing.layer import OwnClock, OwnClockEndpoint
from txsmtpx.testing.link import Transport, Typist


class Pair:
    """Two ends in memory."""

    def __init__(self):
        self.clock = Clock()
        self.server, self.client = Typist(), Typist()
        self.below_server = Transport(self.server, True, self.clock)
        self.below_client = Transport(self.client, False, self.clock)
        self.pump = connect(self.server, self.below_server, self.client, self.below_client, clock=self.clock)

    def start_tls(self, pem, **swapped):
        private = PrivateCertificate.loadPEM(pem.both.read_bytes()).options()
        ends = [(self.below_server, private), (self.below_client, pem.client_options())]
        for end, options in ends if not swapped else [(ends[1][0], private), (ends[0][0], pem.client_options())]:
            end.startTLS(options, **swapped)
        self.pump.flush()


@pytest.fixture
def pair():
    return Pair()


def test_what_is_written_passes_through_tls(pair, pem):
    seen = []
    pair.start_tls(pem)
    original = pair.below_server.protocol.dataReceived
    pair.below_server.protocol.dataReceived = lambda data: (seen.append(data), original(data))
    pair.client.transport.write(b"secret")
    pair.client.transport.writeSequence([b" and", b" more"])
    pair.clock.advance(1)
    pair.pump.flush()
    assert pair.server.received == b"secret and more"
    assert b"secret" not in b"".join(seen)


def test_without_tls_it_is_as_it_was(pair):
    pair.client.transport.writeSequence([b"a", b"b"])
    pair.pump.flush()
    assert pair.server.received == b"ab"
    assert not ISSLTransport.providedBy(pair.below_client)
    pair.client.transport.loseConnection()
    pair.pump.flush()
    assert pair.server.lost


def test_the_transport_says_that_it_is_tls(pair, pem):
    pair.start_tls(pem)
    assert ISSLTransport.providedBy(pair.server.transport)
    assert pair.client.transport.getHandle().get_peer_certificate() is not None


def test_the_roles_may_be_swapped(pair, pem):
    pair.start_tls(pem, beNormal=False)
    pair.server.transport.write(b"x")
    pair.clock.advance(1)
    pair.pump.flush()
    assert pair.client.received == b"x"


def test_closing_says_goodbye_in_tls(pair, pem):
    pair.start_tls(pem)
    pair.client.transport.loseConnection()
    pair.pump.flush()
    assert (pair.client.lost, pair.server.lost) == (True, True)


def test_a_producer_stays_registered(pair, pem):
    """It is registered with TLS from then on, which is told to pause it."""
    producer = Producer()
    pair.client.transport.registerProducer(producer, True)
    pair.start_tls(pem)
    assert pair.below_client.producer is not producer
    pair.below_client.producer.pauseProducing()
    assert producer.paused == 1
    pair.client.transport.unregisterProducer()
    assert pair.below_client.producer is None


class Producer:
    paused = 0

    def resumeProducing(self):
        """Nothing to send."""

    def pauseProducing(self):
        self.paused += 1

    stopProducing = resumeProducing


class Endpoint:
    """Connects to nothing, and keeps the protocol below."""

    def connect(self, factory):
        self.below = factory.buildProtocol(None)
        self.below.makeConnection(StringTransport())
        return succeed(self.below)


def test_an_endpoint_gives_the_protocol_itself():
    clock, endpoint = Clock(), Endpoint()
    protocol = Outcome(OwnClockEndpoint(endpoint, clock).connect(Factory.forProtocol(Typist))).result()
    assert isinstance(protocol, Typist)
    assert protocol.transport is endpoint.below
    assert (endpoint.below.clock, endpoint.below.is_server) == (clock, False)


@pytest.mark.parametrize("is_server", [True, False])
def test_small_writes_are_delayed_by_the_clock_of_the_factory(pem, is_server):
    """And not by that of the global reactor, which may not run."""
    clock = Clock()
    below = OwnClock(Factory.forProtocol(Protocol), clock, is_server).buildProtocol(None)
    below.makeConnection(StringTransport())
    private = PrivateCertificate.loadPEM(pem.both.read_bytes()).options()
    below.startTLS(private if is_server else pem.client_options())
    assert clock.getDelayedCalls() == []
    below.write(b"x")
    assert len(clock.getDelayedCalls()) == 1
