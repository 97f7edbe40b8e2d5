"""Messages as octets: what nobody has changed is written as it came; what a server does not take is encoded."""

from __future__ import annotations

import email
from email import policy
from email.message import EmailMessage
from email.mime.text import MIMEText

import pytest

from txsmtpx.content.email_message import email_message, octets_as_parsed
from txsmtpx.content.serialization import came_in_utf8, needs_utf8, serialized


def modern(octets: bytes) -> EmailMessage:
    return email.message_from_bytes(octets, policy=policy.SMTP)  # type: ignore[return-value]


READERS = {
    "policy.SMTP": modern,
    "policy.default": lambda octets: email.message_from_bytes(octets, policy=policy.default),
    "policy.compat32": email.message_from_bytes,
    "email_message": email_message,
}

DKIM = (
    b"DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=example.org; s=key;\r\n"
    b"\th=from:to:subject:date:message-id:content-type:mime-version:content-transfer-encoding:x-a-long-name;\r\n"
    b"   bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    b" b=" + b"AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB4nujc7Yo" * 3 + b"\r\n"
    b"  \r\n"
)

UNCHANGED = {
    "a signature": DKIM + b"From: a@b.example\r\n\r\nx\r\n",
    "long lines": b"Subject: " + b"long " * 180 + b"\r\nX-Word: " + b"x" * 900 + b"\r\n\r\nx\r\n",
    "other folds": b"To: a@b.example,\r\n\tc@d.example,\r\n     e@f.example\r\nSubject: a\r\n b\r\n\r\nx\r\n",
    "white space at the end": b"Subject: x  \t\r\nX-Empty: \r\n\r\nx  \r\n",
    "names in another case": b"SUBJECT: x\r\nmIME-vERSION: 1.0\r\ncontent-TYPE: TEXT/Plain; CharSet=UTF-8\r\n\r\nx\r\n",
    "fields twice": b"Received: a\r\nReceived: b\r\nSubject: x\r\nSubject: y\r\n\r\nx\r\n",
    "what is no value": b"From: <a <b\r\nDate: some day\r\nMessage-ID: none at all\r\nTo: ,;@\r\n\r\nx\r\n",
    "encoded words": b"Subject: =?utf-8?B?R3LDvMOfZQ==?= =?ISO-8859-1?q?=FC?=\r\n =?x?q?broken\r\n\r\nx\r\n",
    "control characters": b"Subject: a\x0bb\x0cc\x1cd\r\n\r\nx\x0c\r\n\x1c\r\n",
    "another charset": b"Subject: Gr\xfc\xdfe\r\nX: \x85\xa0\r\n\r\n\xfc\r\n",
    "UTF-8": "Subject: Grüße\r\nFrom: Jürgen <a@b.example>\r\n\r\nGrüße\r\n".encode(),
    "8 bits": "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n".encode(),
    "lines that begin with From": b"Subject: x\r\n\r\nFrom me\r\n>From you\r\n.\r\n",
    "no end of the last line": b"Subject: x\r\n\r\nx",
    "parts": b"Content-Type: multipart/mixed;\r\n   boundary=\"=_b\"\r\n\r\npreamble\r\n--=_b\r\n\r\none\r\n--=_b\r\n"
    b"Content-Type: text/html;\r\n\tcharset=us-ascii;  x=y\r\n\r\n<p>\r\n\r\n--=_b--\r\n\r\nepilogue\r\n",
    "a signed part": b"Content-Type: multipart/signed; micalg=x; boundary=s; protocol=\"application/pgp-signature\"\r\n"
    b"\r\n--s\r\nContent-Type: text/plain;  format=flowed\r\nX-Long: " + b"long " * 40 + b"\r\n\r\nx \r\n--s\r\n"
    b"Content-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP\r\n\r\n--s--\r\n",
    "an attached message": b"Content-Type: message/rfc822\r\n\r\nSubject: " + b"long " * 40 + b"\r\n\r\nx\r\n",
    "a report": b"Content-Type: multipart/report; boundary=b; report-type=delivery-status\r\n\r\n--b\r\n\r\nx\r\n"
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
    b"Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\n\r\n--b--\r\n",
}  # fmt: skip


@pytest.mark.parametrize("octets", UNCHANGED.values(), ids=UNCHANGED)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_what_was_parsed_goes_out_as_it_came_in(read, octets: bytes) -> None:
    assert serialized(read(octets), eight_bit=True, utf8=True) == octets


