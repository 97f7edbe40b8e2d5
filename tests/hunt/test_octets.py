"""
NUL, CR, LF and octets beyond ASCII at every place of a dialog: whatever they do there, they do it for every cut.

And no reply is lost or too many for it: each line has one, and each message.
"""

from __future__ import annotations

import pytest

from tests.hunt import cuts
from tests.hunt.victim import suffer
from txsmtpx.testing import Conversation

DIALOG = (
    b"EHLO a.example\r\nAUTH PLAIN\r\nAHVzZXIAc2VjcmV0\r\n"
    b"MAIL FROM:<me@example.com> SIZE=9\r\nRCPT TO:<you@example.com>\r\n"
    b"DATA\r\n..a\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<you@b>\r\nBDAT 3\r\nx\r\nBDAT 1 LAST\r\ny\r\nNOOP\r\n"
)
OCTETS = [b"\0", b"\r", b"\n", b"\r\n", b".", b" ", b"\x7f", b"\x80", b"\xff"]


@pytest.mark.parametrize("policy", ["normalize", "reject", "accept"])
@pytest.mark.parametrize("octet", OCTETS, ids=repr)
def test_at_every_place(octet, policy):
    settings = {"bare_newlines": policy, "allow_insecure_auth": True, "auth_failure_delay": 0}
    for at in range(len(DIALOG) + 1):
        octets = DIALOG[:at] + octet + DIALOG[at:]
        expected = suffer([octets], **settings)
        assert suffer(cuts.one_by_one(octets, 0), **settings) == expected, (at, octet)
        assert suffer([octets[:at], octet, octets[at + len(octet) :]], **settings) == expected, (at, octet)
        assert len(expected.messages) <= 2


LINE = b"MAIL FROM:<you@example.com> SMTPUTF8\r\n"


def test_each_octet_in_a_line():
    """One reply, be it yes or no; but a LF ends a line, and so there are two."""
    for octet in range(256):
        for at in range(len(LINE)):
            client = Conversation()
            client.ask("EHLO a.example")
            client.send(LINE[:at] + bytes([octet]) + LINE[at:])
            replies = client.replies()
            assert len(replies) == (2 if octet == 10 else 1), (octet, at, replies)
            client.hang_up()
