"""UTF-8 in the fields of a message and of its parts: `txsmtpx.content.utf8_fields`."""

from __future__ import annotations

import time

import pytest

from txsmtpx.content.utf8_fields import MAX_HEADER, UTF8Fields

PARTS = "Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b\r\n{}\r\n\r\nGrüße\r\n--b--\r\n"
NESTED = 'Content-Type: multipart/mixed; boundary="a"\r\n\r\n--a\r\n' + PARTS + "--a--\r\n"
ATTACHED = "Content-Type: message/rfc822\r\n\r\nSubject: {}\r\n\r\nGrüße\r\n"

FOUND = {
    "the subject": "Subject: Grüße\r\n\r\nx\r\n",
    "the last field, without an end": "To: a@b.example\r\nSubject: Grüße",
    "a folded line": "Subject: x\r\n grüße\r\n\r\nx\r\n",
    "lines that end in LF": "Subject: x\nTo: grüße@b.example\n\nx\n",
    "the name of a field": "Grüße: x\r\n\r\nx\r\n",
    "a postmark before it": "From me\r\nSubject: Grüße\r\n\r\nx\r\n",
    "characters of three octets": "Subject: 你好\r\n\r\nx\r\n",
    "characters of four octets": "Subject: 😀\r\n\r\nx\r\n",
    "a part": PARTS.format("", "Content-Disposition: attachment; filename=grüße.txt"),
    "a part after a preamble": PARTS.format("Grüße\r\n-- \r\n--bb\r\n", "X: ü"),
    "a part of a part": NESTED.format("", "X: ü"),
    "an attached message": ATTACHED.format("Grüße"),
    "an attached message in a part": PARTS.format("", ATTACHED.format("Grüße")),
    "an internationalized attached message": "Content-Type: message/global\r\n\r\nSubject: Grüße\r\n\r\nx\r\n",
    "a header after one in another charset": PARTS.format("--b\r\nX: \udcfc\r\n\r\nx\r\n", "X: ü"),
}

NOT_FOUND = {
    "nothing": "",
    "ASCII": "Subject: x\r\n\r\nx\r\n",
    "the body": "Subject: x\r\n\r\nGrüße: x\r\n",
    "no header at all": "Grüße\r\nSubject: Grüße\r\n",
    "a body that has no empty line before it": "Subject: x\r\nGrüße\r\nX: ü\r\n",
    "another charset": "Subject: Gr\udcfc\udcdfe\r\n\r\nx\r\n",
    "half a character": "Subject: \udcc3\r\n\r\nx\r\n",
    "the text of a part": PARTS.format("Grüße\r\n", "X: x"),
    "lines that are no delimiter": PARTS.format("", "X: x\r\n\r\n--bb\r\nX: ü\r\n-- b\r\nX: ü"),
    "a dash in a single part": "Subject: x\r\n\r\n-- \r\nGrüße: x\r\n",
    "the text of an attached message": ATTACHED.format("x"),
}


def octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("message", FOUND.values(), ids=FOUND)
def test_utf8_in_a_field_is_found_wherever_the_message_is_cut(message: str) -> None:
    assert _at_every_cut(octets(message)) == {True}


@pytest.mark.parametrize("message", NOT_FOUND.values(), ids=NOT_FOUND)
def test_other_octets_are_not_taken_for_it(message: str) -> None:
    assert _at_every_cut(octets(message)) == {False}


def _at_every_cut(message: bytes) -> set[bool]:
    results = {UTF8Fields().feed(message)}
    for at in range(len(message)):
        scan = UTF8Fields()
        scan.feed(message[:at])
        results.add(scan.feed(message[at:]))
    scan = UTF8Fields()
    for octet in message:
        scan.feed(bytes((octet,)))
    return results | {scan.found}


def test_it_is_found_before_the_field_has_ended() -> None:
    """So that no octet of it has to be sent."""
    scan = UTF8Fields()
    assert not scan.feed(b"Subject: Gr")
    assert not scan.feed(b"\xc3")
    assert scan.feed(b"\xbc")


HOSTILE = {
    "a header without end": b"X: x\r\n" * (MAX_HEADER // 3),
    "octets that may be a name": b"X: x\r\n" * 40_000 + b"\xfc" * 1000,
    "lines that may be delimiters": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--c\r\n" * 100_000,
    "a delimiter without end": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--" + b"b" * 500_000,
    "attached messages within each other": b"Content-Type: message/rfc822\r\n\r\n" * 20_000,
    "headers of parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\nX: \xfc\r\n\r\n" * 30_000,
}


@pytest.mark.parametrize("message", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_the_time_is_linear(message: bytes, size: int) -> None:
    begun = time.process_time()
    scan = UTF8Fields()
    for at in range(0, len(message), size):
        scan.feed(message[at : at + size])
    assert not scan.found
    assert time.process_time() - begun < 8
