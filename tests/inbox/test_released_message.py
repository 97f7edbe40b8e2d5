"""What of a message is released."""

from __future__ import annotations

import re

import pytest

from tests.inbox.site import ARRIVED
from txsmtpx import SMTPError
from txsmtpx.backends.received import Received
from txsmtpx.backends.relayed import MAX_HOPS
from txsmtpx.content.header_edit import HeaderTooLong
from txsmtpx.grammar.options import MailOptions
from txsmtpx.inbox.released_message import released_content

TRACE = (
    rb"Received: from client.example \(\[192.0.2.1\]\)\r\n\tby localhost \(txsmtpx\) with SMTP id Q;\r\n"
    rb"\t\w{3}, \d\d? \w{3} \d{4} [\d:]{8} [+-]\d{4}\r\n"
)


def released(message: Received, keep_id: bool = True) -> bytes:
    """What is released, without the trace field."""
    found = released_content(message, ARRIVED, keep_id)
    trace = re.match(TRACE, found)
    assert trace is not None
    return found[trace.end() :]


def received(content: bytes, sender: str = "me@client.example") -> Received:
    peer = ("192.0.2.1", "client.example", "SMTP")
    return Received(sender, ("you@example.net",), content, MailOptions(), (), "Q", None, *peer, 1, ARRIVED)


def test_all_but_bcc_stays_to_the_octet():
    body = bytes(range(256)) + b"\nBcc: is text here\r\n\r\n"
    content = b"X-A:  odd \r\nBCC: secret@example.org,\r\n other@example.org\r\nReturn-Path: <x@y>\r\nDate: old\r\n\r\n"
    assert released(received(content + body)) == b"X-A:  odd \r\nDate: old\r\n\r\n" + body


def test_a_new_id_and_date():
    content = b"From: me\r\nMessage-Id: <old@client.example>\r\nDate: Mon, 1 Jan 2001 00:00:00 +0000\r\n\r\nHey\r\n"
    found = [released(received(content), keep_id=False) for _ in range(2)]
    assert found[0] != found[1]
    for each in found:
        assert re.fullmatch(
            rb"From: me\r\nMessage-ID: <[0-9a-f]{32}@client.example>\r\n"
            rb"Date: Sun, 15 Jun 2025 15:06:40 -0000\r\n\r\nHey\r\n",
            each,
        )


@pytest.mark.parametrize(
    ("sender", "domain"),
    [("", "localhost"), ("postmaster", "localhost"), ("ann@bücher.example", "xn--bcher-kva.example")],
)
def test_the_domain_of_the_id(sender, domain):
    found = released(received(b"\r\nHey", sender), keep_id=False)
    assert re.fullmatch(rb"Message-ID: <\w+@%b>\r\nDate: .*\r\n\r\nHey" % domain.encode(), found)


@pytest.mark.parametrize(
    "content", [b"", b"Subject: a", b"Subject: a\n\nBcc: b\n", b"no header\r\n", b"\r\n\r\nBcc: a\r\n"]
)
def test_messages_that_are_hardly_any(content):
    assert released(received(content)) in (content, b"\r\n" + content)  # an empty line may end the new header


def test_a_header_that_is_too_long():
    with pytest.raises(HeaderTooLong):
        released_content(received(b"A: b\r\n" * 20_000 + b"Bcc: secret@example.org\r\n\r\n"), ARRIVED, keep_id=True)


def test_a_message_in_a_loop():
    content = b"Received: x\r\n" * MAX_HOPS + b"\r\n"
    with pytest.raises(SMTPError, match="Too many hops, the message is in a loop"):
        released_content(received(content), ARRIVED, keep_id=True)