@pytest.mark.parametrize("octets", UNCHANGED.values(), ids=UNCHANGED)
def test_with_lines_that_end_in_lf(octets: bytes) -> None:
    """They end in CRLF on the wire."""
    assert serialized(modern(octets.replace(b"\r\n", b"\n")), eight_bit=True, utf8=True) == octets


@pytest.mark.parametrize("octets", UNCHANGED.values(), ids=UNCHANGED)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_for_seven_bits(read, octets: bytes) -> None:
    written = serialized(read(octets), eight_bit=False, utf8=False)
    assert written.isascii()
    assert octets != written or octets.isascii()
    if octets.isascii():
        assert written == octets


# Python's parser keeps nothing of this; ours keeps the octets.
NOT_KEPT = {
    "no space behind the colon": b"Subject:x\r\nTo:  y@z.example\r\nCc:\tq@r.example\r\nX:\r\n\r\nx\r\n",
    "space before it": b"Subject : x\r\n\r\nx\r\n",
    "no empty line": b"Subject: x\r\nno field\r\n",
    "no header": b"no field\r\n",
    "space behind a delimiter": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b  \r\n\r\nx\r\n--b--  \r\n",
    "no closing delimiter": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n",
    "line ends of all kinds": b"Subject: x\n\r\na\rb\nc\r\n",
}


@pytest.mark.parametrize("octets", NOT_KEPT.values(), ids=NOT_KEPT)
def test_a_message_of_ours_keeps_its_octets(octets: bytes) -> None:
    message = email_message(octets)
    assert octets_as_parsed(message) == octets
    assert serialized(message, eight_bit=True, utf8=True) == octets
    message["X-Added"] = "y"
    assert octets_as_parsed(message) is None
    message = email_message(octets)
    message.set_payload("another\r\n")
    assert octets_as_parsed(message) is None


def test_a_part_of_ours_that_has_changed() -> None:
    octets = UNCHANGED["parts"]
    for change in (
        lambda part: part.set_payload("another\r\n"),
        lambda part: part.add_header("X-Added", "y"),
        lambda part: part.replace_header("Content-Type", "text/plain"),
    ):
        message = email_message(octets)
        change(message.get_payload(1))
        assert octets_as_parsed(message) is None
    message = email_message(octets)
    message.preamble = "another"
    assert octets_as_parsed(message) is None
    assert octets_as_parsed(EmailMessage()) is None


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_what_has_been_added_leaves_the_rest_as_it_was(read) -> None:
    """So that a signature stays good."""
    message = read(UNCHANGED["a signature"])
    message["X-Seen"] = "yes"
    head, _, body = UNCHANGED["a signature"].partition(b"\r\n\r\n")
    expected = head + b"\r\nX-Seen: yes\r\n\r\n" + body
    assert serialized(message, eight_bit=True, utf8=True) == expected


def test_what_the_program_has_set_is_folded() -> None:
    message = EmailMessage()
    message["Subject"] = "long " * 40
    old = MIMEText("x")
    old["Subject"] = "long " * 400
    for each in (message, old):
        written = serialized(each, eight_bit=True, utf8=True)
        assert max(map(len, written.split(b"\r\n"))) <= 998
    assert max(map(len, serialized(message, eight_bit=True, utf8=True).split(b"\r\n"))) <= 78


def test_a_field_with_another_line_in_it_is_not_written() -> None:
    old = MIMEText("x")
    old["Subject"] = "x\nBcc: evil@example.org"
    with pytest.raises(email.errors.HeaderParseError):
        serialized(old, eight_bit=True, utf8=True)


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_utf8_in_a_header_is_encoded_where_it_is_not_allowed(read) -> None:
    message = read(UNCHANGED["UTF-8"])
    assert came_in_utf8(message)
    written = serialized(message, eight_bit=True, utf8=False)
    head, _, body = written.partition(b"\r\n\r\n")
    assert head.isascii()
    assert body == "Grüße\r\n".encode()
    assert modern(written)["Subject"] == "Grüße"
    assert "Jürgen" in str(modern(written)["From"])


@pytest.mark.parametrize("name", ["another charset", "8 bits", "a signature"])
def test_what_did_not_come_in_utf8(name: str) -> None:
    assert not came_in_utf8(modern(UNCHANGED[name]))


