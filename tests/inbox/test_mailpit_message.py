"""A message as Mailpit's API describes it."""

from __future__ import annotations

import pytest

from tests.content.hostile import mixed
from txsmtpx.content import header
from txsmtpx.content.part import leaves, read
from txsmtpx.inbox import mailpit_message as module
from txsmtpx.inbox.listed_message import ListedMessage
from txsmtpx.inbox.mailpit_message import attached, mailpit_headers, mailpit_message, mailpit_summary
from txsmtpx.inbox.message_detail import MessageDetail, parsed_content
from txsmtpx.inbox.part_checksums import PartChecksums

HEADER = (
    b"From: =?utf-8?q?J=C3=B6rg?= <joe@example.org>\r\nTo: Ann <ann@example.net>, bob@example.net\r\n"
    b"Cc: cid@example.net\r\nReply-To: \"Re, ply\" <reply@example.org>\r\nSubject: Gr=?utf-8?q?=C3=BC=C3=9Fe?=\r\n"
    b"Message-ID: <a1@example.org>\r\nDate: Mon, 15 Jun 2026 15:06:40 +0200\r\n"
)


def listed(content, recipients=("ann@example.net",), **changes):
    values = {
        "id": 7, "queue_id": "Q", "arrived": "2025-06-15T15:06:40.250+00:00", "mail_from": "me@example.org",
        "rcpt_to": recipients, "sender": "", "sender_name": "", "recipients": "", "copies": "", "subject": "Grüße",
        "beginning": "Hey", "size": len(content), "attachments": 5, "tags": ["a"], "mailboxes": ["login:shop:x"],
        "read": True,
    }  # fmt: skip
    return ListedMessage(**values | changes)


def summary(content, **changes):
    return mailpit_summary(listed(content, **changes), content)


def opened(content, recipients=("ann@example.net",), checksums=()):
    message = parsed_content(content)
    received = message.received.__class__(
        **{**vars(message.received), "recipients": recipients, "sender": "me@example.org", "arrived": 1_750_000_000.25}
    )
    return mailpit_message(listed(content, recipients), received, MessageDetail.of(message), checksums)


def test_a_message_in_a_list():
    assert summary(HEADER + b"\r\nHey") == {
        "ID": "7",
        "MessageID": "a1@example.org",
        "Read": True,
        "From": {"Name": "Jörg", "Address": "joe@example.org"},
        "To": [{"Name": "Ann", "Address": "ann@example.net"}, {"Name": "", "Address": "bob@example.net"}],
        "Cc": [{"Name": "", "Address": "cid@example.net"}],
        "Bcc": [],
        "ReplyTo": [{"Name": "Re, ply", "Address": "reply@example.org"}],
        "Subject": "Grüße",
        "Created": "2025-06-15T15:06:40.250Z",
        "Username": "shop:x",
        "Tags": ["a"],
        "Size": len(HEADER) + 5,
        "Attachments": 0,
        "Snippet": "Hey",
    }


def test_a_message_without_a_header():
    found = summary(b"", recipients=["a@x.example", "b@x.example"], mailboxes=["recipient:a@x.example"])
    assert (found["From"], found["To"], found["MessageID"]) == ({"Name": "", "Address": ""}, [], "")
    assert [each["Address"] for each in found["Bcc"]] == ["a@x.example", "b@x.example"]
    assert found["Username"] == ""


def test_recipients_whom_the_header_does_not_name_are_in_bcc():
    people = ["Ann@Example.net", "hidden@example.net", "cid@example.net", "dan@example.net"]
    found = summary(HEADER + b"Bcc: dan@example.net\r\n\r\n", recipients=people)
    assert [each["Address"] for each in found["Bcc"]] == ["dan@example.net", "hidden@example.net"]


@pytest.mark.parametrize(
    ("raw", "person"),
    [
        (b"Nobody", {"Name": "Nobody", "Address": ""}),
        (b"a@x.example, b@x.example", {"Name": "", "Address": "a@x.example"}),
    ],
)
def test_the_sender(raw, person):
    assert summary(b"From: " + raw + b"\r\n\r\n")["From"] == person


def test_a_message_that_is_opened():
    content = HEADER + b"\r\nHey\r\nyou\r\n"
    found = opened(content, checksums=[PartChecksums.of(b"")])
    assert found == {
        "ID": "7",
        "MessageID": "a1@example.org",
        **{name: summary(content)[name] for name in ("From", "To", "Cc", "Bcc", "ReplyTo")},
        "ReturnPath": "me@example.org",
        "Subject": "Grüße",
        "ListUnsubscribe": {"Header": "", "Links": [], "Errors": "", "HeaderPost": ""},
        "Date": "2026-06-15T15:06:40+02:00",
        "Tags": ["a"],
        "Username": "",
        "Text": b"Hey\nyou\n",
        "HTML": "",
        "Size": len(content),
        "Inline": [],
        "Attachments": [],
    }


