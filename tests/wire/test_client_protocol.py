"""The client's protocol, as Twisted sees it, and what of it a user of the client sees."""

from __future__ import annotations

import inspect
import time

import pytest
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.basic import LineReceiver
from zope.interface.verify import verifyObject

from txsmtpx import ProtocolError, SMTPClient, Timeouts
from txsmtpx.testing import Outcome
from txsmtpx.wire.client_protocol import MAX_LINE, ClientProtocol
from txsmtpx.wire.client_settings import ClientSettings


def connected(clock: Clock | None = None, **settings: object) -> ClientProtocol:
    protocol = ClientProtocol(ClientSettings(**settings), reactor=clock or Clock())
    protocol.makeConnection(StringTransport())
    return protocol


FEEDS = {
    "dataReceived": lambda protocol, lines: protocol.dataReceived(b"".join(line + b"\r\n" for line in lines)),
    "rawDataReceived": lambda protocol, lines: protocol.rawDataReceived(b"".join(line + b"\r\n" for line in lines)),
    "lineReceived": lambda protocol, lines: [protocol.lineReceived(line) for line in lines],
}


@pytest.mark.parametrize("feed", FEEDS)
def test_each_entry_point_works(feed):
    protocol = connected()
    client = SMTPClient(protocol)
    greeting, hello = Outcome(client.greeting), Outcome(client.hello("client.example"))
    FEEDS[feed](protocol, [b"220 mx"])
    assert greeting.result().code == 220
    FEEDS[feed](protocol, [b"250-mx", b"250 SIZE 1000"])
    assert hello.result().lines == ("mx", "SIZE 1000")
    assert client.max_message_size == 1000
    assert protocol.transport.value() == b"EHLO client.example\r\n"


@pytest.mark.parametrize("feed", FEEDS)
def test_each_entry_point_sets_the_time_out_of_the_next_phase(feed):
    clock = Clock()
    protocol = connected(clock, timeouts=Timeouts(greeting=5, command=7))
    SMTPClient(protocol).hello("client.example").addErrback(lambda failure: None)
    protocol.greeting.addErrback(lambda failure: None)
    clock.advance(4)
    FEEDS[feed](protocol, [b"220 mx"])
    clock.advance(6.9)
    assert protocol.usable
    clock.advance(0.2)
    assert not protocol.usable


def test_raw_mode_makes_no_difference():
    protocol = connected()
    protocol.setRawMode()
    protocol.dataReceived(b"220 m")
    protocol.setLineMode(b"x\r\n")
    assert Outcome(protocol.greeting).result().lines == ("mx",)


def test_no_method_of_twisted_has_another_meaning():
    """What `LineReceiver` has, it has here too; what is overridden is called by Twisted for the same reason."""
    own = {
        name
        for name, value in vars(ClientProtocol).items()
        if callable(value) and hasattr(LineReceiver, name) and not name.startswith("__")
    }
    called_by_twisted = {"connectionMade", "connectionLost", "dataReceived", "lineReceived", "rawDataReceived"}
    assert own == called_by_twisted | {"lineLengthExceeded"}
    protocol = connected()
    protocol.pauseProducing()
    assert protocol.transport.producerState == "paused"  # reading, as for any protocol
    assert not protocol.congested
    protocol.resumeProducing()
    assert protocol.transport.producerState == "producing"


def test_the_producer_is_an_object_of_its_own():
    protocol = connected()
    producer = protocol.transport.producer
    assert verifyObject(IPushProducer, producer)
    assert protocol.writable() is None
    producer.pauseProducing()
    assert protocol.congested
    waiting = Outcome(protocol.writable())
    producer.resumeProducing()
    assert waiting.result() is None
    assert not protocol.congested
    producer.pauseProducing()
    protocol.writable().addErrback(lambda failure: None).cancel()
    producer.resumeProducing()  # nothing waits


def test_a_line_that_is_too_long():
    for feed in (lambda protocol: protocol.dataReceived(b"2" * (MAX_LINE + 1)),
                 lambda protocol: protocol.lineReceived(b"2" * (MAX_LINE + 1))):  # fmt: skip
        protocol = connected()
        greeting = Outcome(protocol.greeting)
        feed(protocol)
        assert isinstance(greeting.error, ProtocolError)
        assert "a reply line without end" in str(greeting.error)


def test_a_segment_of_many_lines_takes_linear_time():
    """`LineReceiver.dataReceived` takes about a minute for this one."""
    protocol = connected()
    protocol.lineReceived = lambda line: None
    began = time.process_time()
    protocol.dataReceived(b"\r\n" * 1_000_000)
    assert time.process_time() - began < 20


PUBLIC = {
    "abort", "authenticate", "authenticated", "bdat", "can_authenticate", "close", "command", "data", "expand",
    "extensions", "greeting", "hello", "help", "lmtp", "mail", "max_message_size", "noop", "offer", "protocol", "quit",
    "rcpt", "reset", "send", "server_name", "spent", "start_tls", "supports_auth", "tls", "transmit", "usable",
    "verify", "xclient", "xforward",
}  # fmt: skip


def test_a_user_sees_only_what_is_for_users():
    client = SMTPClient(connected())
    assert {name for name in dir(client) if not name.startswith("_")} == PUBLIC
    assert not isinstance(client, LineReceiver)
    assert all(inspect.getdoc(getattr(SMTPClient, name)) for name in PUBLIC - {"authenticated", "protocol"})
