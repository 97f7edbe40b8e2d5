"""The fields of a transaction as text and as JSON: any values come back from both, and long ones are cut."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import formatEvent

from tests.dialog.test_fields import read
from txsmtpx import Reply
from txsmtpx.dialog.fields import MAX_FACTS, MAX_FIELD
from txsmtpx.observers.transaction_line import FIELDS, as_json, as_text, transaction_event, transaction_fields

OTHERS = ("helo", "login", "from", "to", "reply")


def values(**of):
    defaults = dict.fromkeys(FIELDS[10:19], 1) | {"seconds": 0.5, "backend": 0.25}
    return tuple({**dict.fromkeys(FIELDS, "x"), **defaults, **of}.values())


def summary(**of):
    connection = SimpleNamespace(
        session_id="S1", peer_host="192.0.2.1", helo="h", username=None, tls=None, kept_results=None
    )
    for name in connection.__dict__.keys() & of.keys():
        setattr(connection, name, of.pop(name))
    known = {
        "connection": connection, "queue_id": "Q1", "end": "answered", "sender": "a@b.example",
        "recipients": ["c@d.example"], "rejected": 0, "octets": 7,
        "seconds": 1 / 3, "backend_seconds": 0.25, "outcomes": (), "facts": {},
        "reply": Reply(250, (2, 0, 0), "Ok"),
    }  # fmt: skip
    return SimpleNamespace(**{**known, **of})


@given(st.lists(st.text(max_size=20), min_size=5, max_size=5), st.integers(0, 10**12))
def test_any_values_come_back(texts, octets):
    of = dict(zip(OTHERS, texts, strict=True)) | {"octets": octets}
    assert json.loads(f"{{{as_json(values(**of))}}}") == dict(zip(FIELDS, values(**of), strict=True))
    found = read(as_text(values(**of), {}))
    assert list(found) == list(FIELDS)
    assert {name: found[name] for name in of} == {name: str(value) for name, value in of.items()}


@pytest.mark.parametrize(
    ("outcomes", "counts", "code"),
    [
        ((250, 250), (2, 0, 0), 250), ((250, 450), (1, 1, 0), 450), ((550, 450), (0, 1, 1), 550),
        ((550, 552), (0, 0, 2), 550),
    ],
)  # fmt: skip
def test_the_reply_is_the_first_rejection_of_a_recipient(outcomes, counts, code):
    found, _, _ = transaction_fields("", summary(outcomes=[Reply(each, None, "text") for each in outcomes]))
    of = dict(zip(FIELDS, found, strict=True))
    assert (of["delivered"], of["deferred"], of["refused"]) == counts
    assert of["code"] == code


@pytest.mark.parametrize(("code", "counts"), [(250, (2, 0, 0)), (451, (0, 2, 0)), (554, (0, 0, 2))])
def test_one_reply_is_that_of_all_recipients(code, counts):
    found, _, _ = transaction_fields("", summary(recipients=["a", "b"], reply=Reply(code, None, "text")))
    of = dict(zip(FIELDS, found, strict=True))
    assert (of["delivered"], of["deferred"], of["refused"]) == counts


def test_a_transaction_without_a_reply():
    of = dict(zip(FIELDS, transaction_fields("in", summary(reply=None, end="reset"))[0], strict=True))
    assert (of["code"], of["reply"], of["delivered"], of["end"], of["listener"]) == (0, "", 0, "reset", "in")


LONG = ["x" * 400, "x" * 70_000, "\x00" * 170, "\N{SNOWMAN}" * 90, '"' * 500, "\\" * 501, "x" * 501]


@pytest.mark.parametrize("text", LONG)
@pytest.mark.parametrize("name", ["helo", "username", "sender"])
def test_no_field_takes_more_than_its_octets(name, text):
    found, _, _ = transaction_fields("", summary(**{name: text}))
    for name, value in zip(FIELDS, found, strict=True):
        if name in OTHERS:
            assert len(json.dumps(value)) - 2 <= MAX_FIELD


def test_facts_take_no_name_of_a_field_and_no_more_than_their_octets():
    facts = {"code": "of its own", "stored": 2, **{f"f{n}": "x" * 900 for n in range(5)}}
    _, kept, _ = transaction_fields("", summary(facts=facts))
    assert "code" not in kept
    assert kept["stored"] == 2
    assert kept["cut"] == 3
    assert len(json.dumps(dict(kept))) <= MAX_FACTS + 20


@given(st.text(), st.text(max_size=10))
def test_the_event_has_the_line_and_the_fields(text, fact):
    facts = {"note": fact}
    event = transaction_event(1.5, "some.where", values(reply=text), facts)
    assert formatEvent(event) == event["smtpx_line"] == as_text(values(reply=text), facts)
    assert [event[name] for name in FIELDS] == list(values(reply=text))
    assert event["note"] == fact


@given(st.lists(st.text('ab ="\\{\n\u00e9', max_size=8), min_size=4, max_size=4), st.booleans())
def test_a_simple_line_is_the_same_as_one_whose_values_are_looked_at(texts, answered):
    helo, sender, recipient, text = texts
    reply = Reply(250, None, text) if answered else None
    found = summary(helo=helo, sender=sender, recipients=[recipient], reply=reply)
    of, facts, simple = transaction_fields("in", found)
    of_client, of_server = set("".join(texts[:3])), set(text if answered else "")
    assert simple == (not of_client & set(" =\"\\\n\u00e9") and not of_server & set("\"\\\u00e9"))
    assert as_text(of, facts, simple) == as_text(of, facts)
    assert as_json(of, simple) == as_json(of)
