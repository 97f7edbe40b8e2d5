"""RFC 5321 §4.1.1.4: DATA, from 354 to the reply; the ways to end a line are those of ``newlines_*.txt``."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.dialog.core import Core
from txsmtpx import Reply, SMTPError
from txsmtpx.testing import RecordingBackend

HELLO = ("EHLO client.example", "MAIL FROM:<me@example.com>", "RCPT TO:<you@example.com>")
GO_ON = "354 End data with <CR><LF>.<CR><LF>"


def at_data(backend: Any = None, **settings: Any) -> Core:
    """A client whose recipient was accepted."""
    client = Core(backend, **settings)
    client.ask("LHLO client.example" if settings.get("lmtp") else HELLO[0], *HELLO[1:])
    return client


def codes(lines: list[str]) -> list[str]:
    return [line[:3] for line in lines]


def test_it_takes_no_argument():
    client = at_data()
    assert client.ask("DATA now") == ["501 5.5.4 That command takes no parameters"]
    assert client.ask("DATA") == [GO_ON]
    client.hang_up()


def test_a_binary_message_comes_by_bdat():
    """RFC 3030 §3."""
    client = Core()
    client.ask(HELLO[0], "MAIL FROM:<me@example.com> BODY=BINARYMIME", HELLO[2])
    assert client.ask("DATA") == ["503 5.5.1 A BINARYMIME message needs BDAT"]
    assert client.ask("BDAT 0 LAST")[0][:3] == "250"
    client.hang_up()


@pytest.mark.parametrize("lines", [HELLO[:1], HELLO[:2], (*HELLO[:2], "RCPT TO:<>")])
def test_it_needs_a_recipient(lines):
    client = Core()
    client.ask(*lines)
    assert client.ask("DATA")[0][:9] == "503 5.5.1"
    assert client.dialog.body is None
    client.hang_up()


@pytest.mark.parametrize(
    ("octets", "content"),
    [
        (b".\r\n", b""),
        (b"x\r\n.\r\n", b"x\r\n"),
        (b"..\r\n.x\r\n.\r\n", b".\r\nx\r\n"),
        (b"a\nb\rc\r\n.\r\n", b"a\r\nb c\r\n"),
    ],
)
def test_what_the_backend_reads(octets, content):
    client = at_data()
    client.ask("DATA")
    for octet in octets:
        client.send(bytes([octet]))
    assert codes(client.replies()) == ["250"]
    assert client.backend.messages[0].content == content
    client.hang_up()


def test_commands_may_follow_in_the_same_segment():
    client = at_data()
    client.ask("DATA")
    client.send(b"x\r\n.\r\nNOOP\r\nQUIT\r\n")
    assert codes(client.replies()) == ["250", "250", "221"]
    client.hang_up()


@pytest.mark.parametrize("octets", [b"a\nb\r\n.\r\n", b"a\rb\r\n.\r\n", b"a\n.\r\n.\r\n"])
def test_a_bare_newline_is_refused_after_the_real_end(octets):
    client = at_data(bare_newlines="reject")
    client.ask("DATA")
    client.send(octets + b"NOOP\r\n")
    said = client.replies()
    assert said[0].startswith("550 5.5.2 Bare <CR> or <LF> in the message (")
    assert codes(said[1:]) == ["250"]
    client.hang_up()


@pytest.mark.parametrize(("octets", "code"), [(10, "250"), (11, "552")])
def test_a_message_that_is_too_big_is_read_to_its_end(octets, code):
    """Guarantee 3: nothing of it is run as a command."""
    client = at_data(max_message_bytes=10)
    client.ask("DATA")
    client.send(b"x" * (octets - 2) + b"\r\n.\r\nNOOP\r\n")
    assert codes(client.replies()) == [code, "250"]
    client.hang_up()


def test_the_backend_has_the_message_before_its_first_octet():
    answered: Deferred[None] = Deferred()
    client = at_data(RecordingBackend(data=lambda message, context: answered))
    assert client.ask("DATA") == [GO_ON]
    assert client.backend.methods[-1] == "data"
    assert client.ask(".") == []
    answered.callback(None)
    assert codes(client.replies()) == ["250"]
    client.hang_up()


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        (Reply(250, (2, 0, 0), "Stored"), "250 2.0.0 Stored"),
        (SMTPError(452, (4, 2, 2), "Full"), "452 4.2.2 Full"),
        (Reply(550, (5, 7, 1), "No"), "550 5.7.1 No"),
    ],
)
def test_the_reply_is_that_of_the_backend_and_the_next_message_may_come(outcome, answer):
    client = at_data(RecordingBackend(data=[outcome, None]))
    assert client.ask("DATA", ".") == [GO_ON, answer]
    assert client.dialog.transaction is None
    assert codes(client.ask(*HELLO[1:], "DATA", ".")) == ["250", "250", "354", "250"]
    client.hang_up()


def test_a_message_that_is_accepted_forgives_the_errors_before_it():
    client = at_data(max_errors=3)
    client.ask("WHAT", "WHAT")
    client.ask("DATA", ".")
    client.ask("WHAT", "WHAT")
    assert not client.closed
    client.ask("WHAT")
    assert client.closed
    client.hang_up()


def test_lmtp_answers_for_each_recipient():
    client = at_data(lmtp=True)
    client.ask("RCPT TO:<they@example.com>")
    assert codes(client.ask("DATA", ".")) == ["354", "250", "250"]
    client.hang_up()
