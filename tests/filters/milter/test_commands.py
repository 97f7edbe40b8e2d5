"""The commands of a server to a milter, and their octets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.filters.milter.values import COMMAND
from txsmtpx.filters.milter import commands
from txsmtpx.filters.milter.commands import decode, encode
from txsmtpx.filters.milter.errors import MilterProtocolError
from txsmtpx.filters.milter.negotiation import Negotiation
from txsmtpx.filters.milter.packet import Packet, PacketReader

TABLE = [
    (commands.Macros(b"C", ((b"j", b"mx"), (b"{client_addr}", b"::1"))), b"DCj\0mx\0{client_addr}\0::1\0"),
    (commands.Macros(b"T"), b"DT"),
    (commands.Connect(b"a.example", b"4", 25, b"192.0.2.1"), b"Ca.example\x004\0\x19192.0.2.1\0"),
    (commands.Connect(b"[::1]", b"6", 65535, b"::1"), b"C[::1]\x006\xff\xff::1\0"),
    (commands.Connect(b"localhost", b"L", 0, b"/run/x"), b"Clocalhost\0L\0\0/run/x\0"),
    (commands.Connect(b"unknown"), b"Cunknown\0U"),
    (commands.Hello(b"a.example"), b"Ha.example\0"),
    (commands.Mail(b"<a@b>", (b"SIZE=1", b"SMTPUTF8")), b"M<a@b>\0SIZE=1\0SMTPUTF8\0"),
    (commands.Mail("<ä@b>".encode()), b"M<\xc3\xa4@b>\0"),
    (commands.Recipient(b"<>"), b"R<>\0"),
    (commands.Data(), b"T"),
    (commands.HeaderField(b"Subject", b" a\n b"), b"LSubject\0 a\n b\0"),
    (commands.EndOfHeader(), b"N"),
    (commands.Body(b"a\0b"), b"Ba\0b"),
    (commands.EndOfMessage(), b"E"),
    (commands.EndOfMessage(b"x"), b"Ex"),
    (commands.Unknown(b"XYZZY now"), b"UXYZZY now\0"),
    (commands.Abort(), b"A"),
    (commands.Quit(), b"Q"),
    (commands.QuitNewConnection(), b"K"),
    (Negotiation(), b"O\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff"),
]


def packet(octets: bytes) -> Packet:
    return Packet(octets[:1], octets[1:])


@pytest.mark.parametrize(("command", "octets"), TABLE)
def test_the_octets(command, octets):
    assert encode(command) == len(octets).to_bytes(4) + octets
    assert decode(packet(octets)) == command


@given(COMMAND)
def test_there_and_back(command):
    (found,) = PacketReader().feed(encode(command))
    assert decode(found) == command


@pytest.mark.parametrize("octets", [octets for command, octets in TABLE if not isinstance(command, commands.Body)])
def test_a_trailing_octet(octets):
    if octets[:1] in b"E":
        return
    with pytest.raises(MilterProtocolError):
        decode(packet(octets + b"x"))


@pytest.mark.parametrize(("octets", "text"), [
    (b"X", "no command has the code b'X'"),
    (b"c", "no command has the code b'c'"),
    (b"DCj\0", "macros of b'C': the last one has no value"),
    (b"D", "command b'D': 1 octets are missing"),
    (b"Ca\0X\0\0x\0", "no family of addresses is b'X'"),
    (b"Ca\x004\0", "command b'C': 1 octets are missing"),
    (b"M", "command b'M': a string has no NUL at its end"),
    (b"A\0", "command b'A': 1 octets behind its end"),
])  # fmt: skip
def test_malformed(octets, text):
    with pytest.raises(MilterProtocolError, match=f"^{text}$"):
        decode(packet(octets))


@given(st.binary(min_size=1, max_size=1), st.binary(max_size=40))
def test_any_octets(code, data):
    """They are a command, which has these octets again, or a protocol error."""
    try:
        command = decode(Packet(code, data))
    except MilterProtocolError:
        return
    if not isinstance(command, Negotiation):  # whose macros are words
        assert encode(command) == (1 + len(data)).to_bytes(4) + code + data
