"""Packets of the milter protocol: whole, cut at every position, octet by octet, and packets that are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.filters.milter.errors import MilterProtocolError
from txsmtpx.filters.milter.packet import MAX_PACKET, DataReader, Packet, PacketReader, encode, string

PACKETS = [Packet(b"c", b""), Packet(b"h", b"X-Seen\0yes\0"), Packet(b"b", bytes(range(70)))]
OCTETS = b"".join(encode(*packet) for packet in PACKETS)


def test_whole():
    assert list(PacketReader().feed(OCTETS)) == PACKETS


@pytest.mark.parametrize("cut", range(len(OCTETS) + 1))
def test_cut_at_every_position(cut):
    reader = PacketReader()
    assert [*reader.feed(OCTETS[:cut]), *reader.feed(OCTETS[cut:])] == PACKETS
    assert not reader.partial


def test_octet_by_octet():
    reader = PacketReader()
    assert [each for n in range(len(OCTETS)) for each in reader.feed(OCTETS[n : n + 1])] == PACKETS


def test_a_part_of_a_packet():
    reader = PacketReader()
    assert list(reader.feed(OCTETS[:7])) == PACKETS[:1]
    assert reader.partial


def test_packets_are_read_one_at_a_time():
    reader = PacketReader()
    for packet in PACKETS:  # the caller may stop between two of them, and the others are not lost
        assert next(iter(reader.feed(OCTETS if packet is PACKETS[0] else b""))) == packet


@pytest.mark.parametrize(("size", "said"), [(0, "0"), (MAX_PACKET + 1, "1048577"), (2**32 - 1, "4294967295")])
def test_a_size_that_no_packet_has(size, said):
    with pytest.raises(MilterProtocolError, match=rf"a packet has 1 to 1048576 octets, not {said}$"):
        list(PacketReader().feed(size.to_bytes(4)))


def test_the_largest_packet():
    octets = encode(b"b", bytes(MAX_PACKET - 1))
    assert [len(packet.data) for packet in PacketReader().feed(octets)] == [MAX_PACKET - 1]


@given(st.lists(st.binary(max_size=20)))
def test_any_octets(pieces):
    """They are packets, or a protocol error, and never another exception."""
    reader = PacketReader(limit=100)
    try:
        for piece in pieces:
            for packet in reader.feed(piece):
                assert len(packet.code) == 1
    except MilterProtocolError:
        pass


def test_the_data_of_a_packet():
    reader = DataReader("X", b"a\0\0\x01\x02\0\0\0\x03one\0two\0")
    assert (reader.string(), reader.octet(), reader.uint16()) == (b"a", b"\0", 258)
    assert (reader.uint32(), reader.more, reader.strings(), reader.more) == (3, True, (b"one", b"two"), False)
    reader.end()


@pytest.mark.parametrize(("read", "data", "text"), [
    (DataReader.octet, b"", "X: 1 octets are missing"),
    (DataReader.uint16, b"1", "X: 1 octets are missing"),
    (DataReader.uint32, b"1", "X: 3 octets are missing"),
    (DataReader.string, b"abc", "X: a string has no NUL at its end"),
    (DataReader.strings, b"abc\0d", "X: a string has no NUL at its end"),
    (DataReader.text, b"abc\0d\0", "X: 5 octets of text hold a NUL"),
    (DataReader.end, b"abc", "X: 3 octets behind its end"),
])  # fmt: skip
def test_malformed_data(read, data, text):
    with pytest.raises(MilterProtocolError, match=f"^{text}$"):
        read(DataReader("X", data))


@pytest.mark.parametrize("data", [b"abc", b"abc\0"])
def test_a_text_with_and_without_its_nul(data):
    assert DataReader("X", data).text() == b"abc"


def test_a_nul_ends_a_string():
    assert string(b"a\0b", b"") == b"a\0\0"
