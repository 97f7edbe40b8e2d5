"""The parts of a message that an application reads."""

from __future__ import annotations

from txsmtpx.backends.mail_parts import MailParts
from txsmtpx.content.address import Address

MIXED = (
    b"From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>, k@example.org\r\nSubject: Hi\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
    b"--x\r\n\r\none\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>\r\n--x\r\n\r\ntwo\r\n"
    b"--x\r\nContent-Type: text/plain; name=a.txt\r\n\r\nfile\r\n--x--\r\n"
)


def test_texts_and_files():
    parts = MailParts.of(MIXED)
    assert (parts.text, parts.html) == ("one\ntwo", "<p>")
    assert [(each.filename, each.octets) for each in parts.attachments] == [("a.txt", b"file")]
    assert parts.field("subject") == "Hi"
    assert parts.addresses("from") == [Address("Jürgen", "j@example.org"), Address("", "k@example.org")]


def test_what_is_missing():
    parts = MailParts.of(b"Content-Type: image/png\r\n\r\n\x89PNG")
    assert (parts.text, parts.html, len(parts.attachments)) == (None, None, 1)
    assert (parts.field("subject"), parts.addresses("from")) == ("", [])
    assert MailParts.of(b"").text == ""
