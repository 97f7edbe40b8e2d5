"""The requests of a message: one for each URL, their signatures, and the outcomes of their recipients."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook
from twisted.internet.task import Clock

from tests.backends.application import HELLO, LATER, Application
from tests.consume.queue import queued
from txsmtpx.backends.held_message import HeldMessage
from txsmtpx.backends.http import HTTPBackend
from txsmtpx.consume.backend_handler import BackendHandler
from txsmtpx.settling import deferred_call
from txsmtpx.testing import Conversation

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_an_outcome_for_each_recipient(mail):
    sent = mail(lmtp=True)
    sent.send(HELLO, "b@example.org", "c@example.org", "b@example.org")
    no = {"code": 550, "enhanced_code": "5.1.1", "text": "No such user"}
    sent.application.answer(200, {"recipients": {"c@example.org": no}})
    first, second, third = sent.client.replies()
    assert first[:9] == third[:9] == "250 2.0.0"
    assert second == "550 5.1.1 <c@example.org> No such user"


def test_under_smtp_one_rejection_rejects(mail):
    sent = mail()
    sent.send(HELLO, "b@example.org", "c@example.org")
    sent.application.answer(200, {"recipients": [{}, {"code": 452, "text": "Full"}]})
    assert sent.client.replies() == ["452 4.0.0 Full"]


def test_the_log_says_why(mail, logged):
    sent = mail("http://app.example.org/mail/{local}?key=secret")
    sent.send()
    sent.application.answer(503, "Database is down")
    (line,) = [each for each in logged if "answered" in each]
    assert line.endswith(" http://app.example.org/mail/b: the application has answered 503 Reason: Database is down")
    assert "secret" not in "".join(logged)


def test_each_url_has_a_request(mail):
    sent = mail("http://app.example.org/{domain}/{local}", lmtp=True)
    sent.send(HELLO, "B@example.org", "c@example.net", "b@EXAMPLE.org")
    first, second = sent.application.request(0), sent.application.request(1)
    assert [first.line, second.line] == ["POST /example.org/b HTTP/1.1", "POST /example.net/c HTTP/1.1"]
    assert first.body == second.body == HELLO
    assert json.loads(first.headers["smtp-recipients"]) == ["B@example.org", "b@EXAMPLE.org"]
    assert second.headers["idempotency-key"] == first.headers["idempotency-key"] + "-2"
    sent.application.answer(404, "Unknown", number=1)
    assert sent.client.replies() == []  # LMTP keeps the order
    sent.application.answer(200, "Thanks", number=0)
    assert sent.client.replies() == [
        "250 2.0.0 <B@example.org> Thanks", "550 5.7.1 <c@example.net> Unknown", "250 2.0.0 <b@EXAMPLE.org> Thanks"
    ]  # fmt: skip


def test_the_keys_of_a_message_of_a_queue_differ_by_its_recipients():
    """An application that discards a known key gets the message for the recipients that are left."""
    clock, application = Clock(), Application()
    backend = HTTPBackend("http://app.example.org/{domain}", endpoint=application, reactor=clock)
    handler, keys = BackendHandler(backend, reactor=clock), []
    for to in (["b@x.example", "c@y.example"], ["c@y.example"], ["b@x.example", "c@x.example"], ["c@x.example"]):
        first, found = len(application.pipes), []
        deferred_call(handler, queued(*to)).addBoth(found.append)
        for number in range(first, len(application.pipes)):
            headers = application.request(number).headers
            keys.append((headers["idempotency-key"], headers["smtp-recipients"]))
            application.pipes[number].say(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        assert found == [None]
    assert len(keys) == 5
    assert len({key for key, _ in keys}) == len(set(keys)) == 4  # the second attempt for c@y.example is known
    assert all(key.startswith("3fa9c1-") for key, _ in keys)
    backend.close()


def test_one_request_that_hangs_stops_no_other(mail):
    sent = mail("http://app.example.org/{local}", lmtp=True, timeout=30)
    sent.send(HELLO, "b@example.org", "c@example.org")
    sent.application.answer(200, "Thanks", number=0)
    assert sent.client.replies() == ["250 2.0.0 <b@example.org> Thanks"]
    sent.clock.advance(30)
    assert sent.client.replies() == [f"451 4.3.0 <c@example.org> {LATER[10:]}"]


def test_a_client_that_goes_away_aborts_each_request(mail):
    sent = mail("http://app.example.org/{local}")
    sent.send(HELLO, "b@example.org", "c@example.org")
    sent.client.hang_up()
    assert all(pipe.aborted for pipe in sent.application.pipes)


@pytest.mark.parametrize("format", ["raw", "form", "json"])
def test_a_signature(mail, format):
    sent = mail(secret=SECRET, format=format)
    sent.send(b"Subject: Hello\r\n\r\n" + (b"x" * 998 + b"\r\n") * 50)
    request = sent.application.answer(200)
    headers = request.headers
    signed = Webhook(SECRET).sign(headers["webhook-id"], _moment(headers), request.body.decode())
    assert headers["webhook-signature"] == signed
    assert headers["webhook-id"] == headers["idempotency-key"] == sent.client.replies()[0].split()[-1]
    assert not request.chunked
    if format == "json":  # the package parses what it verifies
        assert Webhook(SECRET).verify(request.body, headers)["subject"] == "Hello"


def _moment(headers):
    return datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)


def test_messages_that_are_parsed_wait_outside_of_memory(mail):
    first = mail(format="json", connections=1, timeout=30)
    second, third = Conversation(first.backend), Conversation(first.backend)
    first.send()
    for each in (second, third):
        each.ask("EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@example.org>", "DATA")
        each.send(HELLO + b".\r\n")
    first.clock.advance(20)
    first.application.answer(200)
    assert first.client.replies()[-1][:3] == "250"
    assert json.loads(first.application.request().body)["subject"] == "Hello"  # of the second
    first.clock.advance(10)
    assert third.replies()[-1] == LATER
    first.application.answer(200)
    assert second.replies()[-1][:3] == "250"
    second.hang_up()
    third.hang_up()


def test_a_request_that_fails_ends_the_others(mail, monkeypatch, logged_failures):
    """A file that cannot be read is one of all requests."""
    sent = mail("http://app.example.org/{local}", lmtp=True, hold=True)
    read = HeldMessage.read

    def fail(held, position):
        if len(sent.application.pipes) == 2:
            raise OSError(5, "Input/output error")
        return read(held, position)

    monkeypatch.setattr(HeldMessage, "read", fail)
    sent.send(b"x" * 70_000 + b"\r\n", "b@example.org", "c@example.org")
    assert [reply[:9] for reply in sent.client.replies()] == ["451 4.3.0"] * 2
    assert all(pipe.aborted for pipe in sent.application.pipes)
    assert len(logged_failures.flush(OSError)) == 1
