"""Client and server joined in memory: TLS is real, and time is a clock."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from txsmtpx import Certificate, MemoryBackend, SMTPError, TLSFailed, connect
from txsmtpx.testing import HANG_UP, Network, Outcome, RecordingBackend, ScriptedServer

MAIL = ("me@example.org", ["you@example.net"], b"Hi\r\n")


def test_both_ends_are_ours():
    backend = MemoryBackend()
    network = Network.to(backend)
    client = network.greeted()
    assert network.result(client.send(*MAIL)).accepted[0][0] == "you@example.net"
    network.result(client.quit())
    assert [each.content for each in backend.messages] == [b"Hi\r\n"]
    network.hang_up()


def test_tls(pem):
    backend = MemoryBackend()
    network = Network.to(backend, tls=Certificate(str(pem.both)), require_tls=True)
    client = network.greeted()
    with pytest.raises(SMTPError, match="Issue STARTTLS first"):
        network.result(client.send(*MAIL))
    network.result(client.start_tls(pem.client_options()))
    network.result(client.send(*MAIL))
    assert [each.protocol for each in backend.messages] == ["ESMTPS"]
    network.hang_up()


@pytest.mark.parametrize("hostname", ["localhost", "example.org"])
def test_as_an_endpoint(pem, hostname):
    """What takes an endpoint takes it: certificate and name are verified."""
    network = Network.to(MemoryBackend(), tls=Certificate(str(pem.both)))
    how = {"tls": "required", "hostname": hostname, "trust_roots": str(pem.certificate), "reactor": network.clock}
    outcome = Outcome(connect(network, **how))
    network.flush()
    if hostname == "localhost":
        network.result(outcome.result().send(*MAIL))
    else:
        assert isinstance(outcome.error, TLSFailed)
    network.hang_up()


def test_a_slow_delivery_takes_the_time_of_the_clock():
    async def data(message, context):
        await message.content()
        context.start_delivery("you@example.net", Deferred(), timeout=5)

    network = Network.to(RecordingBackend(data=data), lmtp=True)
    sending = Outcome(network.greeted(lmtp=True).send(*MAIL))
    network.flush()
    assert not sending.fired
    with pytest.raises(AssertionError, match="it waits"):
        sending.result()
    network.advance(5)
    assert "timeout reached" in str(sending.error)
    network.hang_up()


def test_timers_that_are_left():
    network = Network.to(MemoryBackend())
    network.clock.callLater(1, print)
    with pytest.raises(AssertionError, match="timers are left"):
        network.hang_up()


def test_several_servers():
    network = Network(ScriptedServer(GREETING=HANG_UP), ScriptedServer())
    with pytest.raises(Exception, match=r"lost|closed"):
        network.result(network.client().greeting)
    assert network.result(network.client().greeting).code == 220
    network.hang_up()
