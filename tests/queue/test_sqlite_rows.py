"""Rows of a queue are the messages that they were made of."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.queue.mails import NOW, envelope
from txsmtpx.backends.envelope_recipient import EnvelopeRecipient
from txsmtpx.grammar.option_value import DeliverBy, OriginalRecipient, ValidSince
from txsmtpx.queue.queued_mail import NewMail, QueuedRecipient, Selection
from txsmtpx.queue.sqlite_queue import SQLiteQueue


def test_every_parameter_is_kept(tmp_path: Path) -> None:
    recipients = (
        EnvelopeRecipient("bob@example.net", ("DELAY", "FAILURE"), OriginalRecipient("rfc822", "bob@example.org")),
        EnvelopeRecipient("ü@example.net", valid_since=ValidSince(datetime(2029, 1, 1, tzinfo=UTC), "R")),
    )
    mail = NewMail(
        envelope(
            *recipients, smtputf8=True, requiretls=True, envid="QQ314159", ret="HDRS", auth="ann@example.org",
            deliver_by=DeliverBy(100, "R", True), priority=-3, hold_for=60, body="8BITMIME",
        ),
        ["example.net", "a route"], b"x", 1, NOW, NOW + 99, -3,
    )  # fmt: skip
    queue = SQLiteQueue(str(tmp_path / "queue.db"), tmp_path)
    queue.add([mail])
    (found,) = queue.find(Selection(), 10, 0)
    assert found.envelope == mail.envelope
    assert (found.expires, found.priority, found.size) == (NOW + 99, -3, 1)
    assert found.recipients == [
        QueuedRecipient(0, recipients[0], "example.net", due=NOW),
        QueuedRecipient(1, recipients[1], "a route", due=NOW),
    ]
    queue.close()
