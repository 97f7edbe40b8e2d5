"""Mail for a web application: the request, and its answer as the reply."""

from __future__ import annotations

import base64
import json
import re

import pytest

from tests.backends.application import HELLO, LATER
from tests.filters.daemon import NEVER, REFUSED
from txsmtpx.backends.envelope_fields import EnvelopeFields
from txsmtpx.backends.http import HTTPBackend
from txsmtpx.backends.http_content import header_name
from txsmtpx.setting import SettingError
from txsmtpx.testing import Conversation

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_message_and_its_answer(mail):
    sent = mail()
    sent.send(HELLO, "b@example.org", "c@example.org")
    assert sent.client.replies() == []  # before the application has answered
    request = sent.application.answer(200, "Thanks, Ann")
    (reply,) = sent.client.replies()
    assert reply == "250 2.0.0 Thanks, Ann"
    assert request.line == "POST /mail HTTP/1.1"
    assert request.body == HELLO
    assert request.headers["content-type"] == "message/rfc822"
    assert request.headers["host"] == "app.example.org"
    fields = ("queue_id", "sender", "recipients", "received", "protocol", "domain", "helo", "peer_host")
    found = {field: request.headers[header_name(field).lower()] for field in fields}
    envelope = EnvelopeFields.parsed(found)
    assert [each.address for each in envelope.recipients] == ["b@example.org", "c@example.org"]
    assert (envelope.sender, envelope.helo, envelope.protocol) == ("a@client.example", "client.example", "ESMTP")
    assert request.headers["idempotency-key"] == envelope.queue_id


def test_without_words_the_reply_has_the_queue_id(mail):
    sent = mail()
    sent.send()
    request = sent.application.answer(204)
    assert sent.client.replies() == [f"250 2.0.0 Ok: queued as {request.headers['smtp-queue-id']}"]


@pytest.mark.parametrize(
    ("status", "reply"),
    [
        (400, "550 5.7.1 The application has rejected the message"),
        (413, "550 5.7.1 The application has rejected the message"),
        (408, LATER), (425, LATER), (429, LATER), (500, LATER), (503, LATER), (301, LATER), (307, LATER),
    ],
)  # fmt: skip
def test_each_answer(mail, status, reply):
    sent = mail()
    sent.send()
    sent.application.answer(status)
    assert sent.client.replies() == [reply]
    sent.send()  # the connection goes on
    sent.application.answer(200)
    assert sent.client.replies()[-1][:3] == "250"


def test_nothing_is_stored_on_a_refused_connection(mail):
    sent = mail(mode=REFUSED)
    sent.send()
    assert sent.client.replies() == [LATER]


@pytest.mark.parametrize("mode", ["", NEVER])
def test_the_time_of_the_application(mail, mode):
    sent = mail(mode=mode, timeout=20)
    sent.send()
    sent.clock.advance(19)
    assert sent.client.replies() == []
    sent.clock.advance(1)
    assert sent.client.replies() == [LATER]


@pytest.mark.parametrize(
    "said",
    [
        b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nThank",
        b"220 mail.example.org ESMTP\r\n", b"\x00\xff" * 100, b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 30_000,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 70_000,
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"code": 2',
    ],
)  # fmt: skip
@pytest.mark.parametrize("long", [False, True])
def test_an_answer_that_cannot_be_used(mail, said, long):
    sent = mail(max_answer_bytes=65536)
    sent.send((b"x" * 998 + b"\r\n") * (70 if long else 1))
    (pipe,) = sent.application.pipes
    if said:
        pipe.say(said)
    pipe.hang_up()
    assert sent.client.replies() == [LATER]


@pytest.mark.parametrize(
    ("url", "how", "header"),
    [
        ("http://h/", {"token": "abc"}, "Bearer abc"),
        ("http://ann:secret@h/", {}, "Basic YW5uOnNlY3JldA=="),
    ],
)
def test_a_login(mail, url, how, header):
    sent = mail(url, **how)
    sent.send()
    assert sent.application.answer(200).headers["authorization"] == header


def test_files_with_secrets(mail, tmp_path):
    for name, text in (("token", "abc\n"), ("secret", f"{SECRET}\r\n")):
        (tmp_path / name).write_text(text)
    sent = mail(token_file=str(tmp_path / "token"), secret_file=str(tmp_path / "secret"))
    sent.send()
    headers = sent.application.answer(200).headers
    assert headers["authorization"] == "Bearer abc"
    assert "webhook-signature" in headers


