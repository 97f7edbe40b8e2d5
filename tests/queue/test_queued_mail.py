"""The nouns of a queue."""

from __future__ import annotations

import pytest

from tests.queue.mails import NOW, envelope
from txsmtpx.queue.queued_mail import AGES, FINAL, NewMail, QueuedMail


def test_each_recipient_has_a_destination() -> None:
    with pytest.raises(ValueError, match=r"^a message must have one destination for each recipient$"):
        NewMail(envelope("bob@example.net"), [], b"", 0, NOW, NOW)


def test_the_identifier_and_the_time_are_those_of_the_envelope() -> None:
    found = envelope("bob@example.net")
    assert NewMail(found, ["example.net"], b"", 0, NOW, NOW).id == found.queue_id
    mail = QueuedMail(found, [], 0, NOW)
    assert (mail.id, mail.received) == (found.queue_id, NOW)


def test_final_states_and_ages() -> None:
    assert {"waiting", "held"} & FINAL == set()
    assert list(AGES) == sorted(AGES)
