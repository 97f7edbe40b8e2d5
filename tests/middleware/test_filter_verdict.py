"""Which verdict may be given at which stage."""

from __future__ import annotations

import pytest

from tests.middleware.scripted_filter import STAGES
from txsmtpx import Accept, AddHeader, AddRecipient, Discard, Quarantine, ReplaceBody, Reply
from txsmtpx.middleware.filter_verdict import changes_of, checked_verdict, name_of, results_of

VERDICTS = [stage for stage in STAGES if stage != "chunk"]


@pytest.mark.parametrize("stage", VERDICTS)
@pytest.mark.parametrize(
    "verdict",
    [
        None, Accept(), Accept(final=True), Accept([("X", "y")], [AddRecipient("b@c.example"), Quarantine("odd")]),
        Discard(), Reply(421, None, "x"), Reply(450, None, "x"), Reply(521, None, "x"), Reply(599, None, "x"),
    ],
)  # fmt: skip
def test_what_may_be_given_at_each_stage(stage, verdict):
    assert checked_verdict(verdict, stage, True) is verdict


@pytest.mark.parametrize("stage", VERDICTS)
@pytest.mark.parametrize("verdict", [True, "x", 550, Accept, Discard, Reply(354, None, "x"), Reply(221, None, "x")])
def test_what_is_no_verdict(stage, verdict):
    with pytest.raises(TypeError):
        checked_verdict(verdict, stage, True)


@pytest.mark.parametrize("stage", VERDICTS)
def test_a_positive_reply_discards_a_message(stage):
    reply = Reply(250, None, "thanks")
    if stage in ("data", "header", "end"):
        assert checked_verdict(reply, stage, True) is reply
    else:
        with pytest.raises(TypeError, match=rf"a reply of {stage}\(\) must be 4xx or 5xx, not 250 thanks"):
            checked_verdict(reply, stage, True)


@pytest.mark.parametrize("stage", VERDICTS)
def test_the_body_is_replaced_at_the_end(stage):
    verdict = Accept(changes=[ReplaceBody(b"x")])
    if stage == "end":
        assert checked_verdict(verdict, stage, True) is verdict
    else:
        with pytest.raises(TypeError, match="ReplaceBody is a change of end"):
            checked_verdict(verdict, stage, True)


@pytest.mark.parametrize("verdict", [Accept([("X", "y")]), Accept(changes=[AddRecipient("b@c.example")])])
def test_changes_that_come_too_late(verdict):
    with pytest.raises(TypeError, match="needs FilterBackend"):
        checked_verdict(verdict, "end", False)


@pytest.mark.parametrize("verdict", [None, Accept(), Accept(results=["x"]), Accept(changes=[Quarantine("odd")])])
def test_results_never_come_too_late(verdict):
    assert checked_verdict(verdict, "end", False) is verdict


def test_its_parts():
    verdict = Accept([("A", "1"), ("B", "2")], [Quarantine("odd"), AddHeader("C", "3")], ["found"])
    changes = changes_of(verdict)
    assert [each.encoded for each in changes] == [b"B: 2\r\n", b"A: 1\r\n", b"C: 3\r\n"]  # each of the first two at 0
    assert results_of(verdict) == ["found", Quarantine("odd")]


def test_its_name():
    verdicts = [None, Accept(), Discard(), Reply(250, None, "x"), Reply(450, None, "x"), Reply(550, None, "x")]
    assert [name_of(each) for each in verdicts] == ["continue", "accept", "discard", "discard", "defer", "reject"]