def test_requests_at_a_time(mail):
    first = mail(connections=1, timeout=30)
    first.send()
    second = Conversation(first.backend)
    second.ask("EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@example.org>", "DATA")
    second.send(HELLO + b".\r\n")
    assert len(first.application.pipes) == 1
    first.application.answer(200)
    first.application.answer(200)
    assert [each.replies()[-1][:3] for each in (first.client, second)] == ["250", "250"]
    second.hang_up()


def test_json(mail):
    sent = mail(format="json")
    image = base64.b64encode(b"\x89PNG").decode()
    sent.send(
        b'From: "Ann" <ann@example.org>\r\nTo: b@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n'
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nHello\r\n--x\r\nContent-Type: text/html\r\n\r\n"
        b"<p>Hello\r\n--x\r\nContent-Type: image/png; name=a.png\r\nContent-ID: <c1>\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + image.encode() + b"\r\n--x--\r\n"
    )
    request = sent.application.answer(200)
    assert request.headers["content-type"] == "application/json"
    found = json.loads(request.body)
    assert found["envelope"]["recipients"] == ["b@example.org"]
    assert found["envelope"]["smtputf8"] is False
    assert found["from"] == [{"name": "Ann", "address": "ann@example.org"}]
    assert (found["subject"], found["text"], found["html"]) == ("Grüße", "Hello", "<p>Hello")
    assert found["attachments"] == [
        {"filename": "a.png", "content_type": "image/png", "content_id": "c1", "size": 4, "content": image}
    ]


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({"format": "form", "names": "mailgum"}, None),
        ({"names": "mailgun"}, "names is for format=form only, not for raw"),
        ({"timeout": 0}, "timeout must be a number of seconds greater than 0, not 0"),
        ({"connections": 0}, "connections must be an integer of 1 or more (requests), not 0"),
        ({"token": "a b"}, "token must be printable characters of ASCII without spaces (RFC 6750 §2.1)"),
        ({"token_file": "/missing"}, "token_file '/missing' cannot be used: No such file or directory"),
        ({"certificate": "/missing"}, "certificate '/missing' cannot be used: No such file or directory"),
        ({"trust_roots": "/missing"}, "trust_roots '/missing' cannot be used: No such file or directory"),
        ({"trust_roots": "/dev/null"}, "trust_roots '/dev/null' cannot be used: there is no certificate in it"),
        ({"secret": "abc"}, "secret must be whsec_ and 24 to 64 octets in base64"),
        ({"rcpt_url": "ftp://h/"}, "rcpt_url cannot be used: 'ftp://h/' is no URL of a web server"),
        ({"rcpt_url": "http://h/"}, "rcpt_url must have {local}, and perhaps {domain}: http://h/"),
    ],
)
def test_what_cannot_be_used(how, error):
    with pytest.raises(ValueError, match="^" + re.escape(error or "HTTPBackend: names must be 'own'")):
        HTTPBackend("http://h/", **how)


def test_a_login_and_a_token():
    with pytest.raises(SettingError, match=r"^token cannot be used: the URL has a login, which uses the same header$"):
        HTTPBackend("http://ann:secret@h/", token="abc")


@pytest.mark.parametrize("url", ["http://h/mail", "//h/mail"])
def test_the_url_of_the_option(url):
    assert HTTPBackend(url).requests.url_of("b@example.org", "").text == "http://h/mail"


def test_an_empty_file(tmp_path):
    (tmp_path / "token").write_text("\n")
    with pytest.raises(SettingError, match=r"^token_file '.*' cannot be used: it is empty$"):
        HTTPBackend("http://h/", token_file=str(tmp_path / "token"))
    with pytest.raises(SettingError, match=r"^certificate '.*' cannot be used: it has no certificate with its key$"):
        HTTPBackend("http://h/", certificate=str(tmp_path / "token"))


def test_a_file_with_another_text(tmp_path):
    (tmp_path / "text").write_text("not a secret\n")
    with pytest.raises(SettingError, match=r"^secret_file must be whsec_ and 24 to 64 octets in base64"):
        HTTPBackend("http://h/", secret_file=str(tmp_path / "text"))
    with pytest.raises(SettingError, match=r"^token_file must be printable characters of ASCII without spaces"):
        HTTPBackend("http://h/", token_file=str(tmp_path / "text"))
