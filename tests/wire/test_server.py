"""The server's protocol as a `LineReceiver`: its entry points work when called, and Twisted's methods are Twisted's."""

from __future__ import annotations

import tracemalloc

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from txsmtpx import MemoryBackend, Observer, SMTPServerFactory
from txsmtpx.testing import Conversation, Link, RecordingBackend
from txsmtpx.wire.server import SMTPServer

OK = "250 2.0.0 Ok"
ENVELOPE = ("EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>")


@pytest.fixture
def client():
    conversation = Conversation()
    conversation.replies()
    yield conversation
    conversation.hang_up()


def test_a_line_is_answered(client):
    client.protocol.lineReceived(b"NOOP")
    assert client.replies() == [OK]


def test_a_line_behind_a_part_of_one_ends_it(client):
    client.send(b"NO")
    client.protocol.lineReceived(b"OP")
    assert client.replies() == [OK]


def test_octets_of_a_message_and_the_lines_behind_it(client):
    client.ask(*ENVELOPE, "DATA")
    client.protocol.rawDataReceived(b"hello\r\n.\r\nNOOP\r\n")
    accepted, ok = client.replies()
    assert accepted.startswith("250 2.0.0 Ok: queued as")
    assert ok == OK
    (content,) = [message.content for message in client.backend.messages]
    assert content == b"hello\r\n"


def test_lines_of_a_message_one_by_one(client):
    client.ask(*ENVELOPE, "DATA")
    for line in (b"hello", b"", b"you", b"."):
        client.protocol.lineReceived(line)
    assert client.replies()[0].startswith("250 2.0.0 Ok: queued as")
    assert [message.content for message in client.backend.messages] == [b"hello\r\n\r\nyou\r\n"]


def test_lines_wait_for_the_backend_in_order():
    waiting = Deferred()
    client = Conversation(RecordingBackend(mail=[waiting]))
    client.ask("EHLO client.example")
    client.protocol.lineReceived(b"MAIL FROM:<a@client.example>")
    client.protocol.lineReceived(b"NOOP")
    assert client.replies() == []
    waiting.callback(None)
    assert client.replies() == ["250 2.1.0 Sender ok", OK]
    client.hang_up()


def test_a_bare_newline_is_one():
    client = Conversation(bare_newlines="reject")
    client.replies()
    client.protocol.lineReceived(b"NOOP", bare=True)
    assert client.replies() == ["500 5.5.2 A command ends in <CR><LF>"]
    client.hang_up()


def test_a_subclass_sees_each_line_and_all_octets(client):
    seen = []

    class Watched(SMTPServer):
        def lineReceived(self, line, bare=False):
            seen.append(line)
            super().lineReceived(line, bare)

        def rawDataReceived(self, data):
            seen.append(data)
            super().rawDataReceived(data)

    client.protocol.__class__ = Watched
    client.send("".join(f"{line}\r\n" for line in (*ENVELOPE, "DATA", "hi", ".", "NOOP")).encode())
    assert seen[-3:] == [b"DATA", b"hi\r\n.\r\nNOOP\r\n", b"NOOP"]
    assert client.replies()[-1] == OK


def test_pause_and_resume_do_what_those_of_twisted_do(client):
    client.protocol.pauseProducing()
    assert client.protocol.paused
    assert client.transport.producerState == "paused"
    client.send(b"NOOP\r\n")
    assert client.replies() == []
    client.protocol.resumeProducing()
    assert not client.protocol.paused
    assert client.transport.producerState == "producing"
    assert client.replies() == [OK]


def test_a_pause_before_the_greeting_is_no_early_talker():
    client = Conversation(greeting_delay=5)
    client.protocol.pauseProducing()
    client.protocol.resumeProducing()
    assert client.replies() == []
    client.clock.advance(5)
    assert client.ask("NOOP")[1:] == [OK]
    client.hang_up()


def test_a_pause_within_a_handshake_does_not_complete_it(certificate, pem):
    client = Link.to(RecordingBackend(), tls=certificate)
    client.ask("EHLO client.example", "STARTTLS")
    client.server.pauseProducing()
    client.server.resumeProducing()
    assert client.server.dialog.connection.tls is None
    client.start_tls(pem.client_options())
    assert client.ask("NOOP") == [OK]
    assert client.server.dialog.connection.tls is not None
    client.hang_up()


def test_a_paused_protocol_reads_no_more_when_the_backend_has_answered():
    waiting = Deferred()
    client = Conversation(RecordingBackend(mail=[waiting]))
    client.ask("EHLO client.example", "MAIL FROM:<a@client.example>")
    client.send(b"NOOP\r\n" * 12_000)  # past the bound on held input
    client.protocol.pauseProducing()
    waiting.callback(None)
    assert client.transport.producerState == "paused"
    assert client.replies() == ["250 2.1.0 Sender ok"]
    client.protocol.resumeProducing()
    client.clock.pump([0] * 200)
    assert client.transport.producerState == "producing"
    assert client.replies() == [OK] * 12_000
    client.hang_up()


def test_a_paused_protocol_answers_a_client_that_sends_no_more_when_it_is_resumed(client):
    client.protocol.pauseProducing()
    client.send(b"NOOP\r\n")
    assert client.end_sending() == []
    assert not client.closed
    client.protocol.resumeProducing()
    assert client.replies() == [OK]
    assert client.closed


def test_a_resumed_protocol_holds_no_more_than_before():
    client = Conversation(RecordingBackend(mail=[Deferred()]))
    client.ask("EHLO client.example", "MAIL FROM:<a@client.example>")
    client.send(b"NOOP\r\n" * 12_000)
    client.protocol.pauseProducing()
    client.protocol.resumeProducing()
    assert client.transport.producerState == "paused"
    client.hang_up()


def test_a_client_is_not_idle_while_the_protocol_is_paused():
    client = Conversation(read_timeout=10)
    client.ask("EHLO client.example")
    client.protocol.pauseProducing()
    client.clock.advance(10)
    client.clock.advance(10)
    client.protocol.resumeProducing()
    assert client.ask("NOOP") == [OK]
    client.clock.pump([9, 1])
    assert client.replies() == ["421 4.4.2 Idle for too long, closing the connection"]
    client.hang_up()


def test_a_client_that_is_too_early_has_no_command_executed():
    class Diary(Observer):
        def __init__(self):
            self.verbs = []

        def commanded(self, connection, verb):
            self.verbs.append(verb)

    diary = Diary()
    client = Conversation(greeting_delay=1, observers=[diary])
    client.send(b"EHLO client.example\r\nNOOP\r\n")
    assert [reply[:3] for reply in client.replies()] == ["554"]
    assert client.closed
    assert diary.verbs == []
    client.hang_up()


def test_an_idle_connection_takes_little_memory():
    """What the objects of Twisted take comes on top, 1.0 KB."""
    factory = SMTPServerFactory(MemoryBackend(), reactor=Clock())
    connections = []

    def greeted(number):
        for _ in range(number):
            server = factory.buildProtocol(None)
            server.makeConnection(StringTransport(hostAddress=IPv4Address("TCP", "192.0.2.25", 25)))
            server.dataReceived(b"EHLO client.example\r\n")
            connections.append(server)

    greeted(100)
    tracemalloc.start()
    try:
        greeted(1000)
        ours = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/txsmtpx/*")])
    finally:
        tracemalloc.stop()
    assert sum(each.size for each in ours.statistics("filename")) / 1000 < 1250
    assert {each.opening for each in connections} == {None}
