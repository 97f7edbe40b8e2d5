"""Faults on demand for helpers of Mailpit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.inbox.site import Web
from txsmtpx.inbox.faults import MAX_FAULTS, Fault, Faults

URL = "/api/v1/chaos"
OFF = {
    "Sender": {"ErrorCode": 451, "Probability": 0},
    "Recipient": {"ErrorCode": 451, "Probability": 0},
    "Authentication": {"ErrorCode": 535, "Probability": 0},
}


@pytest.fixture
def faults() -> Faults:
    return Faults(lambda: 0.0)


@pytest.fixture
def chaos(faults: Faults) -> Iterator[Web]:
    made = Web(faults=faults)
    yield made
    made.stop()


def test_triggers_are_set(chaos, faults):
    assert chaos.json(URL) == OFF
    sender, login = {"ErrorCode": 452, "Probability": 30}, {"Probability": 100}
    answer = chaos.send("PUT", URL, {"Sender": sender, "Authentication": login})
    expected = OFF | {
        "Sender": {"ErrorCode": 452, "Probability": 30},
        "Authentication": {"ErrorCode": 535, "Probability": 100},
    }
    assert (answer.status, answer.json, chaos.json(URL)) == (200, expected, expected)
    assert [(each.command, each.share, each.code) for each in faults.all] == [("MAIL", 0.3, 452), ("AUTH", 1.0, 535)]
    assert chaos.json("/api/chaos")["faults"][0]["code"] == 452


def test_a_trigger_that_is_left_out_is_turned_off(chaos, faults):
    chaos.send("PUT", URL, {"Sender": {"ErrorCode": 452, "Probability": 30}})
    answer = chaos.send("PUT", URL, {"Recipient": {"ErrorCode": 0, "Probability": 5}, "Sender": {"ErrorCode": 550}})
    assert answer.json == OFF | {
        "Sender": {"ErrorCode": 550, "Probability": 0}, "Recipient": {"ErrorCode": 451, "Probability": 5}
    }  # fmt: skip
    assert chaos.send("PUT", URL, {}).json == OFF
    assert faults.all == []


def test_other_faults_stay(chaos, faults):
    for fault in (Fault("MAIL", code=451, addresses="a@x.example"), Fault("DATA", code=550)):
        faults.put(fault)
    assert chaos.send("PUT", URL, {"Sender": {"Probability": 1}}).json["Sender"]["Probability"] == 1
    assert chaos.send("PUT", URL, {}).json == OFF
    assert [(each.command, each.addresses) for each in faults.all] == [("MAIL", "a@x.example"), ("DATA", "")]


def test_a_fault_of_the_other_api(chaos):
    chaos.ask("POST", "/api/chaos?command=RCPT&delay=5&share=0.005")
    assert chaos.json(URL)["Recipient"] == {"ErrorCode": 451, "Probability": 0}


WRONG = [
    ({"Sender": {"ErrorCode": 399, "Probability": 5}}, "ErrorCode: this field needs a code from 400 to 599, not 399"),
    ({"Sender": {"ErrorCode": 600, "Probability": 5}}, "ErrorCode: this field needs a whole number from 0 to 599"),
    ({"Sender": {"Probability": 101}}, "Probability: this field needs a whole number from 0 to 100"),
    ({"Sender": {"Probability": 0.5}}, "Probability: this field needs a whole number from 0 to 100"),
    ({"Sender": 5}, "Sender: this field needs an object"),
    ({"Sender": {"Share": 5}}, "Share: unknown field; known here: ErrorCode, Probability"),
    ({"Data": {}}, "Data: unknown field; known here: Sender, Recipient, Authentication"),
]


@pytest.mark.parametrize(("body", "error"), WRONG)
def test_what_is_wrong_changes_nothing(chaos, faults, body, error):
    answer = chaos.send("PUT", URL, {"Recipient": {"Probability": 5}} | body)
    assert (answer.status, answer.json) == (400, {"error": error})
    assert faults.all == []


def test_without_a_body(chaos, faults):
    """A script whose variable is empty turns nothing off."""
    faults.put(Fault("MAIL", code=451))
    answer = chaos.send("PUT", URL, b"")
    assert (answer.status, answer.json) == (400, {"error": "PUT needs a body of JSON here; this is a body: {}"})
    assert len(faults.all) == 1


def test_too_many_faults(chaos, faults):
    for number in range(MAX_FAULTS):
        faults.put(Fault("MAIL", code=451, addresses=f"a{number}@x.example"))
    assert "faults already" in chaos.send("PUT", URL, {"Sender": {"Probability": 5}}).json["error"]


def test_nothing_fails_without_the_option(web):
    for method in ("GET", "PUT"):
        answer = web.send(method, URL, {})
        assert (answer.status, answer.json["error"][:16]) == (400, "Faults are off. ")


def test_other_sites_change_nothing(chaos, faults):
    answer = chaos.send("PUT", URL, {"Sender": {"Probability": 5}}, Origin="https://evil.example")
    assert (answer.status, faults.all) == (403, [])
