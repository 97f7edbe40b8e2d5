"""The JSON of a message, see also `test_queue_resources`."""

from __future__ import annotations

import pytest

from txsmtpx.backends.envelope_recipient import EnvelopeRecipient
from txsmtpx.queue.queued_mail import Depth, QueuedRecipient, RecipientState
from txsmtpx.queue_web.queue_json import counts_json, recipient_json


@pytest.mark.parametrize(
    ("state", "due", "leased", "delivering", "following"),
    [
        ("waiting", 90.0, False, False, "1970-01-01T00:01:30.000Z"),
        ("waiting", 0.0, False, False, "1970-01-01T00:00:30.000Z"),
        ("waiting", 90.0, True, True, None),
        ("waiting", 20.0, True, False, "1970-01-01T00:00:30.000Z"),  # the lease has expired
        ("held", 90.0, False, False, None),
        ("delivered", 0.0, False, False, None),
    ],
)
def test_the_next_attempt(
    state: RecipientState, due: float, leased: bool, delivering: bool, following: str | None
) -> None:
    recipient = QueuedRecipient(0, EnvelopeRecipient("bob@example.net"), "example.net", state, 2, due, leased)
    found = recipient_json(recipient, 30)
    assert (found["state"], found["delivering"], found["next_attempt"]) == (state, delivering, following)


def test_the_oldest_message() -> None:
    assert counts_json(Depth())["oldest"] is None
    assert counts_json(Depth(1, oldest=0.5))["oldest"] == "1970-01-01T00:00:00.500Z"
