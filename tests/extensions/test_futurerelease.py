"""RFC 4865: FUTURERELEASE's limits, which move with the time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from txsmtpx.extensions.futurerelease import FUTURERELEASE, HoldLimits
from txsmtpx.testing import Conversation

NOON = datetime(2026, 11, 23, 12, 0, 0, 750000, tzinfo=UTC)
MAIL = "MAIL FROM:<me@example.com>"


@pytest.fixture
def talk() -> Conversation:
    made = Conversation(extensions=[FUTURERELEASE], max_hold=3600, now=NOON.timestamp)
    assert made.ask("EHLO client.example")[-1] == "250 FUTURERELEASE 3600 2026-11-23T13:00:00Z"
    return made


@pytest.mark.parametrize(("parameters", "answer"), [
    ("HOLDFOR=3600", "250 2.1.0 Sender ok"),
    ("HOLDFOR=3601", "501 5.5.4 Longer than messages are held here"),
    ("HOLDUNTIL=2026-11-23T13:00:00Z", "250 2.1.0 Sender ok"),
    ("HOLDUNTIL=2026-11-23T15:00:00+02:00", "250 2.1.0 Sender ok"),
    ("HOLDUNTIL=2026-11-23T13:00:01Z", "501 5.5.4 Longer than messages are held here"),
    ("HOLDFOR=1 HOLDUNTIL=2026-11-23T12:30:00Z", "501 5.5.4 Bad parameter value: HOLDFOR or HOLDUNTIL, not both"),
])  # fmt: skip
def test_within_the_limits(talk: Conversation, parameters: str, answer: str) -> None:
    assert talk.ask(f"{MAIL} {parameters}") == [answer]
    talk.hang_up()


def test_read() -> None:
    limits = FUTURERELEASE.read("3600 2026-11-23T13:00:00Z")
    assert limits == HoldLimits(3600, datetime(2026, 11, 23, 13, tzinfo=UTC))
    for text in ("", "3600", "x 2026-11-23T13:00:00Z", "0 2026-11-23T13:00:00Z"):
        with pytest.raises(ValueError, match="takes"):
            FUTURERELEASE.read(text)
