"""A message as an EmailMessage: as Python would read it where it can, and without its faults where it cannot."""

from __future__ import annotations

import encodings
import time
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.content.hostile import MESSAGES, mixed
from txsmtpx.content.email_message import MAX_MESSAGES, MAX_PARSED, email_message


def ordinary() -> EmailMessage:
    message = EmailMessage(policy.SMTP)
    message["From"] = "Ann Example <ann@example.org>"
    message["To"] = "you@example.net, Bob <bob@example.net>"
    message["Subject"] = "Grüße"
    message["Date"] = "Mon, 30 Nov 2026 12:00:00 +0000"
    message["X-Note"] = "note"
    message.set_content("Hey ü\n")
    message.add_alternative("<p>Hey</p>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Rechnung ü.pdf")
    message.add_attachment(message_from_bytes(b"Subject: inner\r\n\r\nx\r\n", policy=policy.SMTP))
    return message


def test_an_ordinary_message_is_as_python_reads_it():
    content = ordinary().as_bytes()
    made, python = email_message(content), message_from_bytes(content, policy=policy.SMTP)
    assert isinstance(made, EmailMessage)
    assert [(each, str(value)) for each, value in made.items()] == [*map(tuple, python.items())]
    assert [each.addr_spec for each in made["To"].addresses] == ["you@example.net", "bob@example.net"]
    assert made["Date"].datetime == python["Date"].datetime
    assert made.get_body(("plain",)).get_content() == "Hey ü\r\n"
    assert made.get_body(("html",)).get_content() == "<p>Hey</p>\r\n"
    assert [each.get_filename() for each in made.iter_attachments()] == ["Rechnung ü.pdf", None]
    assert [each.get_content_type() for each in made.walk()] == [each.get_content_type() for each in python.walk()]
    assert list(made.iter_attachments())[1].get_content()["Subject"] == "inner"
    assert made.as_bytes() == content


def test_fields_that_nobody_changed_are_written_as_they_came():
    content = b"Subject:  " + b"x" * 90 + b"\r\nTo: <a@b>,\r\n\t<c@d>\r\nX-Long: " + b"y " * 90 + b"\r\n\r\nx\r\n"
    assert email_message(content).as_bytes() == content.replace(b"Subject:  ", b"Subject: ")


def test_white_space_before_a_colon():
    made = email_message(b"X-Trace : a\r\nSubject: hello\r\n\r\nbody")
    assert (made["X-Trace"], made["Subject"], made.get_content()) == ("a", "hello", "body")


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        (b"Message-ID", b"<[abc@exchange]>"),
        (b"To", b'"unbalanced <a@b>'),
        (b"From", b"<" * 1000),
        (b"From", b"(" * 1500),
        (b"Content-Type", b"text/plain; charset"),
        (b"Content-Type", b"text/plain; x*0*=''%; x*9999=y"),
        (b"Content-Disposition", b"inline; filename"),
        (b"Date", b"\xff\xff"),
        (b"Date", b"99999999999999999999999"),
        (b"MIME-Version", b"(" * 100),
        (b"To", b"=?utf-16?q?=D8?= <a@b>"),
    ],
)
def test_a_value_that_python_cannot_read_is_text(name, raw):
    made = email_message(name + b": " + raw + b"\r\n\r\nx")
    assert isinstance(made[name.decode()], str)
    assert made.get_content() == "x"


def test_long_values_are_text():
    made = email_message(b"To: " + b"a@b, " * MAX_PARSED + b"c@d\r\n\r\n")
    assert made["To"].endswith("a@b, c@d")
    assert not hasattr(made["To"], "addresses")


def test_no_charset_is_kept():
    def content(number: int) -> bytes:
        head = f"Subject: =?x-s{number}?q?=E4?=\r\nTo: =?x-t{number}?q?=E4?= <a@b>\r\n"
        return f"{head}Content-Type: text/plain; charset=x-c{number}\r\n\r\n\xe4".encode("latin-1")

    before = len(encodings._cache)
    for number in range(50):
        made = email_message(content(number))
        assert (made["Subject"], made.get_content(), made.get_payload()) == ("ä", "ä", "�")
        assert made["To"].endswith("<a@b>")
    assert len(encodings._cache) <= before + 1  # of which one is that of ASCII


def test_messages_within_messages_have_an_end():
    made = email_message(b"Content-Type: message/rfc822\r\n\r\n" * 400)
    assert sum(1 for _ in made.walk()) == MAX_MESSAGES + 1


def test_a_delivery_status_is_its_groups_of_fields():
    status = b"Reporting-MTA: dns; a\r\n\r\nFinal-Recipient: rfc822; b\r\nAction: failed\r\n\r\nFinal-Recipient: c\r\n"
    made = email_message(mixed(b"Content-Type: message/delivery-status\r\n\r\n" + status))
    (part,) = made.iter_parts()
    assert [dict(each.items()) for each in part.get_payload()] == [
        {"Reporting-MTA": "dns; a"},
        {"Final-Recipient": "rfc822; b", "Action": "failed"},
        {"Final-Recipient": "c"},
    ]


def test_a_digest_holds_messages():
    """A part of it without a type is one; as_bytes raised on it."""
    content = b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: in\r\n\r\nx\r\n--b--\r\n"
    made = email_message(content)
    (part,) = made.iter_parts()
    assert part.get_content_type() == "message/rfc822"
    assert part.get_content()["Subject"] == "in"
    assert made.as_bytes() == content


@pytest.mark.parametrize("value", [b"attachment; filename=" + b"x" * MAX_PARSED, b"attachment; filename"])
def test_a_disposition_that_is_text(value):
    """An attachment stays one, and get_body does not raise."""
    made = email_message(mixed(b"\r\nbody", b"Content-Disposition: " + value + b"\r\n\r\nfile"))
    assert made.get_body().get_content() == "body"
    assert [each.get_content() for each in made.iter_attachments()] == ["file"]


def look(content: bytes) -> None:
    made = email_message(content)
    for each in made.walk():
        each.items(), each.get_filename(), each.get_content_type(), each.get_content_charset()
        if not each.is_multipart():
            assert isinstance(each.get_content(), str | bytes)
    made.get_body(), list(made.iter_attachments())
    if content.isascii():  # Python does not write a boundary that is not
        made.as_bytes()


@pytest.mark.parametrize("content", MESSAGES.values(), ids=MESSAGES)
def test_a_hostile_message_can_be_looked_at(content):
    look(content)


@pytest.mark.parametrize(
    "field",
    [b'Content-Type: text/plain; a="' + b'\\";' * 32_000, b"Subject: " + b"=?a?q?b?=" * 7000, b"From: " + b"<" * 64_000,
     b"Content-Type: multipart/mixed" + b"".join(b"; boundary*%04d=x" % number for number in range(3000))],
)  # fmt: skip
def test_what_takes_python_seconds(field):
    """These took 2.4 to 42 seconds."""
    began = time.process_time()
    look(field + b"\r\n\r\nx")
    assert time.process_time() - began < 1


PIECES = st.sampled_from([b"To: ", b"<", b">", b'"', b"(", b"@", b"=?", b"?=", b"\r\n ", b"\xff", b"[", b":", b"a"])


@given(st.lists(PIECES))
def test_any_address_field_can_be_looked_at(pieces):
    look(b"".join(pieces) + b"\r\n\r\n")
