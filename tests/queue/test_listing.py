"""The messages of a queue as text: nothing that a peer has chosen breaks a line."""

from __future__ import annotations

from dataclasses import replace

from tests.queue.mails import NOW, envelope
from txsmtpx.backends.envelope_recipient import EnvelopeRecipient
from txsmtpx.queue.listing import lines_of, state_of, summary_of
from txsmtpx.queue.queued_mail import Depth, QueuedMail, QueuedRecipient

BOB = QueuedRecipient(0, EnvelopeRecipient("bob@example.net"), "example.net", due=NOW)


def test_states() -> None:
    found = [BOB, replace(BOB, leased=True, due=NOW + 1), replace(BOB, leased=True), replace(BOB, state="failed")]
    assert [state_of(each, NOW) for each in found] == [
        "waiting, 0 attempts, due now",
        "being delivered, 0 attempts",
        "waiting, 0 attempts, due now",
        "failed, 0 attempts",
    ]


def test_each_line_is_one_line() -> None:
    hostile = replace(BOB, recipient=EnvelopeRecipient('"a\x1b[2J"@x'), reply="550 a\nb", server="mx\r")
    mail = QueuedMail(envelope("x@y", sender='"\n"@x'), [hostile], 1, NOW)
    lines = list(lines_of(mail, NOW))
    assert len(lines) == 3
    assert all(each.isprintable() for each in lines)


def test_an_empty_queue() -> None:
    assert summary_of(Depth(), NOW) == "0 messages, 0 octets; recipients: 0 waiting, 0 held"
