"""The words for a message."""

from __future__ import annotations

import pytest

from txsmtpx.backends.envelope_recipient import EnvelopeRecipient
from txsmtpx.queue.queued_mail import QueuedRecipient, RecipientState
from txsmtpx.queue_web.queue_view import recipient_view, span_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (86_399, "23 h"),
     (86_400, "1 d"), (10**7, "115 d")],
)  # fmt: skip
def test_a_span(seconds: float, text: str) -> None:
    assert span_text(seconds) == text


@pytest.mark.parametrize(
    ("state", "due", "leased", "shown"),
    [
        ("waiting", 90, False, ("waiting", "next attempt in 1 min")),
        ("waiting", 20, False, ("waiting", "due now")),
        ("waiting", 90, True, ("delivering", "")),
        ("held", 90, False, ("held", "")),
        ("failed", 0, False, ("failed", "")),
    ],
)
def test_a_state(state: RecipientState, due: float, leased: bool, shown: tuple[str, str]) -> None:
    recipient = QueuedRecipient(0, EnvelopeRecipient("bob@example.net"), "example.net", state, 2, due, leased)
    view = recipient_view(recipient, 30)
    assert (view.state, view.following) == shown


@pytest.mark.parametrize(
    ("server", "reply", "shown"), [("mx", "450 x", "mx: 450 x"), ("", "no route", "no route"), ("mx", "", "")]
)
def test_a_reply(server: str, reply: str, shown: str) -> None:
    recipient = QueuedRecipient(0, EnvelopeRecipient("bob@example.net"), "a", reply=reply, server=server)
    assert recipient_view(recipient, 0).reply == shown
