"""The harness itself: a transcript that is wrong fails, wherever it is wrong."""

from __future__ import annotations

import pytest

from txsmtpx import MemoryBackend
from txsmtpx.testing import Conversation, RecordingBackend, Transcript, cut_at, one_by_one, whole

RIGHT = r"""
# A comment
set max_recipients 1
on rcpt 550 5.1.1 Nobody here
c <- 220 localhost ESMTP txsmtpx
c -> HELO client.example
c <- 250 localhost
c => MAIL FROM:<{a*3}@example.com>\r\nRCPT TO:<a@b>\r\n
c <- 250 2.1.0 Sender ok
c <- 550 5.1.1 Nobody here
c -> RCPT TO:<a@b>
c <- 250 2.1.5 Recipient ok
c -> DATA
c <- 354 End data with <CR><LF>.<CR><LF>
c -> Hey
c -> .
c <- 250 2.0.0 Ok: queued as {id}
stored Hey\r\n
wait 300
c <- 421 4.4.2 Idle for too long, closing the connection
closed
"""


@pytest.mark.parametrize("segments", [None, whole, one_by_one, cut_at(20)])
def test_right(segments):
    backend = Transcript(RIGHT).play(segments)
    assert backend.methods == ["anonymous_login", "mail", "rcpt", "rcpt", "data", "reset", "logout"]
    assert backend.calls[1][1] == "aaa@example.com"


@pytest.mark.parametrize("segments", [None, whole, one_by_one])
@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("c <- 250 localhost\n", "c <- 250 localhos\n"),
        ("c <- 250 localhost\n", ""),
        ("c <- 250 localhost\n", "c <- 250 localhost\nc <- 250 localhost\n"),
        ("c <- 250 2.1.0 Sender ok\nc <- 550 5.1.1 Nobody here\n", "c <- 550 5.1.1 Nobody here\nc <- 250 2.1.0 Ok\n"),
        ("queued as {id}", "queued as 1"),
        ("queued as {id}", "queued {id}"),
        ("stored Hey\\r\\n\n", ""),
        ("stored Hey\\r\\n", "stored Hey"),
        ("closed\n", ""),
        ("wait 300\n", "wait 300\nclosed\nwait 1\n"),
        ("wait 300\n", "wait 299\n"),
        ("c -> DATA\n", ""),
    ],
)
def test_wrong(line, instead, segments):
    assert line in RIGHT
    with pytest.raises(AssertionError, match="a transcript"):
        Transcript(RIGHT.replace(line, instead)).play(segments)


def test_closed_before_its_time():
    text = "c <- 220 localhost ESMTP txsmtpx\nclosed\nc -> QUIT\nc <- 221 2.0.0 localhost closing the connection\n"
    with pytest.raises(AssertionError, match="closed is False"):
        Transcript(text).play()


def test_a_line_that_is_nothing():
    with pytest.raises(ValueError, match=r"dialog\.txt, line 2: what is 'c <~ 250'\?"):
        Transcript("c -> NOOP\nc <~ 250", "dialog.txt")


def test_octets_that_cannot_be_typed():
    backend = RecordingBackend(verify=None)
    text = r"c => VRFY {base64:\0a\xff}\x41\\r\r\n"
    with pytest.raises(AssertionError, match="252"):
        Transcript("c <- 220 localhost ESMTP txsmtpx\n" + text).play()
    conversation = Conversation(backend)
    conversation.ask(r"VRFY AGH/A\r")
    assert backend.calls[-1] == ("verify", r"AGH/A\r")
    assert Transcript(text).octets == b"VRFY AGH/A\\r\r\n"
    conversation.hang_up()


def test_timers_that_are_left():
    conversation = Conversation()
    conversation.clock.callLater(1, print)
    with pytest.raises(AssertionError, match="timers are left"):
        conversation.hang_up()


BRIEF = """
c <- 220 localhost ESMTP txsmtpx
c -> HELO a
c <- 250 localhost
c -> MAIL FROM:<a@b>
c <- 250 2.1.0 Sender ok
c -> RCPT TO:<c@d>
c <- 250 2.1.5 Recipient ok
c -> DATA
c <- 354 End data with <CR><LF>.<CR><LF>
c -> x
c -> .
c <- 250 2.0.0 Ok: queued as {id}
"""


def test_a_backend_of_ones_own():
    backend = MemoryBackend()
    assert Transcript(BRIEF).play(backend=backend).calls == []
    assert [each.content for each in backend.messages] == [b"x\r\n"]
    Transcript(BRIEF + "stored x\\r\\n\n").play(backend=MemoryBackend())
    with pytest.raises(AssertionError, match="messages, - as written"):
        Transcript(BRIEF + "stored y\\r\\n\n").play(backend=MemoryBackend())


@pytest.mark.parametrize("line", ["user me secret", "on rcpt crash", "deliver ok"])
def test_words_that_a_backend_of_ones_own_does_not_hear(line):
    with pytest.raises(ValueError, match="are for a backend of the transcript's own"):
        Transcript(f"{line}\n{BRIEF}").play(backend=MemoryBackend())