BROKEN = {
    "an address that Python cannot read": "From: ü <@[\r\n\r\nx\r\n",
    "a date": "Date: ü\r\n\r\nx\r\n",
    "parameters": "Content-Disposition: attachment; filename*0*=ü''ü; filename=\"ü\r\n\r\nx\r\n",
    "a control character": "Subject: ü\x01\x7f\r\n ü\r\n\r\nx\r\n",
    "long": f"Subject: {'ü' * 400}\r\n\r\nx\r\n",
    "nothing but a group": "To: ü: ;\r\n\r\nx\r\n",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_any_header_can_be_encoded(read, text: str) -> None:
    written = serialized(read(text.encode()), eight_bit=False, utf8=False)
    assert written.isascii()
    assert b"=?utf-8?" in written or b"*=" in written


BODIES = {
    "text": ("Content-Type: text/plain; charset=utf-8\r\n", "Grüße\r\n", "quoted-printable"),
    "text in no charset": ("Content-Type: text/plain; charset=x-none\r\n", "ü\r\n", "quoted-printable"),
    "text without a type": ("", "ü\r\n", "quoted-printable"),
    "text with a wrong word": ("Content-Transfer-Encoding: 7bit\r\n", "ü = x\r\n", "quoted-printable"),
    "what is no text": ("Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n", "ü\r\n\r\n", "base64"),
    "quoted-printable": ("Content-Transfer-Encoding: quoted-printable\r\n", "=C3=BC ü\r\n", "quoted-printable"),
    "base64": ("Content-Transfer-Encoding: base64\r\n", "eH\u00fcg=\r\n", "base64"),
}  # fmt: skip


@pytest.mark.parametrize(("head", "body", "encoding"), BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_body_is_encoded_and_reads_as_before(read, head: str, body: str, encoding: str) -> None:
    octets = f"Subject: x\r\n{head}\r\n{body}".encode()
    written = serialized(read(octets), eight_bit=False, utf8=False)
    assert written.isascii()
    found, before = email.message_from_bytes(written), email.message_from_bytes(octets)
    assert str(found["Content-Transfer-Encoding"]) == encoding
    assert found["Content-Type"] == before["Content-Type"]
    assert found.get_payload(decode=True) == before.get_payload(decode=True)


def test_the_encoding_of_parts_is_that_of_the_whole() -> None:
    """RFC 2045 §6.4."""
    octets = (
        "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\npreämble\r\n--b\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\nü\r\n--b--\r\nepilögue\r\n"
    ).encode()
    for read in READERS.values():
        written = serialized(read(octets), eight_bit=False, utf8=False)
        assert written.isascii()
        assert modern(written)["Content-Transfer-Encoding"] == "7bit"
        (part,) = modern(written).iter_parts()
        assert part.get_payload(decode=True) == "ü".encode()


def test_an_encoding_that_is_not_known_is_left() -> None:
    octets = "Content-Transfer-Encoding: x-uuencode\r\n\r\nü\r\n".encode()
    assert serialized(modern(octets), eight_bit=False, utf8=False) == octets


def test_how_a_message_is_written() -> None:
    letter = EmailMessage()
    letter["Subject"] = "x"
    letter["bcc"] = "secret@example.org"
    letter.set_content("Grüße\n", cte="8bit")
    eight, seven = (serialized(letter, eight_bit=eight_bit, utf8=False) for eight_bit in (True, False))
    assert "Grüße".encode() in eight
    assert seven.isascii()
    for octets in (eight, seven):
        assert octets.count(b"\n") == octets.count(b"\r\n")
        assert b"secret" not in octets
    assert letter["bcc"] == "secret@example.org"


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_blind_copy_is_named_in_no_message(read) -> None:
    octets = b"Subject: x\r\nBcc: secret@example.org\r\nResent-Bcc: secret@example.org\r\n\r\nx\r\n"
    assert serialized(read(octets), eight_bit=True, utf8=True) == b"Subject: x\r\n\r\nx\r\n"


def test_headers_that_python_does_not_take_apart_need_nothing() -> None:
    letter = EmailMessage(policy=policy.compat32)
    letter["From"] = "me@example.org"
    assert not needs_utf8(letter)
    assert not needs_utf8(MIMEText("x"))


def test_an_address_that_needs_utf8() -> None:
    for text in ("From: grüße@example.org\r\n\r\n", "From: a@b.example\r\nCc: x: ü@y.example;\r\n\r\n"):
        assert needs_utf8(modern(text.encode()))
    assert not needs_utf8(modern("From: ü <a@ü.example>\r\n\r\n".encode()))
