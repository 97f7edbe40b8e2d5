"""What becomes of a recipient after an attempt, and what its sender learns."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from txsmtpx.backends.envelope_fields import EnvelopeFields
from txsmtpx.backends.envelope_recipient import EnvelopeRecipient
from txsmtpx.grammar.option_value import DeliverBy
from txsmtpx.grammar.reply import Reply
from txsmtpx.queue.attempt import Attempted
from txsmtpx.queue.attempt_result import RecipientResult
from txsmtpx.queue.back_off import BackOff
from txsmtpx.queue.disposition import DispositionPolicy
from txsmtpx.queue.queued_mail import QueuedMail, QueuedRecipient

RECEIVED, ANN = 1_900_000_000.0, "ann@example.net"
REPLIES = {
    "delivered": Reply(250, (2, 0, 0), "Ok"),
    "failed": Reply(550, (5, 1, 1), "No"),
    "deferred": Reply(450, (4, 2, 0), "Later"),
    "unsure": Reply(451, (4, 4, 2), "Lost"),
}
POLICY = DispositionPolicy(BackOff(300, 3600, chance=lambda: 0.5), delay_report=14_400)


def disposed(meaning, passed=0.0, policy=POLICY, final=False, reports=False, attempts=1, notify=None, **envelope):
    recipient = EnvelopeRecipient(ANN, notify)
    given = {"sender": "me@example.org", **envelope}
    fields = EnvelopeFields(
        queue_id="q1", recipients=(recipient,), received=datetime.fromtimestamp(RECEIVED, UTC), protocol="", domain="",
        **given,
    )  # fmt: skip
    queued = QueuedRecipient(0, recipient, "example.net", attempts=attempts)
    mail = QueuedMail(fields, [queued], 100, RECEIVED + 432_000)
    attempted = Attempted([RecipientResult(ANN, meaning, REPLIES[meaning], True)], "mx.example.net", reports)
    return policy.of_all(mail, attempted, RECEIVED + passed, final)[0]


@pytest.mark.parametrize(
    ("meaning", "state", "event"),
    [
        ("delivered", "delivered", "delivered"),
        ("failed", "failed", "failed"),
        ("deferred", "waiting", "deferred"),
        ("unsure", "waiting", "deferred"),
    ],
)
def test_each_meaning_has_a_state(meaning, state, event):
    found = disposed(meaning)
    assert (found.outcome.state, found.event) == (state, event)
    assert found.outcome.reply == REPLIES[meaning].one_line
    assert found.outcome.server == "mx.example.net"


@pytest.mark.parametrize(("attempts", "wait"), [(1, 300), (2, 600), (5, 3600), (100, 3600)])
def test_each_wait_is_longer(attempts, wait):
    assert disposed("deferred", 1000, attempts=attempts).outcome.due == RECEIVED + 1000 + wait


def test_the_last_attempt_is_at_the_end_of_the_time():
    assert disposed("deferred", 431_900).outcome.due == RECEIVED + 432_000
    assert disposed("deferred", 432_000).outcome.state == "expired"
    assert disposed("unsure", 432_000).outcome.state == "expired"
    assert disposed("delivered", 432_000).outcome.state == "delivered"


def test_what_may_have_been_delivered_is_returned_if_that_is_wanted():
    assert disposed("unsure", policy=replace(POLICY, unsure="return")).outcome.state == "failed"
    assert disposed("deferred", policy=replace(POLICY, unsure="return")).outcome.state == "waiting"


@pytest.mark.parametrize(
    ("given", "report"),
    [
        ({"meaning": "failed"}, "failed"),
        ({"meaning": "failed", "notify": ()}, None),
        ({"meaning": "failed", "notify": ("DELAY",)}, None),
        ({"meaning": "failed", "sender": ""}, None),
        ({"meaning": "deferred", "passed": 14_399}, None),
        ({"meaning": "deferred", "passed": 14_400}, "delayed"),
        ({"meaning": "deferred", "passed": 14_400, "notify": ("FAILURE",)}, None),
        ({"meaning": "deferred", "passed": 14_400, "notify": ("DELAY",)}, "delayed"),
        ({"meaning": "deferred", "passed": 1e5, "policy": replace(POLICY, delay_report=0)}, None),
        ({"meaning": "delivered"}, None),
        ({"meaning": "delivered", "notify": ("SUCCESS",)}, "relayed"),
        ({"meaning": "delivered", "notify": ("SUCCESS",), "reports": True}, None),
        ({"meaning": "delivered", "notify": ("SUCCESS",), "final": True}, "delivered"),
        ({"meaning": "delivered", "deliver_by": DeliverBy(60, "N")}, "relayed"),
        ({"meaning": "delivered", "deliver_by": DeliverBy(60, "N"), "notify": ()}, None),
        ({"meaning": "deferred", "passed": 60, "deliver_by": DeliverBy(60, "N")}, "delayed"),
        ({"meaning": "deferred", "passed": 59, "deliver_by": DeliverBy(60, "N")}, None),
        ({"meaning": "deferred", "passed": 60, "deliver_by": DeliverBy(60, "R")}, None),
    ],
)
def test_the_report_to_the_sender(given, report):
    found = disposed(**given)
    assert found.report == report
    assert found.outcome.delay_reported is (report == "delayed")


def test_a_recipient_without_a_report_waits():
    failed = disposed("failed")
    mail = QueuedMail(
        EnvelopeFields("q1", "me@example.org", (), datetime.fromtimestamp(RECEIVED, UTC), "", ""), [], 1, RECEIVED
    )
    found = POLICY.postponed(mail, failed, RECEIVED)
    assert (found.outcome.state, found.outcome.due, found.report) == ("waiting", RECEIVED + 300, None)
    delivered = disposed("delivered")
    assert POLICY.postponed(mail, delivered, RECEIVED) is delivered
