"""The replies of a milter, and their octets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.filters.milter.values import REPLY
from txsmtpx.filters.milter import filter_replies as replies
from txsmtpx.filters.milter.errors import MilterProtocolError
from txsmtpx.filters.milter.filter_replies import decode, encode
from txsmtpx.filters.milter.negotiation import Negotiation
from txsmtpx.filters.milter.packet import Packet, PacketReader

TABLE = [
    (replies.Continue(), b"c"),
    (replies.AcceptAll(), b"a"),
    (replies.DiscardMessage(), b"d"),
    (replies.Reject(), b"r"),
    (replies.TemporaryFailure(), b"t"),
    (replies.Skip(), b"s"),
    (replies.Shutdown(), b"4"),
    (replies.ConnectionFailure(), b"f"),
    (replies.Progress(), b"p"),
    (replies.ReplyCode(b"550-5.7.1 No,\r\n550 5.7.1 100%% no"), b"y550-5.7.1 No,\r\n550 5.7.1 100%% no\0"),
    (replies.SetMacros(3, (b"i", b"{rcpt_addr}")), b"l\0\0\0\x03i {rcpt_addr}\0"),
    (replies.AddHeader(b"X", b" a\n b"), b"hX\0 a\n b\0"),
    (replies.InsertHeader(1, b"X", b""), b"i\0\0\0\x01X\0\0"),
    (replies.ChangeHeader(258, b"X", b"y"), b"m\0\0\x01\x02X\0y\0"),
    (replies.ChangeSender(b"<a@b>"), b"e<a@b>\0"),
    (replies.ChangeSender(b"<a@b>", b"RET=HDRS"), b"e<a@b>\0RET=HDRS\0"),
    (replies.AddRecipient(b"<a@b>"), b"+<a@b>\0"),
    (replies.AddRecipientWithArguments(b"<a@b>", b"NOTIFY=NEVER"), b"2<a@b>\0NOTIFY=NEVER\0"),
    (replies.AddRecipientWithArguments(b"<a@b>"), b"2<a@b>\0"),
    (replies.DeleteRecipient(b"<a@b>"), b"-<a@b>\0"),
    (replies.ReplaceBody(b"a\0\r\n"), b"ba\0\r\n"),
    (replies.Quarantine(b"virus"), b"qvirus\0"),
    (Negotiation(), b"O\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff"),
]


def packet(octets: bytes) -> Packet:
    return Packet(octets[:1], octets[1:])


@pytest.mark.parametrize(("reply", "octets"), TABLE)
def test_the_octets(reply, octets):
    assert encode(reply) == len(octets).to_bytes(4) + octets
    assert decode(packet(octets)) == reply


@given(REPLY)
def test_there_and_back(reply):
    (found,) = PacketReader().feed(encode(reply))
    assert decode(found) == reply


@pytest.mark.parametrize(("octets", "reply"), [
    (b"y550 No", replies.ReplyCode(b"550 No")),
    (b"qvirus", replies.Quarantine(b"virus")),
    (b"e<a@b>\0\0", replies.ChangeSender(b"<a@b>")),
])  # fmt: skip
def test_what_some_filters_send(octets, reply):
    assert decode(packet(octets)) == reply


@pytest.mark.parametrize("octets", [octets for _, octets in TABLE if octets[:1] not in b"bO"])
def test_a_trailing_octet(octets):
    with pytest.raises(MilterProtocolError):
        decode(packet(octets + b"x"))


@pytest.mark.parametrize(("octets", "text"), [
    (b"X", "no reply has the code b'X'"),
    (b"C", "no reply has the code b'C'"),
    (b"c\0", "reply b'c': 1 octets behind its end"),
    (b"h", "reply b'h': a string has no NUL at its end"),
    (b"hX\0", "reply b'h': a string has no NUL at its end"),
    (b"i\0\0", "reply b'i': 2 octets are missing"),
    (b"e<a@b>\0a\0b\0", "reply b'e': 2 octets behind its end"),
    (b"y550\0 a", "reply b'y': 6 octets of text hold a NUL"),
])  # fmt: skip
def test_malformed(octets, text):
    with pytest.raises(MilterProtocolError, match=f"^{text}$"):
        decode(packet(octets))


@given(st.binary(min_size=1, max_size=1), st.binary(max_size=40))
def test_any_octets(code, data):
    """They are a reply, which decodes again, or a protocol error."""
    try:
        reply = decode(Packet(code, data))
    except MilterProtocolError:
        return
    (found,) = PacketReader().feed(encode(reply))
    assert decode(found) == reply
