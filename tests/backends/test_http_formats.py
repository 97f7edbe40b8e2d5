"""The formats form and json: each field, and that frameworks read what is written."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.wrappers import Request

from txsmtpx.backends.envelope_fields import EnvelopeFields, EnvelopeRecipient
from txsmtpx.backends.http_formats import (
    Form,
    FormFile,
    form_of,
    json_body,
    json_envelope,
    mailgun_form,
    multipart,
    sendgrid_form,
)
from txsmtpx.backends.mail_parts import MailParts
from txsmtpx.grammar.option_value import DeliverBy, OriginalRecipient

MOMENT = datetime(2030, 1, 31, 12, tzinfo=UTC)
ENVELOPE = EnvelopeFields(
    "3fa9c1", "a@client.example", (EnvelopeRecipient("b@example.org"), EnvelopeRecipient("c@example.org")), MOMENT,
    "ESMTP", "mail.example.org", "client.example", "192.0.2.1", 4000,
)  # fmt: skip
PARTS = MailParts.of(
    b"From: Ann <ann@example.org>\r\nTo: b@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Message-ID: <1@client.example>\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    b"--x\r\n\r\nHello\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>Hello\r\n"
    b'--x\r\nContent-Type: image/png; name="a \\"b\\".png"\r\nContent-ID: <c1>\r\n\r\n\x89PNG\r\n'
    b"--x\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename*=utf-8''b%C3%BC.txt\r\n\r\nfile\r\n"
    b"--x--\r\n"
)


def read(form):
    """Return the fields and files as a framework reads them."""
    kind, body = multipart(form)
    environment = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body)),
                   "wsgi.input": io.BytesIO(body)}  # fmt: skip
    with Request(environment) as request:
        found = request.files.items(multi=True)
        files = [(name, file.filename, file.content_type, file.read()) for name, file in found]
        return dict(request.form.items(multi=True)), files


def test_json():
    found = json.loads(json_body(ENVELOPE, PARTS))
    assert list(found) == ["envelope", "headers", "subject", "from", "to", "cc", "reply_to", "date", "message_id",
                           "text", "html", "attachments"]  # fmt: skip
    assert found["headers"][0] == ["From", "Ann <ann@example.org>"]
    assert found["headers"][2] == ["Subject", "Grüße"]
    assert (found["cc"], found["date"], found["message_id"]) == ([], "", "<1@client.example>")
    assert [each["filename"] for each in found["attachments"]] == ['a "b".png', "bü.txt"]
    assert found["attachments"][1]["content_id"] is None
    assert (found["envelope"]["received"], found["envelope"]["username"]) == ("2030-01-31T12:00:00Z", None)


def test_an_envelope_in_json():
    recipient = EnvelopeRecipient("b@example.org", ("FAILURE",), OriginalRecipient("rfc822", "c@example.org"))
    envelope = EnvelopeFields("1", "", (recipient,), MOMENT, "LMTP", "h", deliver_by=DeliverBy(60, "N", True), size=5)
    found = json.loads(json.dumps(json_envelope(envelope)))
    assert found["recipients"] == [{"address": "b@example.org", "notify": ["FAILURE"], "orcpt": "rfc822;c@example.org"}]
    assert found["deliver_by"] == {"seconds": 60, "mode": "N", "trace": True}
    assert (found["size"], found["peer_port"], found["tls_version"]) == (5, 0, None)


def test_a_form():
    texts, files = read(form_of(ENVELOPE, PARTS))
    assert EnvelopeFields.parsed(texts) == ENVELOPE
    assert (texts["subject"], texts["from"], texts["cc"]) == ("Grüße", "Ann <ann@example.org>", "")
    assert (texts["text"], texts["html"], texts["message_id"]) == ("Hello", "<p>Hello", "<1@client.example>")
    assert json.loads(texts["headers"])[1] == ["To", "b@example.org"]
    assert files[1] == ("attachment-2", "bü.txt", "text/plain", b"file")
    assert files[0][2:] == ("image/png", b"\x89PNG")


def test_the_names_of_mailgun():
    texts, files = read(mailgun_form(ENVELOPE, PARTS, "key-1"))
    assert texts["recipient"] == "b@example.org,c@example.org"
    assert (texts["sender"], texts["from"], texts["subject"]) == ("a@client.example", "Ann <ann@example.org>", "Grüße")
    assert (texts["body-plain"], texts["body-html"], texts["attachment-count"]) == ("Hello", "<p>Hello", "2")
    assert json.loads(texts["message-headers"])[0] == ["From", "Ann <ann@example.org>"]
    assert json.loads(texts["content-id-map"]) == {"<c1>": "attachment-1"}
    assert [name for name, *_ in files] == ["attachment-1", "attachment-2"]
    signed = hmac.new(b"key-1", f"{texts['timestamp']}{texts['token']}".encode(), hashlib.sha256).hexdigest()
    assert (texts["signature"], len(texts["token"])) == (signed, 50)
    assert "signature" not in dict(mailgun_form(ENVELOPE, PARTS).texts)


def test_the_names_of_sendgrid():
    texts, files = read(sendgrid_form(ENVELOPE, PARTS))
    assert json.loads(texts["envelope"]) == {"to": ["b@example.org", "c@example.org"], "from": "a@client.example"}
    assert texts["headers"].startswith("From: Ann <ann@example.org>\nTo: b@example.org\n")
    assert (texts["from"], texts["to"], texts["subject"]) == ("Ann <ann@example.org>", "b@example.org", "Grüße")
    assert (texts["text"], texts["html"], texts["sender_ip"]) == ("Hello", "<p>Hello", "192.0.2.1")
    assert (texts["attachments"], json.loads(texts["content-ids"])) == ("2", {"c1": "attachment1"})
    info = json.loads(texts["attachment-info"])
    named = {"filename": 'a "b".png', "name": 'a "b".png'}
    assert info["attachment1"] == {**named, "type": "image/png", "content-id": "c1"}
    assert [name for name, *_ in files] == ["attachment1", "attachment2"]
    assert set(json.loads(texts["charsets"]).values()) == {"UTF-8"}
    assert "cc" not in texts


def test_a_message_without_parts():
    parts = MailParts.of(b"\r\n")
    for form in (form_of(ENVELOPE, parts), mailgun_form(ENVELOPE, parts), sendgrid_form(ENVELOPE, parts)):
        assert read(form)[1] == []
    assert json.loads(json_body(ENVELOPE, MailParts.of(b"Content-Type: image/png\r\n\r\n")))["text"] is None


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0")), st.binary(max_size=200))
def test_a_framework_reads_any_text(text, octets):
    texts, files = read(Form([("a", text)], [FormFile("b", "x", "application/octet-stream", octets)]))
    assert texts == {"a": text}
    assert files == [("b", "x", "application/octet-stream", octets)]


@pytest.mark.parametrize("name", ['a"b', "a\r\nContent-Type: text/html\r\n\r\n<p>", "ü", "a;b=c", "a\\"])
def test_a_name_ends_no_header(name):
    (part,) = read(Form([], [FormFile("b", name, "image/png", b"x")]))[1]
    assert (part[0], part[2:]) == ("b", ("image/png", b"x"))


@pytest.mark.parametrize(
    "content", [b"Subject: =?utf-16?q?=D8=00?=\r\n\r\n\xff\xfe", b"\xff" * 100, b"From: \xed\xa0\x80\r\n\r\n"]
)
def test_what_is_no_text_is_shown_as_it_can_be(content):
    parts = MailParts.of(content)
    json.loads(json_body(ENVELOPE, parts))
    for form in (form_of(ENVELOPE, parts), mailgun_form(ENVELOPE, parts), sendgrid_form(ENVELOPE, parts)):
        read(form)
