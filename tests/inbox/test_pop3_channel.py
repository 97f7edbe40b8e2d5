"""The limits of a POP3 connection: lines, time, and clients that do not read."""

from __future__ import annotations

import pytest

from tests.inbox.pop3_client import Pop3Client
from tests.inbox.slow_client import BUFFER
from txsmtpx.inbox.pop3_channel import IDLE, MAX_LINE, UNTIL_LOGIN, Pop3Channel
from txsmtpx.inbox.pop3_connection import PIECE
from txsmtpx.web.web_errors import Busy
from txsmtpx.wire.http_channel import UNREAD


def test_lines_in_any_pieces(web):
    web.keep(b"x")
    client = Pop3Client(web)
    for octet in b"STAT\r\nLIST 1\nNO":
        client.send(bytes([octet]))
    assert client.read() == b"+OK 1 1\r\n+OK 1 1\r\n"
    client.send(b"OP\r\n")
    assert client.read() == b"+OK \r\n"


@pytest.mark.parametrize(
    "line", [b"x" * (MAX_LINE + 1), b"NOOP\r\nRETR " + b"1" * MAX_LINE + b"\r\nNOOP\r\n"], ids=["end", "within"]
)
def test_a_line_that_is_too_long(web, line):
    client = Pop3Client(web)
    client.send(line)
    assert client.read().endswith(b"-ERR the line is too long\r\n")
    assert client.transport.disconnecting
    client.send(b"NOOP\r\n")
    assert client.read() == b""


def test_time_until_the_login(web):
    client = Pop3Client(web, login=False)
    web.clock.advance(UNTIL_LOGIN - 1)
    client.ask("CAPA")
    web.clock.advance(UNTIL_LOGIN - 1)
    assert not client.transport.aborted
    web.clock.advance(1)
    assert client.transport.aborted
    assert client.timers == []


def test_time_between_commands(web):
    client = Pop3Client(web)
    web.clock.advance(IDLE - 1)
    client.ask("NOOP")
    web.clock.advance(IDLE - 1)
    assert not client.transport.aborted
    web.clock.advance(1)
    assert client.transport.aborted


def test_a_client_that_does_not_read(both):
    both.keep(b"x" * 1_000_000)
    client = Pop3Client(both)
    for _ in range(50):
        client.send(b"RETR 1\r\n")
    assert len(client.transport.value()) <= BUFFER + PIECE + 100
    assert client.transport.producerState == "paused"
    both.clock.advance(UNREAD - 1)
    assert not client.transport.aborted
    both.clock.advance(1)
    assert client.transport.aborted
    assert client.timers == []
    both.clock.work()


def test_a_client_that_reads_slowly(both):
    both.keep(b"x" * 500_000)
    client = Pop3Client(both)
    client.send(b"RETR 1\r\nNOOP\r\n")
    found = b""
    while value := client.transport.read():
        found += value
        both.clock.advance(UNREAD - 1)
        both.clock.work()
    assert not client.transport.aborted
    assert found == b"+OK 500000 octets\r\n" + b"x" * 500_000 + b"\r\n.\r\n+OK \r\n"
    assert client.transport.producerState == "producing"


def test_a_client_that_sends_and_does_not_read(web):
    client = Pop3Client(web)
    client.send(b"CAPA\r\n" * 5000)
    assert len(client.transport.value()) < BUFFER + 1000
    assert client.transport.producerState == "paused"
    assert client.read().count(b"TOP") == 5000
    assert client.transport.producerState == "producing"


@pytest.mark.parametrize("reads", [True, False])
def test_a_client_that_disconnects(both, reads):
    both.keep(b"x" * 500_000)
    client = Pop3Client(both)
    client.send(b"RETR 1\r\n")
    if reads:
        client.transport.read()
    client.lose()
    assert client.timers == []
    assert [call for call in both.clock.getDelayedCalls() if call.getTime() <= both.clock.seconds()] == []


def test_a_deletion_goes_on_without_the_client(both):
    both.keep(b"x")
    client = Pop3Client(both)
    client.protocol.dataReceived(b"DELE 1\r\nQUIT\r\n")
    client.lose()
    assert both.json("/api/messages")["total"] == 0
    assert client.timers == []


@pytest.mark.parametrize("error", [Busy(), OSError("disk")], ids=["busy", "broken"])
def test_a_command_that_fails(web, monkeypatch, logged_failures, error):
    web.keep(b"x" * 3 * PIECE)
    client = Pop3Client(web)
    piece = web.store.piece

    def fails(number, start, size):
        if start or first:
            raise error
        return piece(number, start, size)

    monkeypatch.setattr(web.store, "piece", fails)
    first = True
    assert client.ask("RETR 1") == b"-ERR [SYS/TEMP] the inbox cannot do this now; try again later\r\n"
    first = False
    assert client.ask("RETR 1").startswith(b"+OK")
    assert client.transport.aborted
    assert len(logged_failures.flush()) == (0 if isinstance(error, Busy) else 2)


def test_a_channel_has_no_commands(web):
    channel = Pop3Channel(Pop3Client(web).factory)
    with pytest.raises(NotImplementedError):
        channel.state_COMMAND(b"NOOP")
    channel.stopProducing()
