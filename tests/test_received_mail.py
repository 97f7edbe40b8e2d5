"""The receiving end of the backend http: what it reads, and what it refuses.  The page has Django, Flask, FastAPI."""

from __future__ import annotations

import time

import pytest

from tests.backends.test_http_formats import ENVELOPE
from txsmtpx.backends.http_content import raw_headers
from txsmtpx.backends.http_signature import WebhookSecret
from txsmtpx.received_mail import ReceivedMail

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CONTENT = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHow are you?\r\n"


def headers(**changed):
    signed = WebhookSecret(SECRET).headers("3fa9c1", int(time.time()), CONTENT)
    return {**dict(raw_headers(ENVELOPE)), **signed, "Idempotency-Key": "3fa9c1-2", "Host": "h", **changed}


@pytest.mark.parametrize("case", [str, str.lower, str.upper])
def test_a_request(case):
    sent = {case(name): value for name, value in headers().items()}
    mail = ReceivedMail.of(sent, CONTENT, SECRET)
    assert mail == ReceivedMail(ENVELOPE, CONTENT, "3fa9c1-2")
    assert mail.message["Subject"] == "Grüße"
    assert mail.message.get_content().splitlines() == ["How are you?"]


def test_what_is_not_signed():
    sent = dict(raw_headers(ENVELOPE))
    assert ReceivedMail.of(sent, CONTENT).id == "3fa9c1"
    with pytest.raises(ValueError, match=r"^the request has no header webhook-id$"):
        ReceivedMail.of(sent, CONTENT, SECRET)


@pytest.mark.parametrize(
    ("changed", "body", "error"),
    [
        ({}, CONTENT + b"x", "the signature of the request is wrong"),
        ({"Webhook-Timestamp": "1000"}, CONTENT, "the time of the request is not the present time"),
        ({"Smtp-Sender": '"'}, CONTENT, "the field sender of the envelope is malformed: '\"'"),
    ],
)
def test_what_is_refused(changed, body, error):
    with pytest.raises(ValueError, match=f"^{error}$"):
        ReceivedMail.of(headers(**changed), body, SECRET)


def test_a_request_of_another_program():
    with pytest.raises(ValueError, match=r"^the envelope lacks the field queue_id$"):
        ReceivedMail.of({"Host": "h"}, b"")
