"""Clocks know the phase (guarantee 9), on a `Clock`: idle, the whole message, a peer that does not read, a close."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport

from tests.conversations import greeted
from txsmtpx.testing import RecordingBackend
from txsmtpx.wire.back_pressure import BackPressure

IDLE = ["421 4.4.2 Idle for too long, closing the connection"]
TOO_SLOW = ["421 4.4.2 The message took too long, closing the connection"]

HELLO = ("EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>")


def conversation(backend=None, **settings):
    settings = {"read_timeout": 10, "write_timeout": 5, "message_timeout": 60, **settings}
    return greeted(backend, **settings)


@pytest.mark.parametrize(
    "said",
    [
        (),
        ("EHLO client.example",),
        HELLO[:2],
        HELLO,
        (*HELLO, "DATA"),
        (*HELLO, "DATA", "half a message"),
        (*HELLO, "BDAT 100", "not a hundred octets"),
        (*HELLO, "BDAT 2", ""),
        ("EHLO client.example", "AUTH LOGIN"),
    ],
)
def test_idle(said):
    client = conversation(RecordingBackend({"user": "secret"}), allow_insecure_auth=True)
    client.ask(*said)
    client.clock.advance(9.9)
    assert client.replies() == []
    assert not client.closed
    client.clock.advance(0.1)
    assert client.replies() == IDLE
    assert client.closed
    client.hang_up()


def test_idle_with_half_a_line():
    client = conversation()
    client.send(b"EHLO cl")
    client.clock.advance(10)
    assert client.replies() == IDLE
    client.hang_up()


def test_whatever_is_said_puts_it_off():
    client = conversation()
    for _ in range(5):
        client.clock.advance(9)
        assert client.ask("NOOP") == ["250 2.0.0 Ok"]
    client.clock.advance(10)
    assert client.replies() == IDLE
    client.hang_up()


@pytest.mark.parametrize("octet", [b"N", b"N" * 3000])
def test_a_piece_of_a_line_puts_nothing_off(octet):
    client = conversation()
    client.ask("NOOP")
    for _ in range(9):
        client.clock.advance(1)
        client.send(octet)
    assert client.replies() == []
    client.clock.advance(1)
    assert client.replies() == IDLE
    client.hang_up()


def test_a_line_that_comes_in_pieces_does():
    client = conversation()
    for octet in b"NOOP\r\n" * 2:
        client.clock.advance(1.5)
        client.send(bytes([octet]))
    assert client.replies() == ["250 2.0.0 Ok"] * 2
    client.clock.advance(10)
    assert client.replies() == IDLE
    client.hang_up()


def test_a_backend_that_takes_its_time_begins_it_anew():
    answer = Deferred()
    client = conversation(RecordingBackend(mail=answer))
    client.ask("EHLO client.example", "MAIL FROM:<a@client.example>")
    client.send(b"NO")
    client.clock.advance(60)
    answer.callback(None)
    assert client.replies() == ["250 2.1.0 Sender ok"]
    client.clock.advance(9.9)
    assert client.replies() == []
    client.clock.advance(0.1)
    assert client.replies() == IDLE
    client.hang_up()


def test_no_time_outs():
    client = conversation(read_timeout=0, message_timeout=0)
    client.ask(*HELLO, "DATA")
    client.clock.advance(1e9)
    assert client.replies() == []
    assert not client.closed
    client.hang_up()


@pytest.mark.parametrize("begin", ["DATA", "BDAT 1000"])
def test_the_whole_message(begin):
    client = conversation()
    client.ask(*HELLO, begin)
    for _ in range(11):  # never idle, and yet
        client.clock.advance(5)
        client.send(b"drip\r\n")
        assert client.replies() == []
    client.clock.advance(5)
    assert client.replies() == TOO_SLOW
    assert client.closed
    client.hang_up()
    assert client.backend.messages == []


def test_the_whole_message_in_chunks():
    client = conversation()
    client.ask(*HELLO)
    for _ in range(12):
        assert client.ask("BDAT 2", "")[0].startswith("250 2.0.0 2 octets")
        client.clock.advance(5)
    assert client.replies() == TOO_SLOW
    client.hang_up()


def test_each_message_has_a_time_of_its_own():
    client = conversation()
    client.ask("EHLO client.example")
    for _ in range(3):
        client.ask("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "DATA")
        for _ in range(8):
            client.clock.advance(5)
            client.send(b"drip\r\n")
        assert client.ask(".")[0].startswith("250 ")
        client.clock.advance(9)
    assert not client.closed
    client.hang_up()


@pytest.mark.parametrize("method", ["anonymous_login", "mail", "rcpt", "reset", "login", "verify"])
def test_no_clock_while_the_backend_works(method):
    waiting = Deferred()
    backend = RecordingBackend({"user": "secret"}, **{method: [waiting]})
    client = conversation(backend, allow_insecure_auth=True)
    said = {
        "login": ("EHLO client.example", "AUTH PLAIN AHVzZXIAc2VjcmV0"),
        "verify": ("EHLO client.example", "VRFY somebody"),
        "reset": (*HELLO, "RSET"),
    }.get(method, HELLO)
    client.ask(*said)
    client.clock.advance(1e6)
    assert client.replies() == []
    assert not client.closed
    waiting.callback(None)
    assert client.replies()[0][:2] in ("25", "23")
    client.clock.advance(9.9)
    assert not client.closed
    client.clock.advance(0.1)
    assert client.replies() == IDLE
    client.hang_up()


def test_no_clock_but_its_own_while_the_message_is_stored():
    stored = Deferred()
    client = conversation(RecordingBackend(data=[stored]), delivery_timeout=300)
    client.ask(*HELLO, "DATA", "hello", ".")
    client.clock.advance(299)
    assert client.replies() == []
    stored.callback(None)
    assert client.replies()[0].startswith("250 2.0.0 Ok: queued as ")
    client.clock.advance(9.9)
    assert not client.closed
    client.hang_up()


def test_a_delivery_that_takes_too_long_does_not_end_the_connection():
    client = conversation(RecordingBackend(data=[Deferred()]), delivery_timeout=300)
    client.ask(*HELLO, "DATA", "hello", ".")
    client.clock.advance(300)
    assert client.replies()[0].startswith("451 4.4.7 ")
    assert client.ask("NOOP") == ["250 2.0.0 Ok"]
    client.hang_up()


def test_a_peer_that_does_not_read_is_cut_off():
    client = conversation()
    client.transport.producer.pauseProducing()
    client.clock.advance(4.9)
    assert not client.transport.disconnected
    client.clock.advance(0.1)
    assert client.transport.disconnected
    client.hang_up()


def test_a_peer_that_reads_slowly_is_not():
    client = conversation(read_timeout=100)
    for _ in range(10):
        client.transport.producer.pauseProducing()
        client.clock.advance(4)
        client.transport.producer.resumeProducing()
        client.clock.advance(4)
    assert not client.transport.disconnected
    client.hang_up()


def test_a_peer_that_does_not_read_is_not_idle_too():
    client = conversation(write_timeout=100)
    client.transport.producer.pauseProducing()
    client.send(b"NOOP\r\n")
    client.clock.advance(99)
    assert client.replies() == []
    client.transport.producer.resumeProducing()
    assert client.replies() == ["250 2.0.0 Ok"]
    client.hang_up()


@pytest.mark.parametrize("end", ["QUIT", "time"])
def test_a_close_that_does_not_come_about_is_forced(end):
    client = conversation()
    if end == "QUIT":
        client.ask("EHLO client.example", "QUIT")
    else:
        client.clock.advance(10)
    assert client.closed  # asked for; what is written has not been read, so the connection stays
    client.clock.advance(4.9)
    assert not client.transport.disconnected
    client.clock.advance(0.1)
    assert client.transport.disconnected
    client.hang_up()


def test_what_comes_while_it_closes_is_thrown_away():
    client = conversation()
    client.ask("QUIT")
    client.protocol.dataReceived(b"EHLO client.example\r\n" * 10000)
    assert client.replies() == []
    assert client.transport.producerState == "producing"
    client.hang_up()


def test_closing_takes_the_producer_off():
    """A transport does not close while a producer is registered that might write more."""
    client = conversation()
    assert isinstance(client.transport.producer, BackPressure)
    client.ask("QUIT")
    assert client.transport.producer is None
    client.hang_up()


def test_a_close_lets_a_paused_transport_read_again():
    """TLS ends with the peer's word, which would never be read."""
    client = conversation(RecordingBackend(mail=[Deferred()]))
    client.ask("EHLO client.example", "MAIL FROM:<a@client.example>")
    client.send(b"NOOP\r\n" * 20000)
    assert client.transport.producerState == "paused"
    client.protocol.dialog.say_goodbye(client.protocol.dialog.settings.delivery_timed_out("b@localhost"))
    assert client.transport.producerState == "producing"
    client.hang_up()


def test_nothing_is_left_on_the_clock():
    client = conversation()
    client.ask(*HELLO, "DATA", "half")
    client.transport.producer.pauseProducing()
    assert isinstance(client.transport, StringTransport)
    client.hang_up()  # complains about timers
    assert client.clock.getDelayedCalls() == []
