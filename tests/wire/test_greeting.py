"""The greeting that may be waited for: who speaks before it is no mail client (RFC 5321 §3.1, §4.3.1)."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory

from tests.wire.replies import codes
from tests.wire.test_haproxy import Proxied, v1, v2
from txsmtpx import SMTPServerFactory
from txsmtpx.testing import Conversation, Link, RecordingBackend

GREETING = ["220 localhost ESMTP txsmtpx"]
EARLY = ["554 5.5.1 Wait for the greeting before the first command"]


def test_it_comes_late():
    client = Conversation(greeting_delay=5)
    client.clock.advance(4.9)
    assert client.replies() == []
    client.clock.advance(0.1)
    assert client.replies() == GREETING
    assert codes(client.ask("EHLO client.example", "MAIL FROM:<a@client.example>")) == ["250", "250"]
    client.hang_up()


@pytest.mark.parametrize("octets", [b"E", b"EHLO client.example\r\n", b"QUIT\r\n", b"\r\n"])
def test_who_speaks_before_it(octets):
    client = Conversation(greeting_delay=5)
    client.clock.advance(4)
    client.send(octets)
    assert client.replies() == EARLY
    assert client.closed
    client.hang_up()
    assert client.backend.calls == []


def test_it_is_off():
    client = Conversation()
    client.replies()
    assert codes(client.ask("EHLO client.example", "MAIL FROM:<a@client.example>")) == ["250", "250"]
    client.hang_up()


def test_a_full_house_says_so_at_once():
    clock = Clock()
    factory = SMTPServerFactory(RecordingBackend(), reactor=clock, greeting_delay=5, max_connections=1)
    first, second = (Link(factory.buildProtocol(None), clock) for _ in range(2))
    assert first.replies() == []
    assert second.replies() == ["421 4.7.0 Too many connections, try again later"]
    first.hang_up()


def test_a_server_that_stops_meanwhile():
    client = Link.to(RecordingBackend(), clock=(clock := Clock()), greeting_delay=5)
    client.server.factory.drain(10)
    assert codes(client.replies()) == ["421"]
    assert client.over
    clock.advance(10)
    assert clock.getDelayedCalls() == []


@pytest.mark.parametrize("header", [v1, v2])
def test_the_header_of_a_proxy_is_no_talk(header):
    proxied = Proxied(RecordingBackend(), greeting_delay=5)
    patient, early = proxied.connect(), proxied.connect()
    patient.send(header("198.51.100.7"))
    early.send(header("198.51.100.8") + b"EHLO client.example\r\n")
    assert (patient.replies(), early.replies()) == ([], EARLY)
    assert early.over
    proxied.clock.advance(5)
    assert patient.replies() == GREETING
    assert codes(patient.ask("EHLO client.example")) == ["250"]
    patient.hang_up()


def test_inside_tls(certificate, pem):
    clock = Clock()
    factory = SMTPServerFactory(RecordingBackend(), reactor=clock, greeting_delay=5)
    wrapped = TLSMemoryBIOFactory(certificate.creator, False, factory, clock)
    patient, early = (Link(wrapped.buildProtocol(None), clock, tls=pem.client_options()) for _ in range(2))
    early.send(b"EHLO client.example\r\n")
    assert (patient.replies(), early.replies()) == ([], EARLY)
    clock.advance(5)
    assert patient.replies() == GREETING
    patient.hang_up()
    early.hang_up()
