"""Faults on demand in the API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.inbox.site import Line, Web
from txsmtpx.inbox.faults import Faults

FAULT = {"command": "RCPT", "address": "*@x.example", "share": 0.3, "code": 452, "text": "Full", "delay": 1.5}
QUERY = "command=RCPT&address=*@x.example&share=0.3&code=452&text=Full&delay=1.5"


@pytest.fixture
def faults() -> Faults:
    return Faults(lambda: 0.0)


@pytest.fixture
def chaos(faults: Faults) -> Iterator[Web]:
    made = Web(faults=faults)
    yield made
    made.stop()


def test_they_come_and_go(chaos, faults):
    assert chaos.json("/api/chaos") == {"faults": []}
    assert chaos.ask("POST", f"/api/chaos?{QUERY}").json == {"faults": [FAULT]}
    seconds, reply = faults.of("RCPT", ["ann@x.example"])
    assert (seconds, reply.one_line) == (1.5, "452 4.0.0 Full")
    chaos.ask("POST", "/api/chaos?command=MAIL&delay=2")
    assert [each["command"] for each in chaos.json("/api/chaos")["faults"]] == ["RCPT", "MAIL"]
    assert chaos.ask("DELETE", "/api/chaos?command=MAIL").json == {"faults": [FAULT]}
    assert chaos.ask("DELETE", "/api/chaos").json == {"faults": []}


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("", "command: this parameter needs MAIL, RCPT, DATA or AUTH, not ''"),
        ("command=QUIT&code=451", "command: this parameter needs MAIL, RCPT, DATA or AUTH, not 'QUIT'"),
        ("command=MAIL", "code: a fault needs a code, such as 451, or a delay in seconds"),
        ("command=MAIL&code=250", "code: this parameter needs a code from 400 to 599, not 250"),
        ("command=MAIL&code=600", "code: this parameter needs a whole number from 0 to 599, not '600'"),
        ("command=MAIL&code=451&share=2", "share: this parameter needs a number from 0 to 1, such as 0.5, not '2'"),
        ("command=MAIL&code=451&share=nan", "share: this parameter needs a number from 0 to 1, such as 0.5, not 'nan'"),
        ("command=MAIL&code=451&share=0", "share: this parameter needs a number above 0; to end a fault, send DELETE"),
        ("command=MAIL&delay=3601", "delay: this parameter needs a number from 0 to 3600, such as 0.5, not '3601'"),
        ("command=MAIL&code=451&text=a%0Ab", "text: this parameter needs printable ASCII, up to 200 characters"),
        ("command=AUTH&code=451&address=*", "address: AUTH has no address; leave this parameter out"),
        (
            "command=RCPT&code=451&address=ann@",
            "address: must be an address or a domain, such as qa@example.org, *@example.org, *.example.org or *, not "
            "'ann@'",
        ),
    ],
)
def test_what_is_wrong_changes_nothing(chaos, query, error):
    answer = chaos.ask("POST", f"/api/chaos?{query}")
    assert (answer.status, answer.json) == (400, {"error": error})
    assert chaos.json("/api/chaos") == {"faults": []}


def test_nothing_fails_without_the_option(web):
    for method in ("GET", "POST", "DELETE"):
        answer = web.ask(method, "/api/chaos")
        assert (answer.status, answer.json["error"][:16]) == (403, "Faults are off. ")


def test_other_sites_change_nothing(chaos):
    for method in ("POST", "DELETE"):
        assert chaos.ask(method, f"/api/chaos?{QUERY}", Origin="https://evil.example").status == 403
    line = Line(chaos.site, "POST", f"/api/chaos?{QUERY}", {"Content-Length": "2"}, b"{}")
    assert line.answer.status == 400
    assert chaos.json("/api/chaos") == {"faults": []}
