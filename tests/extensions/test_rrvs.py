"""RFC 7293: a mailbox that has had one owner since a time; for the values see ``rows.py``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.extensions.ends import Ends
from txsmtpx import MailOptions, NotOffered, RcptOptions
from txsmtpx.extensions.rrvs import RRVS
from txsmtpx.grammar.options import ValidSince
from txsmtpx.testing import Conversation

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
(PARAMETER,) = RRVS.rcpt


@pytest.mark.parametrize(("options", "wanted"), [
    (RcptOptions(valid_since=ValidSince(NOON, "R")), True), (RcptOptions(valid_since=ValidSince(NOON, "C")), False),
    (RcptOptions(valid_since=ValidSince(NOON)), True), (RcptOptions(), False), (MailOptions(), False),
])  # fmt: skip
def test_only_r_may_not_go_without(options, wanted) -> None:
    """§3: with C, a server that does not know RRVS may have the message."""
    assert RRVS.wanted(options) is wanted


@pytest.mark.parametrize("action", ["R", "C"])
def test_our_client_and_a_server_without_it(action: str) -> None:
    ends = Ends()
    recipients = [("you@example.com", RcptOptions(valid_since=ValidSince(NOON, action)))]
    if action == "R":
        with pytest.raises(NotOffered, match="does not offer RRVS"):
            ends.send("me@example.com", recipients, b"x\r\n")
    else:
        ends.send("me@example.com", recipients, b"x\r\n")
        assert ends.words("RCPT") == ["RCPT TO:<you@example.com>"]
    ends.over()


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12, minutes=-30))])
def test_a_time_of_any_zone_is_the_same_moment(zone) -> None:
    since = ValidSince(NOON.astimezone(zone), "C")
    assert PARAMETER.decode(PARAMETER.encode(since)) == ValidSince(NOON, "C")


@pytest.mark.parametrize(
    "text", ["2026-11-23T12:00:00.0Z", "2026-11-23T12:00:00Z;R;R", ";R", "2026-11-23T12:00:00Z;\u017f"]
)
def test_no_value(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        PARAMETER.decode(text)


def test_a_backend_decides() -> None:
    talk = Conversation(extensions=[RRVS])
    talk.ask("EHLO client.example", "MAIL FROM:<me@example.com>")
    assert talk.ask("RCPT TO:<you@example.com> RRVS=2026-11-23T12:00:00Z;C") == ["250 2.1.5 Recipient ok"]
    assert talk.backend.calls[-1][2].valid_since == ValidSince(NOON, "C")
    talk.hang_up()


def test_a_fraction_of_a_second_is_asked_for_as_a_whole_one() -> None:
    """§3.1 has none; to have been there a little longer is asked of nobody in vain."""
    since = ValidSince(datetime(2026, 1, 1, 12, 0, 0, 999999, tzinfo=UTC))
    assert PARAMETER.encode(since) == "2026-01-01T12:00:00Z;R"
