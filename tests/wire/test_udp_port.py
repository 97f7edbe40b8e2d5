"""A UDP socket whose end is not logged: it works as that of Twisted does."""

from __future__ import annotations

import pytest
from twisted.internet import reactor, udp
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import globalLogPublisher

from tests.wire.digests import digest
from txsmtpx.wire.udp_port import udp_port

pytestmark = pytest.mark.system


class Datagrams(DatagramProtocol):
    noisy = False

    def __init__(self):
        self.stopped = False
        self.received = Deferred()

    def stopProtocol(self):
        self.stopped = True

    def datagramReceived(self, datagram, addr):
        self.received.callback(datagram)


@pytest.mark.parametrize("open_port", [udp_port, lambda reactor, protocol, host: reactor.listenUDP(0, protocol, host)])
async def test_the_end_of_a_udp_port_is_not_logged(open_port):
    """That of Twisted is: otherwise `udp_port` would not be needed."""
    events = []
    globalLogPublisher.addObserver(events.append)
    protocol = Datagrams()
    port = open_port(reactor, protocol, "127.0.0.1")
    port.write(b"hello", ("127.0.0.1", port.getHost().port))
    assert await protocol.received == b"hello"
    await port.stopListening()
    globalLogPublisher.removeObserver(events.append)
    assert protocol.stopped
    lines = [str(event.get("log_text", event.get("message", ""))) for event in events]
    assert any("Closed" in line for line in lines) is (open_port is not udp_port)


def test_a_udp_port_that_is_replaced_has_been_read():
    assert digest(udp.Port.connectionLost) == "464723ee2385e4da"
