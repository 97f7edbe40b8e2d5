"""Transfer encodings, whole and broken."""

from __future__ import annotations

import base64
import binascii
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.content.transfer_encoding import decode, name


@pytest.mark.parametrize(
    "raw",
    [b"base64", b" BASE64 ", b"base64\t", b"base64 (as ever)", b"(as ever) base64", b"base64;", b"\r\n base64",
     b'"base64"', b" ; base64"],
)  # fmt: skip
def test_its_name(raw):
    assert name(raw) == "base64"


@pytest.mark.parametrize("raw", [b"", b" ", b"\xff", b"(" * 2000, b"(((base64"])
def test_a_name_that_is_none(raw):
    assert name(raw) == ""


@pytest.mark.parametrize(
    ("octets", "decoded"),
    [
        (b"", b""),
        (b"aGVsbG8=", b"hello"),
        (b"aGVs\r\nbG8=\r\n", b"hello"),
        (b"aGVsbG8", b"hello"),
        (b"aGVsbG8!", b"hello"),
        (b"aG-VsbG8=", b"hello"),
        # Padding within it: pieces that were encoded one by one.
        (b"aGVsbG8=\r\naGVsbG8=", b"hellohello"),
        (b"YQ==YQ==YWI=", b"aaab"),
        (b"A=A=\xff!", b""),
        (b"QUJDR", b"ABC"),
    ],
)
def test_base64(octets, decoded):
    assert decode(octets, "base64") == decoded


@given(st.lists(st.binary(max_size=60)), st.sampled_from([b"", b"\r\n", b" ", b"\n>"]))
def test_joined_runs_of_base64(pieces, between):
    assert decode(between.join(map(base64.b64encode, pieces)), "base64") == b"".join(pieces)


@given(st.binary().map(lambda octets: octets.translate(None, b"\r\n")))  # Python's encoder makes all line ends one kind
def test_quoted_printable(octets):
    assert decode(quopri.encodestring(octets, quotetabs=True), "quoted-printable") == octets


def test_broken_quoted_printable():
    assert decode(b"=\r\n=ZZ=\r\nx=3", "quoted-printable").endswith(b"3")


@given(st.binary(max_size=200))
def test_uuencode(octets):
    lines = [binascii.b2a_uu(octets[at : at + 45]) for at in range(0, len(octets), 45)]
    encoded = b"text before\nbegin 644 name\n" + b"".join(lines) + b"`\nend\nand after\n"
    assert decode(encoded, "x-uuencode") == octets


@pytest.mark.parametrize("octets", [b"no beginning", b"begin 666 x\r\n\xff\xff\r\nend\r\n", b"begin 666 x\n"])
def test_broken_uuencode(octets):
    assert decode(octets, "uuencode") in (b"", octets)


@given(st.binary(), st.sampled_from(["base64", "quoted-printable", "x-uuencode", "7bit", "binary", "", "nobody"]))
def test_anything_is_decoded_to_something(octets, encoding):
    assert isinstance(decode(octets, encoding), bytes)
