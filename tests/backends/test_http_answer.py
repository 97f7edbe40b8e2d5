"""What the answer of a web application means: its status, its text, and its JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.backends.http_answer import NO_RECIPIENT_550, NOT_ACCEPTED_451, REJECTED_550, outcome_of
from txsmtpx.grammar.reply import Reply
from txsmtpx.wire.web_answer import WebAnswer

JSON = {"content-type": "application/json; charset=utf-8"}
TEXT = {"content-type": "text/plain"}


def answer(status, body=b"", headers=TEXT, **how):
    return WebAnswer(status, "Reason", headers, body, **how)


@pytest.mark.parametrize("status", range(200, 600))
def test_each_status(status):
    outcome = outcome_of(answer(status))
    accepted = status < 300
    rejected = 400 <= status < 500 and status not in (408, 425, 429)
    assert outcome.reply is (None if accepted else REJECTED_550 if rejected else NOT_ACCEPTED_451)
    assert outcome.reason == ("" if accepted else f"the application has answered {status} Reason")
    assert outcome.recipients == ()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"Thanks", "Thanks"),
        (b"\r\n  Thanks, Ann \r\nsecond line", "Thanks, Ann"),
        (b"a\rb", "a"),
        (b"a\x00\x1b[2Jb\xff", "a [2Jb"),
        (b"x" * 10_000, "x" * 200),
    ],
)
def test_the_words(body, words):
    assert outcome_of(answer(200, body)).reply == Reply(250, (2, 0, 0), words)
    assert outcome_of(answer(422, body)).reply == Reply(550, (5, 7, 1), words)
    assert outcome_of(answer(500, body)).reply is NOT_ACCEPTED_451  # which may be a traceback
    assert outcome_of(answer(500, body)).reason == f"the application has answered 500 Reason: {words}"


def test_a_reply_is_ascii_and_the_log_has_all():
    assert outcome_of(answer(200, "Grüße".encode())).reply == Reply(250, (2, 0, 0), "Gr??e")
    assert outcome_of(answer(200, '{"text": "Grüße"}'.encode(), JSON)).reply == Reply(250, (2, 0, 0), "Gr??e")
    outcome = outcome_of(WebAnswer(422, "a\rb\x1b[2J" + "c" * 1000, TEXT, "Grüße".encode()))
    assert outcome.reply == Reply(550, (5, 7, 1), "Gr??e")
    assert outcome.reason == "the application has answered 422 a: Grüße"


@pytest.mark.parametrize("kind", ["text/html", "", "application/octet-stream"])
def test_what_is_no_text_gives_no_words(kind):
    assert outcome_of(answer(200, b"<p>Thanks", {"content-type": kind})).reply is None
    assert outcome_of(answer(400, b"<p>No", {"content-type": kind})).reply is REJECTED_550
    assert outcome_of(answer(404, b"", {}), rejected=NO_RECIPIENT_550).reply is NO_RECIPIENT_550


def test_an_answer_before_the_end_of_the_message():
    outcome = outcome_of(answer(200, b"Thanks", early=True))
    assert outcome.reply is NOT_ACCEPTED_451
    assert outcome.reason == "the application has answered 200 before it has read the message"
    assert outcome_of(answer(413, b"Too large", early=True)).reply == Reply(550, (5, 7, 1), "Too large")


@pytest.mark.parametrize(
    ("status", "found", "reply"),
    [
        (200, {}, None),
        (200, {"ok": True, "id": 7}, None),
        (200, {"text": "Thanks"}, Reply(250, (2, 0, 0), "Thanks")),
        (200, {"code": 250, "enhanced_code": "2.1.5"}, Reply(250, (2, 1, 5), "Ok")),
        (200, {"code": 550}, Reply(550, (5, 0, 0), "Rejected")),
        (202, {"code": 452, "enhanced_code": "4.2.2", "text": "Full"}, Reply(452, (4, 2, 2), "Full")),
        (400, {"text": "No"}, Reply(550, (5, 7, 1), "No")),
        (400, {"code": 554, "enhanced_code": "5.6.0"}, Reply(554, (5, 6, 0), "Rejected")),
        (400, {"code": 450}, Reply(450, (4, 0, 0), "Rejected")),
        (400, {"code": 250}, REJECTED_550),
        (503, {"code": 250}, NOT_ACCEPTED_451),
        (503, {"code": 550}, NOT_ACCEPTED_451),
        (429, {"text": "Slower"}, Reply(451, (4, 3, 0), "Slower")),
        (301, {"code": 450, "text": "a\r\nb"}, Reply(450, (4, 0, 0), "a")),
    ],
)
def test_json(status, found, reply):
    assert outcome_of(answer(status, json.dumps(found).encode(), JSON)).reply == reply


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "200: its JSON is malformed"),
        (b'{"code": 250', "200: its JSON is malformed"),
        (b"\xff", "200: its JSON is malformed"),
        (b"[" * 60_000, "200: its JSON is malformed"),
        (b"[]", "200: its JSON is no object"),
        (b'{"code": "250"}', "200: its code is '250', not a number such as 250, 451 or 550"),
        (b'{"code": true}', "200: its code is True, not a number such as 250, 451 or 550"),
        (b'{"code": 221}', "200: its code is 221, not a number such as 250, 451 or 550"),
        (b'{"code": 354}', "200: its code is 354, not a number such as 250, 451 or 550"),
        (b'{"code": 421}', "200: its code is 421, not a number such as 250, 451 or 550"),
        (b'{"text": 5}', "200: its text is 5, not a string"),
        (b'{"enhanced_code": "2.1"}', "200: its enhanced code is '2.1', which does not go with 250"),
        (b'{"enhanced_code": [2, 0, 0]}', "200: its enhanced code is [2, 0, 0], which does not go with 250"),
        (b'{"recipients": "all"}', "200: its recipients are neither an object nor a list"),
        (b'{"recipients": []}', "200: it has outcomes for 0 recipients, not for 2"),
        (b'{"recipients": [{}, 5]}', "200: the outcome of a recipient is no object"),
    ],
)
def test_json_that_cannot_be_used(body, reason):
    outcome = outcome_of(answer(200, body, JSON), ("a@example.org", "b@example.org"))
    assert (outcome.reply, outcome.recipients, outcome.reason) == (NOT_ACCEPTED_451, (), reason)
    assert outcome_of(answer(410, body, JSON)).reply is REJECTED_550


def test_an_outcome_for_each_recipient():
    to = ("Ann@EXAMPLE.org", "bob@example.org", "eve@example.org")
    no = {"code": 550, "enhanced_code": "5.1.1", "text": "Who?"}
    keyed = {"text": "Thanks", "recipients": {"ann@example.org": no, "bob@example.org": {"text": "Hi"}, "x@y": no}}
    listed = {"text": "Thanks", "recipients": [no, {"text": "Hi"}, {}]}
    for found in (keyed, listed):
        outcome = outcome_of(answer(200, json.dumps(found).encode(), JSON), to)
        assert outcome.recipients == (
            Reply(550, (5, 1, 1), "Who?"), Reply(250, (2, 0, 0), "Hi"), Reply(250, (2, 0, 0), "Thanks")
        )  # fmt: skip
    outcome = outcome_of(answer(200, b'{"recipients": [{}, {"code": 550}, {}]}', JSON), to)
    assert outcome.recipients == (None, Reply(550, (5, 0, 0), "Rejected"), None)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([250, 550, "5.1.1", "a@b"]),
    lambda each: st.lists(each, max_size=3)
    | st.dictionaries(st.sampled_from(["code", "enhanced_code", "text", "recipients", "a@b"]), each, max_size=4),
)


@given(st.integers(200, 599), VALUES)
def test_any_json_is_a_reply(status, found):
    outcome = outcome_of(answer(status, json.dumps(found).encode(), JSON), ("a@b",))
    for reply in (outcome.reply, *outcome.recipients):
        code = 250 if reply is None else reply.code
        assert code == 250 or 400 <= code <= 599
        assert status < 300 or code != 250
