"""RFC 4865: FUTURERELEASE's limits, which move with the time, on both ends; and with DELIVERBY (§5.2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.extensions.ends import Ends
from txsmtpx import MailOptions, NotOffered
from txsmtpx.extensions.deliverby import DELIVERBY
from txsmtpx.extensions.futurerelease import FUTURERELEASE, HoldLimits
from txsmtpx.grammar.option_value import DeliverBy
from txsmtpx.testing import Conversation

NOON = datetime(2026, 11, 23, 12, 0, 0, 750000, tzinfo=UTC)
MAIL = "MAIL FROM:<me@example.com>"


@pytest.fixture
def client() -> Conversation:
    made = Conversation(extensions=[DELIVERBY, FUTURERELEASE], max_hold=3600, now=NOON.timestamp)
    assert made.ask("EHLO client.example")[-1] == "250 FUTURERELEASE 3600 2026-11-23T13:00:00Z"
    return made


@pytest.mark.parametrize(("parameters", "answer"), [
    ("HOLDFOR=3600", "250 2.1.0 Sender ok"),
    ("HOLDFOR=3601", "501 5.5.4 Messages are not held for so long here"),
    ("HOLDUNTIL=2026-11-23T13:00:00Z", "250 2.1.0 Sender ok"),
    ("HOLDUNTIL=2026-11-23T15:00:00+02:00", "250 2.1.0 Sender ok"),
    ("HOLDUNTIL=2026-11-23T13:00:01Z", "501 5.5.4 Messages are not held for so long here"),
    ("HOLDFOR=60 BY=60;R", "250 2.1.0 Sender ok"),
    ("HOLDFOR=61 BY=60;R", "501 5.5.4 Bad parameter value: BY: sooner than the message is released"),
    ("HOLDFOR=61 BY=-60;N", "501 5.5.4 Bad parameter value: BY: sooner than the message is released"),
    ("HOLDUNTIL=2026-11-23T12:02:00Z BY=9;N", "501 5.5.4 Bad parameter value: BY: sooner than the message is released"),
    ("HOLDFOR=1 HOLDUNTIL=2026-11-23T12:30:00Z", "501 5.5.4 Bad parameter value: HOLDFOR or HOLDUNTIL, not both"),
])  # fmt: skip
def test_within_the_limits(client: Conversation, parameters: str, answer: str) -> None:
    assert client.ask(f"{MAIL} {parameters}") == [answer]
    client.hang_up()


def test_read() -> None:
    limits = FUTURERELEASE.read("3600 2026-11-23T13:00:00Z")
    assert limits == HoldLimits(3600, datetime(2026, 11, 23, 13, tzinfo=UTC))
    for text in ("", "3600", "x 2026-11-23T13:00:00Z", "0 2026-11-23T13:00:00Z"):
        with pytest.raises(ValueError, match="takes"):
            FUTURERELEASE.read(text)


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(("options", "error"), [
    (MailOptions(hold_for=3601), NotOffered), (MailOptions(hold_until=soon(72000)), NotOffered),
    (MailOptions(hold_for=1, hold_until=soon(60)), ValueError),
    (MailOptions(hold_for=61, deliver_by=DeliverBy(60, "N")), ValueError),
    (MailOptions(hold_until=soon(3000), deliver_by=DeliverBy(60, "R")), ValueError),
])  # fmt: skip
def test_our_client_keeps_to_them(options: MailOptions, error: type[Exception]) -> None:
    """§4.1, §5.2.1."""
    ends = Ends(extensions=[DELIVERBY, FUTURERELEASE], max_hold=3600)
    ends.said.clear()
    with pytest.raises(error, match=r"hold|HOLD|released"):
        ends.send("me@example.com", ["you@example.com"], b"Hello\r\n", options)
    assert not ends.said
    ends.send("me@example.com", ["you@example.com"], b"Hello\r\n", MailOptions(hold_for=3600))
    assert ends.words("MAIL") == ["MAIL FROM:<me@example.com> HOLDFOR=3600"]
    ends.over()
