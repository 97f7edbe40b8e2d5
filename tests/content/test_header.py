"""Headers: the fields that stand there, in order, however odd; and where the header ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.content.header import MAX_FIELDS, Header, count, finder, read


@pytest.mark.parametrize(
    ("octets", "fields", "size"),
    [
        (b"", [], 0),
        (b"\r\nbody", [], 2),
        (b"body", [], 0),
        (b"Subject: x", [("Subject", b" x")], 10),
        (b"Subject: x\r\nTo:y\r\n\r\nbody: z\r\n", [("Subject", b" x"), ("To", b"y")], 20),
        (b"Subject: x\nTo: y\n\nbody: z\n", [("Subject", b" x"), ("To", b" y")], 18),
        (b"A: x\r\n y\r\n\tz\r\n\r\n", [("A", b" x\r\n y\r\n\tz")], 16),
        (b"A: x\r\n \r\nB: y\r\n\r\n", [("A", b" x\r\n "), ("B", b" y")], 17),
        # RFC 5322 §4.5: white space before the colon.
        (b"X-Trace : a\r\nSubject\t : b\r\n\r\n", [("X-Trace", b" a"), ("Subject", b" b")], 29),
        # A line that is no field begins the body.
        (b"A: x\r\nno field\r\nB: y\r\n\r\n", [("A", b" x")], 6),
        (b"no field\r\nB: y\r\n\r\n", [], 0),
        (b" x\r\nB: y\r\n\r\n", [], 0),
        (b": x\r\n\r\n", [], 0),
        (b"--b: x\r\n\r\n", [], 0),
        (b"From a@b Mon\r\nA: x\r\n\r\n", [("A", b" x")], 22),
        (b"From : a\r\nB: y\r\n\r\n", [("From", b" a"), ("B", b" y")], 18),
        (b"From: a\r\n\r\n", [("From", b" a")], 11),
        (b"A: x\r\r\n\r\nb", [("A", b" x")], 9),
        (b"\xc3\xa9: x\r\n\r\n", [("Ã©", b" x")], 9),
    ],
)
def test_fields(octets, fields, size):
    header = read(octets)
    assert ([(each.name, each.raw) for each in header.fields], header.size) == (fields, size)
    for name, raw in fields:
        assert finder(name.encode("latin-1"))(octets) == raw
        assert finder(name.encode("latin-1").lower())(octets) == raw
    assert finder(b"body")(octets) is None
    assert count(octets, b"body") == 0


def test_it_reads_like_a_mapping():
    header = read(b"To: a\r\nSubject: =?utf-8?q?=C3=BC?=\r\nto: b\r\n\r\n")
    assert (header["subject"], header["SUBJECT"], header["cc"]) == ("ü", "ü", None)
    assert (header.get("cc", "-"), header.get("to", "-"), header.get_all("TO")) == ("-", "a", ["a", "b"])
    assert header.raw("subject") == b" =?utf-8?q?=C3=BC?="
    assert ("To" in header, "Cc" in header, len(header)) == (True, False, 3)
    assert list(header) == header.keys() == ["To", "Subject", "to"]
    assert header.items() == [("To", "a"), ("Subject", "ü"), ("to", "b")]
    assert repr(Header()) == "<Header of 0 fields>"


def test_names_are_compared_in_ascii():
    """U+212A is a K in small letters to Unicode, and U+0130 an I with a dot."""
    header = read("X-\u212a: Kelvin\r\nX-\u0130: dotted\r\n\r\n".encode())
    assert (header["x-k"], header["x-i"]) == (None, None)


def test_fields_have_an_end():
    octets = b"X: y\r\n" * (MAX_FIELDS + 5) + b"\r\nbody"
    header = read(octets)
    assert (len(header), header.size, count(octets, b"x")) == (MAX_FIELDS, len(octets) - 4, MAX_FIELDS + 5)


@pytest.mark.parametrize("most", [0, 1, 4, 5, 6])
def test_fields_that_are_passed_over(most):
    """The header ends where it would end if all were kept."""
    octets = b"From y\nX: y\r\n" + b"X :\r\n y\r\nX:\n" * 2 + b"--b: x\r\nbody"
    header = read(octets, most=most)
    assert len(header) == min(most, 5)
    assert octets[header.size :] == b"--b: x\r\nbody"


def test_a_header_further_on():
    octets = b"--b\r\nA: x\r\n\r\nbody"
    assert (read(octets, 5)["a"], read(octets, 5).size) == ("x", 8)


@pytest.mark.parametrize(
    "value",
    [
        b" <[abc@exchange]>",
        b' "unbalanced <a@b>',
        b" <<<<a@b",
        b" a (b",
        b" text/plain; charset",
        b" text/plain; =; ;;",
        b" =?utf-8?q?=?=",
    ],
)
@pytest.mark.parametrize("name", [b"Message-ID", b"From", b"To", b"Content-Type", b"Date", b"MIME-Version"])
def test_common_faults_are_text(name, value):
    assert read(name + b":" + value + b"\r\n\r\n")[name.decode()] is not None


@given(st.lists(st.sampled_from([b"A", b":", b" ", b"\r", b"\n", b"\r\n", b"x", b"--", b"From ", b"\xff", b"\0"])))
def test_every_octet_is_in_the_header_or_behind_it(pieces):
    octets = b"".join(pieces)
    header = read(octets)
    assert 0 <= header.size <= len(octets)
    assert header.size == len(octets) or read(octets[: header.size]).fields == header.fields
    for name in ("a", "ax", "From"):
        assert finder(name.encode())(octets) == header.raw(name)
    header.items()
