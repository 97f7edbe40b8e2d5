"""A client that sends lines to a server in memory, and the ways to cut octets."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from txsmtpx import MemoryBackend
from txsmtpx.testing import Conversation, RecordingBackend, cut_at, one_by_one, whole

HELLO = ["220 mail.example.org ESMTP txsmtpx", "250 mail.example.org"]


def talk(*args, **settings):
    return Conversation(*args, domain="mail.example.org", **settings)


def test_lines_in_one_segment():
    client = talk()
    assert client.ask("HELO client.example.org") == HELLO
    assert client.ask("NOOP", "RSET") == ["250 2.0.0 Ok", "250 2.0.0 Ok"]
    assert client.replies() == []
    client.hang_up()


def test_the_backend():
    """A `RecordingBackend` if none is passed."""
    assert isinstance(talk().backend, RecordingBackend)
    backend = MemoryBackend()
    assert talk(backend).backend is backend


def test_the_clock():
    clock = Clock()
    client = talk(clock=clock, read_timeout=10)
    assert client.clock is clock
    client.replies()
    clock.advance(10)
    assert client.replies()[0].startswith("421 4.4.2")
    assert client.closed


def test_inside_tls():
    backend = MemoryBackend()
    client = talk(backend, inside_tls=True)
    client.ask("EHLO a", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "DATA")
    client.ask("Hi", ".")
    assert [each.protocol for each in backend.messages] == ["ESMTPS"]


def test_nothing_is_sent_to_who_has_closed():
    client = talk()
    assert not client.closed
    client.ask("QUIT")
    assert client.closed
    assert client.ask("NOOP") == []
    client.hang_up()
    client.hang_up()
    client.send(b"NOOP\r\n")
    assert client.replies() == []


def test_nothing_is_sent_after_hanging_up():
    client = talk()
    client.replies()
    client.hang_up()
    assert client.ask("NOOP") == []


def test_a_reply_without_its_end():
    client = talk()
    client.transport.write(b"250 half")
    with pytest.raises(AssertionError, match=r"a reply without its end: .*250 half"):
        client.replies()


def test_a_timer_that_is_left():
    client = talk()
    client.clock.callLater(1, print)
    with pytest.raises(AssertionError, match="timers are left"):
        client.hang_up()


def test_who_ends_sending_still_reads():
    waiting = Deferred()
    client = talk(RecordingBackend(data=waiting))
    client.ask("HELO a", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "DATA")
    assert client.ask("Hi", ".") == []
    assert client.end_sending() == []
    waiting.callback(None)
    assert client.replies()[0].startswith("250 2.0.0")
    assert client.closed
    client.hang_up()


def test_an_unknown_argument():
    with pytest.raises(TypeError, match="no argument domian; did you mean domain"):
        Conversation(domian="mail.example.org")


@pytest.mark.parametrize(
    ("cut", "at", "segments"),
    [
        (whole, 0, [b"QUIT\r\n"]),
        (one_by_one, 0, [b"Q", b"U", b"I", b"T", b"\r", b"\n"]),
        (cut_at(), 0, [b"QUIT\r\n"]),
        (cut_at(2, 5), 0, [b"QU", b"IT\r", b"\n"]),
        (cut_at(0, 6), 0, [b"QUIT\r\n"]),
        (cut_at(2, 105), 100, [b"QUIT\r", b"\n"]),
        (cut_at(100, 106), 100, [b"QUIT\r\n"]),
    ],
)
def test_cuts(cut, at, segments):
    """Positions count from the client's first octet; at an end of the octets there is nothing to cut."""
    assert list(cut(b"QUIT\r\n", at)) == segments


@pytest.mark.parametrize("cut", [one_by_one, cut_at(3)])
def test_no_octets_have_no_empty_segment_in_the_middle(cut):
    assert b"".join(cut(b"", 0)) == b""
    assert all(cut(b"ab", 0))
