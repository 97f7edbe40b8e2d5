"""The application is asked for each recipient: its answer is the reply to RCPT, and is kept for a while."""

from __future__ import annotations

import pytest

from tests.backends.application import LATER
from tests.filters.daemon import REFUSED

RCPT_URL = "http://app.example.org/has/{domain}/{local}"


@pytest.fixture
def asking(mail):
    """Makes clients that have sent MAIL, whose recipients the application is asked for."""

    def make(**how):
        made = mail(rcpt_url=RCPT_URL, **how)
        made.client.ask("MAIL FROM:<a@client.example>")
        return made

    return make


def rcpt(sent, address="b@example.org"):
    """Send RCPT; return the replies so far."""
    return sent.client.ask(f"RCPT TO:<{address}>")


@pytest.mark.parametrize(
    ("status", "body", "reply"),
    [
        (200, "", "250 2.1.5 Recipient ok"),
        (204, "", "250 2.1.5 Recipient ok"),
        (404, "", "550 5.1.1 No such recipient here"),
        (410, "Ann has left", "550 5.1.1 Ann has left"),
        (404, {"code": 550, "enhanced_code": "5.1.6", "text": "Ann has moved"}, "550 5.1.6 Ann has moved"),
        (200, {"code": 450, "enhanced_code": "4.2.2", "text": "Full"}, "450 4.2.2 Full"),
        (429, "", LATER),
        (500, "", LATER),
        (302, "", LATER),
    ],
)
def test_an_answer_is_the_reply(asking, status, body, reply):
    sent = asking(token="abc")
    assert rcpt(sent) == []
    request = sent.application.answer(status, body)
    assert request.line == "GET /has/example.org/b HTTP/1.1"
    assert request.headers["authorization"] == "Bearer abc"
    assert sent.client.replies() == [reply]


@pytest.mark.parametrize(("status", "kept"), [(200, True), (404, True), (500, False), (429, False)])
def test_what_is_kept(asking, status, kept):
    sent = asking(rcpt_cache=60)
    rcpt(sent, "B@example.org")
    sent.application.answer(status)
    (first,) = sent.client.replies()
    sent.clock.advance(3)
    again = rcpt(sent, "b@EXAMPLE.org")
    assert again == ([first] if kept else [])
    if not kept:
        sent.application.answer(200)
        assert sent.client.replies() == ["250 2.1.5 Recipient ok"]


def test_for_how_long_it_is_kept(asking):
    sent = asking(rcpt_cache=60)
    rcpt(sent)
    sent.application.answer(404)
    sent.client.replies()
    sent.clock.advance(59)
    assert rcpt(sent) == ["550 5.1.1 No such recipient here"]
    sent.clock.advance(1)
    assert rcpt(sent) == []
    sent.application.answer(200, number=1)
    assert sent.client.replies() == ["250 2.1.5 Recipient ok"]


def test_how_many_are_kept(asking, monkeypatch):
    monkeypatch.setattr("txsmtpx.backends.http_recipients.MOST", 2)
    sent = asking()
    for local in ("b", "c", "d"):
        rcpt(sent, f"{local}@example.org")
        sent.application.answer(404)
        sent.client.replies()
    assert rcpt(sent, "d@example.org") == ["550 5.1.1 No such recipient here"]
    assert rcpt(sent, "b@example.org") == []
    sent.application.answer(404)


def test_without_a_cache(asking):
    sent = asking(rcpt_cache=0)
    for _ in range(2):
        rcpt(sent)
        sent.application.answer(200)
        assert sent.client.replies() == ["250 2.1.5 Recipient ok"]


def test_an_application_that_cannot_be_asked(asking, logged):
    sent = asking(mode=REFUSED)
    assert rcpt(sent) == [LATER]
    (line,) = [each for each in logged if "cannot tell" in each]
    assert "http://app.example.org/has/{domain}/{local} cannot tell about the recipient <b@example.org>: cannot" in line


def test_an_application_that_hangs(asking):
    sent = asking(timeout=10)
    rcpt(sent)
    sent.clock.advance(10)
    assert sent.client.replies() == [LATER]


def test_a_client_that_goes_away(asking):
    sent = asking()
    rcpt(sent)
    (pipe,) = sent.application.pipes
    sent.client.hang_up()
    assert pipe.aborted


def test_a_message_for_those_that_exist(asking):
    sent = asking()
    rcpt(sent, "b@example.org")
    sent.application.answer(404)
    rcpt(sent, "c@example.org")
    sent.application.answer(200)
    sent.client.ask("DATA")
    sent.client.send(b"Subject: x\r\n\r\n.\r\n")
    assert sent.application.answer(200).headers["smtp-recipients"] == '["c@example.org"]'