def test_text_of_html():
    found = opened(b"Content-Type: text/html\r\n\r\n<p>Hey <b>you</b>")
    assert (found["Text"], found["HTML"]) == (b"Hey you", b"<p>Hey <b>you</b>")


@pytest.mark.parametrize(
    ("value", "date"),
    [
        (b"Mon, 15 Jun 2026 15:06:40 +0000", "2026-06-15T15:06:40Z"),
        (b"15 Jun 2026 15:06", "2026-06-15T15:06:00Z"),
        (b"yesterday", "2025-06-15T15:06:40.250Z"),
        (b"Mon, 99 Jun 99999 99:06:40 +9999", "2025-06-15T15:06:40.250Z"),
        (b"", "2025-06-15T15:06:40.250Z"),
    ],
)
def test_the_date_is_that_of_the_message_or_of_its_arrival(value, date):
    assert opened(b"Date: " + value + b"\r\n\r\n")["Date"] == date


FILES = [
    (b"Content-Type: text/plain", ""),
    (b"Content-Type: text/html; charset=utf-8", ""),
    (b"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf", "Attachments"),
    (b"Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt", "Attachments"),
    (b"Content-Type: text/plain; name=a.txt", "Attachments"),
    (b"Content-Type: application/octet-stream; name=a", "Attachments"),
    (b"Content-Type: image/png\r\nContent-ID: <logo>", "Inline"),
    (b"Content-Type: image/png\r\nContent-Disposition: inline; filename=a.png", "Inline"),
    (b"Content-Type: application/octet-stream\r\nContent-ID: <x>\r\nContent-Disposition: inline", "Inline"),
    (b"Content-Type: image/png", ""),
]


@pytest.mark.parametrize(("file", "kind"), FILES)
def test_attachments_and_inline_files(file, kind):
    content = mixed(b"\r\nHey", file + b"\r\n\r\nx")
    found = opened(content, checksums=[PartChecksums.of(b"Hey"), PartChecksums.of(b"x")])
    kinds = {name for name in ("Inline", "Attachments") if found[name]}
    assert kinds == ({kind} if kind else set())
    assert sum(map(attached, leaves(read(content)))) == (kind == "Attachments")
    assert summary(content)["Attachments"] == (kind == "Attachments")
    if kind:
        (one,) = found[kind]
        assert (one["PartID"], one["Size"]) == ("2", 1)
        assert one["FileName"]
        assert one["Checksums"]["MD5"] == "9dd4e461268c8034f5c8564e155c67a6"


def test_an_attachment_without_a_name_is_counted_only():
    """As in Mailpit."""
    content = mixed(b"\r\nHey", b"Content-Disposition: attachment\r\n\r\nx")
    assert (summary(content)["Attachments"], opened(content)["Attachments"]) == (1, [])


def test_without_checksums():
    file = b"Content-Disposition: attachment; filename=a\r\n\r\nx"
    (one,) = opened(mixed(b"\r\nHey", file))["Attachments"]
    assert one["Checksums"] == {"MD5": "", "SHA1": "", "SHA256": ""}


@pytest.mark.parametrize(
    ("field", "links", "errors"),
    [
        (b"<mailto:a@x.example>, <https://x.example/u>", ["mailto:a@x.example", "https://x.example/u"], ""),
        (b"https://x.example", [], "the field has no link in angle brackets"),
        (b"<javascript:x>", [], "the field has no link in angle brackets"),
    ],
)
def test_unsubscribing(field, links, errors):
    post = b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n"
    assert opened(b"List-Unsubscribe: " + field + post)["ListUnsubscribe"] == {
        "Header": field.decode(),
        "Links": links,
        "Errors": errors,
        "HeaderPost": "List-Unsubscribe=One-Click",
    }


def test_the_header_is_not_decoded():
    received = b"RECEIVED: a\r\n  b\r\nreceived: c\r\n"
    found = mailpit_headers(b"subject: =?utf-8?q?x?=\r\n" + received + b"x-\xc3\xbc: \xfc\r\n\r\nHey: x")
    assert found == {"Received": ["a b", "c"], "Subject": ["=?utf-8?q?x?="], "x-Ã¼": ["ü"]}
    assert list(found) == ["Received", "Subject", "x-Ã¼"]
    assert mailpit_headers(b"message-id: a\r\ndkim-signature: b\r\nMIME-version: c\r\n\r\n") == {
        "Dkim-Signature": ["b"],
        "Message-Id": ["a"],
        "Mime-Version": ["c"],
    }


def test_addresses_are_limited(monkeypatch):
    monkeypatch.setattr(module, "MAX_NAMED", 50)
    many = b"From: a@x.example\r\nTo: " + b"b@x.example, " * 20 + b"\r\nCc: c@x.example\r\n\r\n"
    found = summary(many, recipients=[])
    assert found["From"]["Address"] == "a@x.example"
    assert 1 <= len(found["To"]) <= 4
    assert found["Cc"] == []
    assert header.read(many)["cc"] == "c@x.example"
